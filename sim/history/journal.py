"""The one writer of history.jsonl.

Lines are buffered and flushed with the first one `FLUSH_S` after the last flush; whoever runs the
clock does so too when none is written, so a killed harness loses at most that much. Flushed at once
is what the runbook does, for it says what must be undone, and the invocation of whatever changes a
grant, for afterwards nobody may count on it. Whoever wants to watch inside the same process
subscribes; everybody else reads the file.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec

from sim.errors import DiskFull
from sim.history.history import History
from sim.history.op import Header, Op, OpType

FLUSH_S = 0.25
"""Assumption: a quarter of the one second of ops that a kill may cost."""

RUNBOOK = "runbook"
"""The process of steps, undos and switches."""
CHANGES = frozenset({"revoke", "refresh", "code", "logout"})
"""Operations after which a grant is another; an authorization alone makes none."""

Subscriber = Callable[[Op], None]


class Journal:
    """Writes ops to a file; owns their numbering and their clock.

    >>> journal = Journal(path, scenario="10-…", seed=10, engine="process")
    >>> i = journal.invoke("web-1", "refresh", grant="…")
    >>> journal.complete(i, "ok", route="blue", value={…})
    """

    def __init__(self, path: Path, *, scenario: str, seed: int, engine: str, grants: int = 0) -> None:
        self._begin(path, os.O_CREAT | os.O_EXCL)
        now = datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        header = Header(origin_utc=now, scenario=scenario, seed=seed, engine=engine, grants=grants)
        self._file.write(self._encode(header) + b"\n")
        self._file.flush()

    def _begin(self, path: Path, how: int) -> None:
        self.path = path
        self._encode = msgspec.json.Encoder().encode
        self._file = os.fdopen(os.open(path, os.O_WRONLY | how, 0o600), "wb", buffering=1 << 16)
        self._open: dict[int, Op] = {}
        self._next = 0
        self._subscribers: list[Subscriber] = []
        self.full: DiskFull | None = None
        """Set once the disk had no room for an op: nothing is written from then on, and the run can't be judged."""
        self._flushed_ns = self.origin_ns = time.monotonic_ns()

    @classmethod
    def reopen(cls, path: Path, before: History) -> Journal:
        """Go on with the history of a harness that was killed; `before` is what `History.load` read of it.

        A torn last line is cut off. Indexes and the clock go on: t_s counts from the header's instant.
        What was open gets its one completion, `info`, for nobody knows.
        """
        journal = cls.__new__(cls)
        journal._begin(path, os.O_APPEND)
        if before.torn:
            os.truncate(path, _whole_bytes(path))
        last_s = before.ops[-1].t_s if before.ops else 0.0
        since_s = (datetime.now(UTC) - datetime.fromisoformat(before.header.origin_utc)).total_seconds()
        journal.origin_ns -= round(max(since_s, last_s) * 1e9)  # a clock set back must not turn time round
        journal._next = before.ops[-1].i + 1 if before.ops else 0
        journal._open = before.left_open()
        for op in journal.open_ops():
            journal.complete(op.i, "info", error="given up: the harness was killed")
        journal.flush()
        return journal

    def now_s(self) -> float:
        """Seconds since the origin."""
        return (time.monotonic_ns() - self.origin_ns) / 1e9

    def subscribe(self, subscriber: Subscriber) -> None:
        """Call `subscriber` with every op from now on, in order, after it was buffered."""
        self._subscribers.append(subscriber)

    def invoke(self, process: str, f: str, *, due_s: float | None = None, grant: str | None = None,
               token_hash: str | None = None, value: dict[str, Any] | None = None) -> int:
        """Write an invocation; returns its index, to be given to `complete`."""
        op = Op(self._next, "invoke", process, f, self._stamp(), None, due_s, grant, token_hash, None, value)
        self._open[op.i] = op
        self._write(op)
        return op.i

    def complete(self, of: int, type: OpType, *, route: str | None = None,
                 value: dict[str, Any] | None = None, error: str | None = None) -> Op:
        """Write the one completion of invocation `of`.

        Raises KeyError if `of` is not open: a second completion is a bug.
        """
        begun = self._open.pop(of)
        op = Op(self._next, type, begun.process, begun.f, self._stamp(), of, None, begun.grant,
                begun.token_hash, route, value, error)
        self._write(op)
        return op

    def note(self, process: str, f: str, value: dict[str, Any], *, grant: str | None = None) -> Op:
        """Write something without an outcome: a lone `info`."""
        op = Op(self._next, "info", process, f, self._stamp(), None, None, grant, None, None, value)
        self._write(op)
        return op

    def open_ops(self) -> list[Op]:
        """Invocations that have no completion yet, oldest first."""
        return list(self._open.values())

    def flush(self) -> None:
        """Put everything written so far into the file. Raises DiskFull, once."""
        if self.full is not None:
            return
        try:
            self._file.flush()
        except OSError as error:
            self._gave_up(error)
        self._flushed_ns = time.monotonic_ns()

    def close(self) -> None:
        """Complete what is open as `info` (the run ended under it) and close the file."""
        for op in self.open_ops():
            self.complete(op.i, "info", error="the run ended before an answer")
        self.flush()
        try:
            self._file.close()
        except OSError:  # what had no room has none now
            if self.full is None:
                raise

    def _stamp(self) -> float:
        return round((time.monotonic_ns() - self.origin_ns) / 1e9, 6)

    def _write(self, op: Op) -> None:
        self._next += 1
        if self.full is None:
            try:
                self._file.write(self._encode(op) + b"\n")
            except OSError as error:
                self._gave_up(error)
            if _at_once(op) or time.monotonic_ns() - self._flushed_ns > FLUSH_S * 1e9:
                self.flush()
        for subscriber in self._subscribers:
            subscriber(op)

    def _gave_up(self, error: OSError) -> None:
        """Raise it; said once, so that the run can still be ended and cleaned up."""
        self.full = DiskFull.of(error, str(self.path))
        raise self.full or error


def _at_once(op: Op) -> bool:
    return op.process == RUNBOOK or (op.type == "invoke" and op.f in CHANGES)


def _whole_bytes(path: Path) -> int:
    """The length up to the end of the last whole line."""
    with open(path, "rb") as file:
        return file.read().rfind(b"\n") + 1
