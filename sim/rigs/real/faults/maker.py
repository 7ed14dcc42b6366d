"""What one maker of faults does; each kind of fault has one."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Protocol

Told = Mapping[str, Any]
"""A fault as sim.faults.telling writes it."""

AGAIN_S = 0.05
"""Assumption: looked at every 50 ms, a cut is seen as soon as a person could."""


class Maker(Protocol):
    """Makes one kind of fault; StepFailed (or another RehearsalError) says what was in the way."""

    async def make(self, fault: Told) -> None:
        """Put it in effect; as fast as can be, since what comes of it is measured from here."""
        ...

    async def prove(self, fault: Told) -> dict[str, Any]:
        """{proven, expected, seen}: what a probe sees of it now."""
        ...

    async def heal(self, fault: Told) -> dict[str, Any]:
        """Take it off, also if it was made half way; {seen, …}: the proof that it is off."""
        ...


async def looked_for(look: Callable[[], Awaitable[dict[str, Any]]], within_s: float) -> dict[str, Any]:
    """Look until the effect is seen, for so long at most: a cut reaches open connections a little later."""
    until = time.monotonic() + within_s
    while True:
        told = await look()
        if told["proven"] or time.monotonic() >= until:
            return told
        await asyncio.sleep(AGAIN_S)
