"""`cpu` and `memory`: a part gets less of the machine. Containers only: a process has no bound of its own."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

from sim.errors import EngineDown
from sim.rigs.real.engines.container_faults import ContainerFaults
from sim.rigs.real.engines.engine import Engine
from sim.rigs.real.faults.answers import Answers
from sim.rigs.real.faults.maker import Told
from sim.rigs.real.faults.on_docker import container_faults
from sim.rigs.real.standing import Standing

WATCH_S = 1.0
SLACK = 1.5
"""Assumption: the scheduler lets a container run half a period over its share within a second."""


class Limits:
    """Bounds one running container, and takes the bound off."""

    def __init__(self, engine: Engine, answers: Answers, standing: Standing, wanted: Callable[[], set[str]]) -> None:
        self._engine, self._answers, self._standing, self._wanted = engine, answers, standing, wanted

    def _containers(self) -> ContainerFaults:
        return container_faults(self._engine, "limit a part")

    async def make(self, fault: Told) -> None:
        """See `Maker.make`."""
        await self._containers().limit(str(fault["part"]), cpu=fault.get("cpu"), memory_bytes=fault.get("memory"))

    async def prove(self, fault: Told) -> dict[str, Any]:
        """See `Maker.prove`: the daemon has the bound, and the part keeps to it."""
        part, engine = str(fault["part"]), self._engine
        before = await engine.usage(part)
        await asyncio.sleep(WATCH_S)
        after = await engine.usage(part)
        if fault["fault"] == "cpu":
            share, used = float(fault["cpu"]), (after.cpu_s - before.cpu_s) / WATCH_S
            return {"proven": used <= share * SLACK, "expected": f"at most {share:.0%} of a core",
                    "seen": f"used {used:.1%} of a core"}
        limit = int(fault["memory"])
        return {"proven": after.rss_bytes <= limit, "expected": f"at most {limit >> 20} MiB",
                "seen": f"holds {after.rss_bytes >> 20} MiB" if after.rss_bytes else "its process is gone"}

    async def heal(self, fault: Told) -> dict[str, Any]:
        """See `Maker.heal`: a part that the bound has killed is started again."""
        part, engine = str(fault["part"]), self._engine
        if part not in self._wanted():
            return {"seen": "the runbook has stopped this part meanwhile"}
        if not await engine.incarnation(part):
            await engine.start(part, environment=self._standing.environment(part))
            return {"seen": "it was killed by its limit and is started again"}
        told = await self._containers().limit(part)
        if told["cpu"] is not None or told["memory_bytes"] is not None:
            raise EngineDown("the daemon keeps the limit", where=part, seen=str(told))
        return {"seen": f"without limit; it answers, after {await self._answers.well(part) * 1000:.0f} ms"}
