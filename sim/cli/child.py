"""A rehearsal played in a process of its own, and what becomes of it when we are told to end."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sim.checks.verdict import Verdict

LOG = "logs/rehearsal.log"
"""In the run's folder: what it printed."""


def begin(command: Sequence[str], folder: Path,
          environment: Mapping[str, str] | None = None) -> subprocess.Popen[bytes]:
    """Begin a run whose folder this is (made if it is not there); it prints into its log."""
    (folder / "logs").mkdir(mode=0o700, parents=True, exist_ok=True)
    folder.chmod(0o700)
    with os.fdopen(os.open(folder / LOG, os.O_WRONLY | os.O_CREAT, 0o600), "wb") as output:
        return subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=output, stderr=output, env=environment)


def begin_run(file: Path, folder: Path, engine: str, seed: int) -> subprocess.Popen[bytes]:
    """Begin `rehearse run FILE` in that folder, without a screen and without asking anybody."""
    return begin([sys.executable, "-m", "sim.cli.app", "run", str(file), "--engine", engine, "--seed", str(seed),
                  "--run-dir", str(folder), "--no-tui", "--yes"], folder)


def folder_beside_runs(name: str) -> Path:
    """A new folder for a bench's own runs: beside the others, so that those stay a list of rehearsals."""
    from sim.paths import runs

    beside = runs().parent / name
    beside.mkdir(mode=0o700, exist_ok=True)
    return Path(tempfile.mkdtemp(prefix=datetime.now(UTC).strftime("%Y%m%dT%H%M%SZ-"), dir=beside))


def last_words(folder: Path, characters: int = 400) -> str:
    """The end of what it printed."""
    return (folder / LOG).read_text(errors="replace")[-characters:].strip()


def verdict_of(folder: Path) -> Verdict | None:
    """What it came to; None if it left no verdict that can be read."""
    import msgspec

    from sim.checks.verdict import from_json

    try:
        return from_json((folder / "verdict.json").read_bytes())
    except (OSError, msgspec.MsgspecError):
        return None


@contextlib.contextmanager
def passed_on(children: Collection[subprocess.Popen[bytes]]) -> Iterator[list[int]]:
    """Let the runs end by themselves when we are told to: killing them would leave their stacks behind.

    Ctrl-C reaches them anyway, being in our process group; what only we are told is passed on.
    """
    told: list[int] = []

    def interrupted(number: int, frame: object) -> None:
        told.append(number)

    def ended(number: int, frame: object) -> None:
        told.append(number)
        for child in list(children):
            with contextlib.suppress(ProcessLookupError):
                child.send_signal(number)

    before = {number: signal.signal(number, interrupted if number == signal.SIGINT else ended)
              for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)}
    try:
        yield told
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
