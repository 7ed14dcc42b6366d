"""Free loopback ports, reserved by lock file so that two runs at once never get the same one.

A port is tried by binding it; its lock file in the cache holds the owner's pid and start time.
"""

from __future__ import annotations

import os
import random
import socket
from pathlib import Path

from sim.errors import EngineDown
from sim.paths import cache
from sim.rigs.real.living import me

FIRST, LAST = 23000, 31900
"""Below Linux' ephemeral range (32768 and up), so no outgoing connection takes a reserved port."""
TRIES = 400


class Ports:
    """Ports of one run."""

    def __init__(self) -> None:
        self._folder = cache("ports")
        self._folder.mkdir(mode=0o700, exist_ok=True)
        self._mine: list[Path] = []

    def take(self) -> int:
        """A free port. Raises EngineDown if none can be found."""
        for _ in range(TRIES):
            port = random.SystemRandom().randrange(FIRST, LAST)
            lock = self._folder / str(port)
            if not self._lock(lock):
                continue
            if _free(port):
                return port
            self._release(lock)
        raise EngineDown("no free port was found on loopback", where=f"{FIRST}-{LAST}",
                         todo="rehearse clean frees what dead runs hold")

    def _lock(self, lock: Path) -> bool:
        """Make the lock file, whole at once; a dead owner's is left to `rehearse clean`.

        Taking it over here would need a lock of its own: two runs could both find it dead.
        """
        part = self._folder / f".{os.getpid()}.{id(self)}"
        descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "w") as file:
            file.write(me())
        try:
            os.link(part, lock)
        except FileExistsError:
            return False
        finally:
            part.unlink()
        self._mine.append(lock)
        return True

    def _release(self, lock: Path) -> None:
        lock.unlink(missing_ok=True)
        if lock in self._mine:
            self._mine.remove(lock)

    def close(self) -> None:
        """Give every port back."""
        for lock in list(self._mine):
            self._release(lock)


def _free(port: int) -> bool:
    with socket.socket() as probe:
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True
