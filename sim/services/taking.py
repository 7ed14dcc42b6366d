"""Takes away on a side what that side could not resolve itself, before it is acknowledged.

A chain that was rotated on the other side after the copy has a token here that Hydra has never
seen: its revocation is answered 200 and ends nothing, and an older generation, which the copy
brought along, lives on. The grant is known to the other side's rows, so it is taken away by
request_id. The role `edge` may delete token rows on the side it carries to, and nothing else.
"""

from __future__ import annotations

import asyncio

from asyncpg.exceptions import InterfaceError, PostgresError

from sim.services.revocations import Intent
from sim.services.rows import Rows
from sim.services.settings import Side

DEADLINE_S = 2.0
"""Assumption: five deletes in one transaction take milliseconds; two seconds is a dead database."""


class CannotTake(Exception):
    """The side's Postgres did not do it in time: what was asked for is not in force there."""


class Taking:
    """Writes to one side's token rows. Connects on first use."""

    def __init__(self, dsn: str, side: Side) -> None:
        self._dsn, self._side = dsn, side
        self._rows: Rows | None = None
        self._opening = asyncio.Lock()

    async def take(self, intent: Intent) -> None:
        """Take away the grants of one revocation; again is harmless. Raises CannotTake."""
        try:
            async with asyncio.timeout(DEADLINE_S):
                await (await self._opened()).revoke([(intent, intent.request_ids)])
        except (PostgresError, InterfaceError, OSError, TimeoutError) as error:
            raise CannotTake(f"{self._side}: {type(error).__name__}") from error

    async def _opened(self) -> Rows:
        async with self._opening:
            if self._rows is None:
                self._rows = await Rows.open(self._dsn, connections=2, writing=True)
            return self._rows

    async def close(self) -> None:
        """Close the connections, at once."""
        if self._rows is not None:
            self._rows.terminate()
