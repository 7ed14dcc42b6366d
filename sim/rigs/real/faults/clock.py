"""`clock`: the wall clock of one of our own services is ahead or behind.

A machine's own clock can't be moved for one process, so the service is told its offset. A service that
starts again meanwhile has the right time again, as after a reboot.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

from sim.errors import StepFailed
from sim.rigs.real.controls import Controls
from sim.rigs.real.faults.maker import Told

NEAR_S = 0.5
"""Assumption: asking takes milliseconds; a clock half a second off is another one."""


class Clock:
    """Sets a service's clock, and right again at the heal."""

    def __init__(self, controls: Mapping[str, Controls]) -> None:
        self._controls = controls

    async def make(self, fault: Told) -> None:
        """See `Maker.make`."""
        await self._set(fault, float(fault["offset"]))

    async def prove(self, fault: Told) -> dict[str, Any]:
        """See `Maker.prove`: the service is asked for the time."""
        wanted_s, seen_s = float(fault["offset"]), await self._offset(fault)
        return {"proven": abs(seen_s - wanted_s) < NEAR_S, "expected": f"its clock {_said(wanted_s)}",
                "seen": f"its clock is {_said(seen_s)}"}

    async def heal(self, fault: Told) -> dict[str, Any]:
        """See `Maker.heal`. Raises StepFailed if it still tells another time."""
        await self._set(fault, 0.0)
        seen_s = await self._offset(fault)
        if abs(seen_s) >= NEAR_S:
            raise StepFailed("its clock is still wrong", where=str(fault["part"]), seen=_said(seen_s))
        return {"seen": "its clock is right"}

    async def _set(self, fault: Told, offset_s: float) -> None:
        await self._controls[str(fault["part"])].ask(
            "PUT", "/clock", {"offset_s": offset_s}, quiet=True)  # a surprise is told by its fault's op alone

    async def _offset(self, fault: Told) -> float:
        told = await self._controls[str(fault["part"])].ask("GET", "/clock")
        return float(told["now"]) - time.time()


def _said(offset_s: float) -> str:
    return f"{abs(offset_s):.1f} s {'ahead' if offset_s > 0 else 'behind'}"
