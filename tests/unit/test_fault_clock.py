"""A clock set wrong is told by the fault's own op alone: as a surprise it must not stand in the log."""

from __future__ import annotations

import time
from typing import Any

from sim.rigs.real.faults.clock import Clock


class Control:
    def __init__(self) -> None:
        self.offset_s = 0.0
        self.noted: list[str] = []

    async def ask(self, method: str, path: str, body: Any = None, *, quiet: bool = False) -> dict[str, Any]:
        if method == "PUT":
            self.offset_s = body["offset_s"]
            if not quiet:
                self.noted.append(path)
        return {"now": time.time() + self.offset_s}


async def test_neither_making_nor_healing_it_is_noted_as_a_command() -> None:
    control = Control()
    clock = Clock({"edge": control})  # type: ignore[dict-item]
    fault = {"part": "edge", "offset": -3600.0}
    await clock.make(fault)
    assert (await clock.prove(fault))["proven"]
    assert (await clock.heal(fault))["seen"] == "its clock is right"
    assert control.noted == []
