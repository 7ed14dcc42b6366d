"""A run's folder: made once, for its owner alone, `latest` beside it."""

from __future__ import annotations

import contextlib
import os
from datetime import UTC, datetime
from pathlib import Path

from sim.errors import BadInput
from sim.paths import runs


def make_run_folder(slug: str, seed: int, run_dir: Path | None) -> Path:
    """Create the folder of a new run (`<time>-<scenario>-<seed>`), with logs/ in it.

    Raises BadInput if the folder asked for holds a run already or can't be made.
    """
    now = datetime.now(UTC).strftime("%Y%m%dT%H%M%SZ")
    folder = run_dir if run_dir is not None else runs() / f"{now}-{slug}-{seed}"
    n = 1
    while run_dir is None and folder.exists():
        n += 1
        folder = runs() / f"{now}-{slug}-{seed}.{n}"
    if (folder / "history.jsonl").exists():
        raise BadInput("this folder holds a run already", where=str(folder), todo="give --run-dir an empty folder")
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        (folder / "logs").mkdir(mode=0o700, exist_ok=True)
    except OSError as error:
        raise BadInput("the run folder can't be made", where=str(folder), seen=str(error)) from error
    if run_dir is None:
        point_latest(folder)
    return folder.resolve()


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
        file.write(text.encode() if isinstance(text, str) else text)
    part.replace(path)
