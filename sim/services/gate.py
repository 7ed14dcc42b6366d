"""The buffer: requests wait at the edge while something behind it must stand still.

Bounded three ways, so a cutover that hangs turns into honest 503s and not into a pile:
how long one request waits, how many wait, and how many bytes they hold.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections import deque

from sim.services import planted

BYTES_MAX = 16 << 20
"""Assumption: 2,000 requests of some 2 kB fit four times over, and the edge stays below 80 MB."""


class Shed(Exception):
    """Refused on purpose: answer 503 with this reason in Rehearse-Shed."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class Gate:
    """Open: requests pass at once. Shut: they wait, first come first served.

    Owned by the edge; only touched from its loop.
    """

    def __init__(self, *, wait_s: float, waiting_max: int) -> None:
        self._wait_s, self._waiting_max = wait_s, waiting_max
        self._waiters: deque[asyncio.Future[None]] = deque()
        self._shut_at_s: float | None = None
        self._past_s = 0.0
        self._held_bytes = 0

    @property
    def is_shut(self) -> bool:
        """True while requests wait."""
        return self._shut_at_s is not None

    @property
    def waiting(self) -> int:
        """How many requests wait now."""
        return len(self._waiters)

    @property
    def buffered_s(self) -> float:
        """How long the gate has been shut, all times together."""
        now = time.monotonic()
        return self._past_s + (now - self._shut_at_s if self._shut_at_s is not None else 0.0)

    def shut(self) -> None:
        """From now on requests wait."""
        if self._shut_at_s is None:
            self._shut_at_s = time.monotonic()

    def open(self) -> None:
        """Let everything that waits pass, in the order it came."""
        if self._shut_at_s is None:
            return
        self._past_s += time.monotonic() - self._shut_at_s
        self._shut_at_s = None
        while self._waiters:
            waiter = self._waiters.popleft()
            if not waiter.done() and not planted.every("forget-waiter", 3):
                waiter.set_result(None)

    async def wait(self, size_bytes: int) -> float:
        """Wait until the gate is open; returns the seconds waited.

        Raises Shed('buffer_full') over the bounds in count and bytes, Shed('buffer_time') over the bound in time.
        """
        if not self._is_shut():
            return 0.0
        began_s = time.monotonic()
        if len(self._waiters) >= self._waiting_max or self._held_bytes + size_bytes > BYTES_MAX:
            raise Shed("buffer_full")
        self._held_bytes += size_bytes
        try:
            while self._is_shut():  # it may shut again before a released request gets its turn
                left_s = began_s + self._wait_s - time.monotonic()
                if left_s <= 0:
                    raise Shed("buffer_time")
                await self._turn(left_s)
        finally:
            self._held_bytes -= size_bytes
        return time.monotonic() - began_s

    def _is_shut(self) -> bool:
        return self._shut_at_s is not None

    async def _turn(self, left_s: float) -> None:
        waiter: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiters.append(waiter)
        try:
            async with asyncio.timeout(left_s):
                await waiter
        except TimeoutError:
            raise Shed("buffer_time") from None
        finally:
            with contextlib.suppress(ValueError):  # released ones are taken off by `open`
                self._waiters.remove(waiter)
