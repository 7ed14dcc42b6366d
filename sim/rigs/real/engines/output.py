"""What a one-shot job says: into its log with secrets masked, to whoever listens, and its last lines."""

from __future__ import annotations

import asyncio
import os
from collections import deque
from collections.abc import Callable
from pathlib import Path
from types import TracebackType

from sim.rigs.real.secrets import Secrets

TAIL_LINES = 40


class JobOutput:
    """Takes a job's output in pieces, from any thread; lines reach `on_line` in the loop's thread."""

    def __init__(self, log: Path, secrets: Secrets, loop: asyncio.AbstractEventLoop,
                 on_line: Callable[[str], None] | None) -> None:
        self._secrets, self._loop, self._on_line = secrets, loop, on_line
        self._log = os.fdopen(os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600), "a", encoding="utf-8")
        self._rest = b""
        self._tail: deque[str] = deque(maxlen=TAIL_LINES)
        self.ident = ""
        """The container that runs it, once there is one."""
        self.cancelled = False
        """Set when nobody waits for the job any more."""

    def __enter__(self) -> JobOutput:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None,
                 trace: TracebackType | None) -> None:
        if self._rest:
            self.feed(b"\n")
        self._log.close()

    def feed(self, piece: bytes) -> None:
        """Take some bytes of output."""
        *lines, self._rest = (self._rest + piece).split(b"\n")
        for raw in lines:
            line = self._secrets.mask(raw.decode(errors="replace").rstrip())
            self._log.write(line + "\n")
            self._tail.append(line)
            if self._on_line is not None and not self.cancelled:
                self._loop.call_soon_threadsafe(self._on_line, line)
        self._log.flush()

    def tail(self) -> str:
        """The last lines."""
        if self._rest:
            self.feed(b"\n")
        return "\n".join(self._tail)
