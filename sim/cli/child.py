"""A rehearsal played in a process of its own, and what becomes of it when we are told to end."""

from __future__ import annotations

import contextlib
import signal
import subprocess
from collections.abc import Iterator


@contextlib.contextmanager
def passed_on(child: subprocess.Popen[bytes]) -> Iterator[list[int]]:
    """Let the run end by itself when we are told to: killing it would leave its stack behind.

    Ctrl-C reaches it anyway, being in our process group; what only we are told is passed on.
    """
    told: list[int] = []

    def interrupted(number: int, frame: object) -> None:
        told.append(number)

    def ended(number: int, frame: object) -> None:
        told.append(number)
        with contextlib.suppress(ProcessLookupError):
            child.send_signal(number)

    before = {number: signal.signal(number, interrupted if number == signal.SIGINT else ended)
              for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)}
    try:
        yield told
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
