"""What a run has running, on the disk: so that somebody else can remove it after a SIGKILL.

One file a run in the cache's `living/`, written before a part is used and removed when the
run has cleaned up after itself.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from sim.paths import cache
from sim.rigs.real.labels import part_of
from sim.rigs.real.living import me
from sim.runfolder import write_private

HOME_PREFIX = "rh-"
"""How a process engine's own folder begins; nothing else is ever removed as one."""


def living() -> Path:
    """The folder of all records."""
    folder = cache("living")
    folder.mkdir(mode=0o700, exist_ok=True)
    return folder


def record_of(run_id: str) -> Path:
    """Where this process writes a run's record down."""
    return living() / f"{run_id}.{os.getpid()}.json"


def all_records() -> Iterator[dict[str, Any]]:
    """What every run wrote down, dead or alive, each with its `path`; what can't be read is passed over."""
    for path in sorted(living().glob("*.json")):
        with contextlib.suppress(ValueError, OSError, KeyError, TypeError):
            yield {**json.loads(path.read_text()), "path": path}


@contextlib.contextmanager
def only_one() -> Iterator[None]:
    """Hold the cache's lock for removing: of two cleaners the second must not take what was made in between."""
    with open(cache("clean.lock"), "a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def passwords_of(record: Path) -> Path:
    """The password file that goes with a record, if the run made one (see reaching.py)."""
    return record.with_suffix(".pgpass")


class Record:
    """One run's record."""

    def __init__(self, run_id: str, *, kind: str, run_dir: Path, folder: Path | None = None,
                 inherits: Sequence[str] = ()) -> None:
        """`inherits`: owners of a dead run whose things are this one's (see `Estate`)."""
        self._path = record_of(run_id)
        self._told: dict[str, Any] = {"run": run_id, "owner": me(), "kind": kind, "run_dir": part_of(run_dir),
                                      "folder": str(folder) if folder else "", "processes": {},
                                      "inherits": list(inherits)}
        self._write()

    def add(self, name: str, process: str) -> None:
        """A process was started; `process` is its mark (pid and start)."""
        self._told["processes"].setdefault(name, []).append(process)
        self._write()

    def close(self) -> None:
        """The run has removed everything."""
        passwords_of(self._path).unlink(missing_ok=True)
        self._path.unlink(missing_ok=True)

    def _write(self) -> None:
        write_private(self._path, json.dumps(self._told))
