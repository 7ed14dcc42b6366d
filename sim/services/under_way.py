"""How many requests of one kind are under way, and waiting until there are none."""

from __future__ import annotations

import asyncio
import contextlib
from types import TracebackType


class UnderWay:
    """A context manager around each request. Owned by the edge; only touched from its loop."""

    def __init__(self) -> None:
        self.count = 0
        self._none = asyncio.Event()

    def __enter__(self) -> UnderWay:
        self.count += 1
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None,
                 trace: TracebackType | None) -> None:
        self.count -= 1
        if not self.count:
            self._none.set()

    async def drained(self, deadline_s: float) -> int:
        """Wait until there was an instant with none; returns how many still are after `deadline_s`."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(deadline_s):
                while self.count:
                    self._none.clear()
                    await self._none.wait()
        return self.count
