"""Lets one revocation stand still at a named point, for a fault that kills the process just there.

The first process of a container takes no SIGKILL from inside, so a service can't always end itself.
Whoever ordered the halt is told once a revocation stands at the point and kills from outside:
nothing of that revocation goes on meanwhile. An order counts once; without one nothing stands.
"""

from __future__ import annotations

import asyncio
import contextlib
from typing import Any, Literal

from sim.services.grants import Found
from sim.services.revocations import Intent
from sim.services.settings import Direction

Point = Literal["intent", "forward"]
"""intent: it is stored, Hydra was not asked yet. forward: Hydra has done it, the outcome is not stored yet."""
POINTS: tuple[Point, ...] = ("intent", "forward")


class Halt:
    """The edge's one order. Owned by its capture; only touched from its loop."""

    def __init__(self) -> None:
        self._point: Point | None = None
        self._standing: tuple[Intent, Direction] | None = None
        self._stands, self._released = asyncio.Event(), asyncio.Event()

    def order(self, point: Point | None) -> None:
        """The next captured revocation that passes `point` stands there; None calls it off, and what stands goes on."""
        self._released.set()
        self._stands.set()  # whoever asks for the old order hears that it is none any more
        self._point, self._standing = point, None
        self._stands, self._released = asyncio.Event(), asyncio.Event()

    async def passing(self, point: Point, intent: Intent, found: Found, direction: Direction) -> None:
        """A revocation is at `point`; returns at once unless it is to stand there."""
        if point != self._point or not _shows(intent, found, direction):
            return
        self._point, self._standing = None, (intent, direction)
        released = self._released
        self._stands.set()
        await released.wait()

    async def stood(self, within_s: float) -> dict[str, Any]:
        """{ordered, id, direction} once a revocation stands, or after `within_s`: `id` is '' if none does.

        `ordered` is False if nobody ordered a halt of this process, or it was called off.
        """
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(within_s if self._point is not None else 0):
                await self._stands.wait()
        if self._standing is None:
            return {"ordered": self._point is not None, "id": "", "direction": ""}
        intent, direction = self._standing
        return {"ordered": True, "id": intent.id, "direction": direction}


def _shows(intent: Intent, found: Found, direction: Direction) -> bool:
    """Whether the rows of the side that is asked tell if it was done: it knows the grant, and the client owns it."""
    if not intent.request_ids or intent.owner not in ("", intent.client) or found.is_elsewhere:
        return False
    return direction == "forward" or intent.kind in ("access", "refresh")  # back, consents of both sides are joined
