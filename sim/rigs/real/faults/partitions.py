"""`partition`: a part is cut off from another, or from all.

From another: the links between the two are cut, on either engine. From all: its container leaves
the network; a process has no network of its own, so there all its links are cut.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from sim.errors import StepFailed
from sim.rigs.real.engines.container_faults import ContainerFaults
from sim.rigs.real.engines.engine import Engine
from sim.rigs.real.faults.answers import Answers
from sim.rigs.real.faults.links import LinkFaults
from sim.rigs.real.faults.maker import Told, looked_for
from sim.rigs.real.stack import Stack

SEEN_WITHIN_S = 3.0


class Partitions:
    """Cuts by links, or by the network where there is one."""

    def __init__(self, engine: Engine, stack: Stack, links: LinkFaults, answers: Answers,
                 wanted: Callable[[], set[str]]) -> None:
        self._engine, self._stack, self._links = engine, stack, links
        self._answers, self._wanted = answers, wanted

    async def make(self, fault: Told) -> None:
        """See `Maker.make`."""
        network = self._network(fault)
        if network is None:
            await self._links.cut(str(fault["name"]), self._cut(fault))
            return
        part = str(fault["part"])
        if not await self._engine.incarnation(part):
            raise StepFailed(f"{part} does not run now", where=part)
        await network.detach(part)

    async def prove(self, fault: Told) -> dict[str, Any]:
        """See `Maker.prove`."""
        part = str(fault["part"])
        if self._network(fault) is None:
            seen = {link: await self._links.refused(link) for link in self._probed(fault)}
            unseen = [link for link, told in seen.items() if not told["proven"]]
            return {"proven": bool(seen) and not unseen, "expected": f"{len(self._cut(fault))} links refused",
                    "seen": f"not refused: {', '.join(unseen)}" if unseen else f"refused: {', '.join(seen)}"}

        async def look() -> dict[str, Any]:
            silent = await self._answers.asked(part)
            return {"proven": bool(silent), "expected": "off the network", "seen": silent or "it answers"}

        return await looked_for(look, SEEN_WITHIN_S)

    async def heal(self, fault: Told) -> dict[str, Any]:
        """See `Maker.heal`."""
        part, network = str(fault["part"]), self._network(fault)
        if network is None:
            await self._links.uncut(str(fault["name"]), self._cut(fault))
            took_s = [await self._links.well_again(link) for link in self._probed(fault)]
            slowest_ms = max(took_s, default=0.0) * 1000
            return {"seen": f"{len(took_s)} links answer again, the slowest in {slowest_ms:.0f} ms"}
        await network.attach(part)
        if part not in self._wanted():
            return {"seen": "the runbook has stopped this part meanwhile"}
        return {"seen": f"it answers again, after {await self._answers.well(part) * 1000:.0f} ms"}

    def _network(self, fault: Told) -> ContainerFaults | None:
        """Takes the part off its network; None if links are cut instead."""
        return None if fault.get("from") else self._engine.container_faults

    def _cut(self, fault: Told) -> list[str]:
        part, other = str(fault["part"]), fault.get("from")
        return [name for name, link in self._stack.links.items()
                if part in (link.source, link.service) and (other is None or other in (link.source, link.service))]

    def _probed(self, fault: Told) -> list[str]:
        """Of its links those whose probe can be asked now: both ends run, and it is no job's."""
        wanted = self._wanted()
        return [name for name in self._cut(fault)
                if {self._stack.links[name].service} <= wanted
                and self._stack.links[name].source in wanted | {"clients", "resource-servers"}]
