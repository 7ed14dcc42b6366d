"""Faults on links: Toxiproxy makes them, the link's own probe proves them."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping
from typing import Any

import aiohttp

from sim.errors import RehearsalError, StepFailed
from sim.faults.toxics import SEEN_SHARE
from sim.rigs.real.faults.maker import AGAIN_S, Told, looked_for
from sim.rigs.real.probing import Probing
from sim.rigs.real.stack import Stack
from sim.rigs.real.toxiproxy import Toxiproxy
from sim.scenario.kinds import JOBS

PROOF_DELAYS_S = (0.1, 0.3, 1.0)
"""Assumption: 100 ms stand out from a probe's own few milliseconds. Where they do not (a job is started for
each probe, and on a busy machine that takes 100 ms more or less) longer ones are tried before the link counts
as unproven."""
USUAL_PROBES = 3
"""How many probes say what is usual; of a job's link one: each is a process, and it is asked again in doubt."""
IN_EFFECT_S, HEALED_S = 1.0, 5.0
"""Assumption: a cut is felt within a second, a heal within five (the queue's client dials each 0.2 s, a pool
on its next use)."""
ANSWER_S = 1.0
"""Assumption: a probe that has no answer within a second beyond its usual time, and what delays it, has none."""


class LinkFaults:
    """Makes, proves and heals toxics and cuts; knows what each link's probe usually takes."""

    def __init__(self, stack: Stack, toxiproxy: Toxiproxy, probing: Probing) -> None:
        self._stack, self._toxiproxy, self._probing = stack, toxiproxy, probing
        self._usual_s: dict[str, float] = {}
        self._cuts: dict[str, set[str]] = {}
        """Link → names of the faults that cut it: it is let through when the last one is healed."""

    async def make(self, fault: Told) -> None:
        """See `Maker.make`. What is usual was measured before: nothing may come between order and effect."""
        name, links = str(fault["name"]), self._stack.matching(str(fault["link"]))
        if links[0] not in self._usual_s:
            self._usual_s[links[0]] = await self._usual(links[0])
        if fault["fault"] == "down":
            await self.cut(name, links)
            return
        for link in links:
            await self._toxiproxy.add(link, name=name, toxic=str(fault["fault"]), stream=str(fault["stream"]),
                                      attributes=dict(fault["toxic"]))

    async def change(self, fault: Told, attributes: Mapping[str, int]) -> None:
        """Give a made toxic new attributes (the jitter's schedule)."""
        for link in self._stack.matching(str(fault["link"])):
            await self._toxiproxy.change(link, str(fault["name"]), dict(attributes))

    async def prove(self, fault: Told) -> dict[str, Any]:
        """See `Maker.prove`."""
        link = self._stack.matching(str(fault["link"]))[0]
        return await looked_for(lambda: self._look(link, fault, self._usual_s.get(link, 0.0)), IN_EFFECT_S)

    async def heal(self, fault: Told) -> dict[str, Any]:
        """See `Maker.heal`."""
        name, links = str(fault["name"]), self._stack.matching(str(fault["link"]))
        if fault["fault"] == "down":
            await self.uncut(name, links)
        else:
            for link in links:
                await self._toxiproxy.remove(link, name)
        if self._cuts.get(links[0]):
            return {"seen": "another fault still cuts this link"}
        return {"seen": f"probe answered in {await self.well_again(links[0]) * 1000:.0f} ms"}

    async def cut(self, name: str, links: list[str]) -> None:
        """Refuse new connections on links and close the open ones, in the name of one fault."""
        for link in links:
            self._cuts.setdefault(link, set()).add(name)
            await self._toxiproxy.enable(link, False)

    async def uncut(self, name: str, links: list[str]) -> None:
        """Let connections through again, unless another fault cuts the link too."""
        for link in links:
            cutting = self._cuts.setdefault(link, set())
            cutting.discard(name)
            if not cutting:
                await self._toxiproxy.enable(link, True)

    async def refused(self, link: str) -> dict[str, Any]:
        """What a cut link's probe sees: {proven, expected, seen}."""
        return await looked_for(lambda: self._look(link, {"effect": "refused"}, self._usual_s.get(link, 0.0)),
                                IN_EFFECT_S)

    async def prove_link(self, link: str) -> dict[str, Any]:
        """Prove that a link is in the path: a toxic on it is seen by its probe.

        Returns {proven, usual_s, delayed_s}.
        """
        usual_s = await self._usual(link)
        proven, seen_s = False, 0.0
        for delay_s in PROOF_DELAYS_S:
            seen_s = await self._delayed(link, delay_s, usual_s)
            proven = seen_s - usual_s >= delay_s * SEEN_SHARE
            if proven:
                break
            # A busy machine made the usual probe slow, so that the delay drowned.
            usual_s = min(usual_s, await self._usual(link))
        self._usual_s[link] = usual_s
        return {"proven": proven, "usual_s": round(usual_s, 4), "delayed_s": round(seen_s, 4)}

    async def _delayed(self, link: str, delay_s: float, usual_s: float) -> float:
        """Seconds the link's probe takes under a toxic of so much latency."""
        await self._toxiproxy.add(link, name="proof", toxic="latency", stream="downstream",
                                  attributes={"latency": round(delay_s * 1000), "jitter": 0})
        try:
            return await self._probing.elapsed(link, limit_s=usual_s + 5.0)
        finally:
            await self._toxiproxy.remove(link, "proof")

    async def well_again(self, link: str) -> float:
        """Seconds of a probe once it answers again: a part may wait a little before it dials anew.

        Raises StepFailed if it does not within `HEALED_S`.
        """
        until = time.monotonic() + HEALED_S
        while True:
            try:
                self._usual_s[link] = await self._usual(link)
                return self._usual_s[link]
            except StepFailed:
                if time.monotonic() >= until:
                    raise
                await asyncio.sleep(AGAIN_S)

    async def _usual(self, link: str) -> float:
        """The fastest of some probes: the first may have to open a connection."""
        try:
            probes = 1 if link.partition("->")[0] in JOBS else USUAL_PROBES
            return min([await self._probing.elapsed(link, limit_s=10.0) for _ in range(probes)])
        except (OSError, aiohttp.ClientError, TimeoutError) as error:
            raise StepFailed("the link's probe has no answer without a fault", where=link,
                             seen=repr(error)[:200]) from error

    async def _look(self, link: str, fault: Told, usual_s: float) -> dict[str, Any]:
        effect = str(fault["effect"])
        least_s, most_s = float(fault.get("least_delay_s", 0.0)), float(fault.get("most_delay_s", 0.0))
        try:
            took_s = await self._probing.elapsed(link, limit_s=usual_s + most_s + ANSWER_S)
        except (OSError, aiohttp.ClientError, TimeoutError, RehearsalError) as error:
            seen = f"{type(error).__name__}: {error}"[:200]
            return {"proven": effect != "slower", "expected": effect, "seen": seen}
        slower_s = took_s - usual_s
        proven = effect == "slower" and slower_s >= max(least_s, 0.001)
        return {"proven": proven, "expected": f"{effect} by {least_s * 1000:.0f} ms" if least_s else effect,
                "seen": f"answered, {slower_s * 1000:.0f} ms later than usual"}
