"""A run's folder: made once, for its owner alone, `latest` beside it."""

from __future__ import annotations

import contextlib
import itertools
import os
import shutil
from datetime import UTC, datetime
from pathlib import Path

from sim.errors import BadInput
from sim.paths import runs

ROOM_BYTES = 100_000_000
"""Assumption: some times what scenario 10 leaves (18 MB in two minutes, measured); a longer run may still fill it."""


def make_run_folder(slug: str, seed: int, run_dir: Path | None) -> Path:
    """Create the folder of a new run (`<time>-<scenario>-<seed>`), with logs/ in it.

    Raises BadInput if the folder asked for holds a run already or can't be made.
    """
    if run_dir is not None and (run_dir / "history.jsonl").exists():
        raise BadInput("this folder holds a run already", where=str(run_dir), todo="give --run-dir an empty folder")
    folder = run_dir if run_dir is not None else runs()
    _must_have_room(folder)
    try:
        if run_dir is None:
            folder = _new_folder(f"{datetime.now(UTC).strftime('%Y%m%dT%H%M%SZ')}-{slug}-{seed}")
        else:
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        (folder / "logs").mkdir(mode=0o700, exist_ok=True)
    except OSError as error:
        raise BadInput("the run folder can't be made", where=str(folder), seen=str(error)) from error
    if run_dir is None:
        point_latest(folder)
    return folder.resolve()


def _must_have_room(folder: Path) -> None:
    free = ROOM_BYTES
    for there in (folder.absolute(), *folder.absolute().parents):  # the nearest that is there
        with contextlib.suppress(OSError):
            free = shutil.disk_usage(there).free
            break
    if free < ROOM_BYTES:
        raise BadInput("a run's folder takes more room than is left", where=str(folder),
                       seen=f"{free / 1e6:.0f} MB are free",
                       todo="free some, or give --run-dir a folder on another disk")


def _new_folder(name: str) -> Path:
    """Make a folder nobody else has: two runs may begin in one second."""
    for n in itertools.count(1):
        folder = runs() / (name if n == 1 else f"{name}.{n}")
        with contextlib.suppress(FileExistsError):
            folder.mkdir(mode=0o700)
            return folder
    raise AssertionError("unreachable")


def point_latest(folder: Path) -> None:
    """Let `latest` beside the folder name it; atomically, and never fatal."""
    link = folder.parent / "latest"
    new = folder.parent / f".latest-{os.getpid()}"
    with contextlib.suppress(OSError):
        new.unlink(missing_ok=True)
        new.symlink_to(folder.name)
        new.replace(link)


def write_private(path: Path, text: str | bytes) -> None:
    """Write a file for its owner alone (0600), whole or not at all."""
    part = path.with_name(path.name + ".part")
    descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        os.fchmod(file.fileno(), 0o600)  # a part that a kill left, or somebody else made
        file.write(text.encode() if isinstance(text, str) else text)
    part.replace(path)
