"""A rehearsal played in a process of its own, and what becomes of it when we are told to end."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections import deque
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Protocol, TypeVar

if TYPE_CHECKING:
    from sim.checks.verdict import Verdict

LOG = "logs/rehearsal.log"
"""In the run's folder: what it printed."""
LOOK_S = 0.2
"""Seconds between two looks at the runs under way."""


class Playing(Protocol):
    """A run under way."""

    @property
    def child(self) -> subprocess.Popen[bytes]:
        """Its process."""


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



Asked = TypeVar("Asked")
Under = TypeVar("Under", bound=Playing)


def side_by_side(todo: deque[Asked], jobs: int, begin: Callable[[Asked], Under],
                 ended: Callable[[Under], Iterable[Asked]]) -> bool:
    """Play runs, so many at a time; what `ended` returns is played as well.

    Returns:
        Whether we were told to end: nothing further was begun, the runs under way ended by themselves.
    """
    under_way: list[Under] = []
    children: list[subprocess.Popen[bytes]] = []
    with passed_on(children) as told:
        while (todo and not told) or under_way:
            while todo and not told and len(under_way) < jobs:
                under_way.append(begin(todo.popleft()))
                children.append(under_way[-1].child)
            for one in [one for one in under_way if one.child.poll() is not None]:
                under_way.remove(one)
                children.remove(one.child)
                if not told:
                    todo.extend(ended(one))
            time.sleep(LOOK_S)
    return bool(told)


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
