"""How many requests may be under way at once: an overload is shed while it is still cheap.

An open stream of requests does not slow down when answers do. Without a bound everything that is
asked waits behind everything that was, until each client has given up before its answer comes,
and the targets work for nobody. With one, whoever is let in is answered in time, and the rest
learns at once that it must come again.
"""

from __future__ import annotations

import asyncio

from sim.services.gate import Shed

AT_ONCE = 256
"""Assumption: Hydra's 20 database connections are busy with a tenth of it; at the 350 requests/s
that two cores carry the last one let in waits 0.7 s."""
WAIT_S = 2.0
"""Assumption: with those 0.7 s well inside a client's 5 s; what a buffer of 3 s releases at once
(some 700 requests) is through by then."""
WAITING_MAX = 512
"""Assumption: twice AT_ONCE, some 1.5 s of work. Measured: without a bound, twice what Hydra answers filled
every connection with clients that waited in vain, and two thirds of them gave up unanswered."""


class Places:
    """First come, first served. Owned by the edge; only touched from its loop."""

    def __init__(self, *, at_once: int = AT_ONCE, wait_s: float = WAIT_S, waiting_max: int = WAITING_MAX) -> None:
        self._free = asyncio.Semaphore(at_once)
        self._wait_s, self._waiting, self._waiting_max = wait_s, 0, waiting_max

    @property
    def is_full(self) -> bool:
        """Whether the next one would be sent away at once."""
        return self._free.locked() and self._waiting >= self._waiting_max

    async def take(self, *, is_owed: bool = False) -> None:
        """Wait for a place; give it back in any case. `is_owed`: whom we let wait before is not sent away now.

        Raises Shed('overload') if too many wait already, or if none came in time.
        """
        if not self._free.locked():
            await self._free.acquire()  # at once
            return
        if self.is_full and not is_owed:
            raise Shed("overload")
        self._waiting += 1
        try:
            async with asyncio.timeout(self._wait_s):
                await self._free.acquire()
        except TimeoutError:
            raise Shed("overload") from None
        finally:
            self._waiting -= 1

    def give_back(self) -> None:
        """One request is answered."""
        self._free.release()
