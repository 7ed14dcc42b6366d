"""Faults on the real links: Toxiproxy makes them, a probe proves them."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping
from typing import Any

import aiohttp

from sim.errors import RehearsalError, StepFailed
from sim.rigs.real.probing import Probing
from sim.rigs.real.stack import Stack
from sim.rigs.real.toxiproxy import Toxiproxy

PROOF_DELAY_S = 0.1
"""Assumption: 100 ms stand out from a probe's own few milliseconds, on a busy laptop too."""
SEEN_SHARE = 0.8
PROOFS, USUAL_PROBES = 3, 3
"""How often a link is tried before it counts as unproven, and how many probes say what is usual."""
IN_EFFECT_S, HEALED_S, AGAIN_S = 1.0, 5.0, 0.05
"""Assumption: a cut is felt within a second, a heal within five (the queue's client dials each 0.2 s, a pool
on its next use); looked at every 50 ms."""
ANSWER_S = 1.0
"""Assumption: a probe that has no answer within a second beyond its usual time has none."""


class RealFaults:
    """Makes, proves and heals faults on links of the stack file."""

    def __init__(self, stack: Stack, toxiproxy: Toxiproxy, probing: Probing) -> None:
        self._stack, self._toxiproxy, self._probing = stack, toxiproxy, probing
        self._made: dict[str, Mapping[str, Any]] = {}

    async def make(self, fault: Mapping[str, Any]) -> dict[str, Any]:
        """Make one fault (see sim.faults.toxics.as_op) and say what a probe saw of it.

        Returns {proven, expected, seen}.
        """
        name, kind = str(fault["name"]), str(fault["fault"])
        links = self._stack.matching(str(fault["link"]))
        usual_s = await self._usual(links[0])
        self._made[name] = fault
        for link in links:
            if kind == "down":
                await self._toxiproxy.enable(link, False)
            else:
                await self._toxiproxy.add(link, name=name, toxic=kind, stream=str(fault["stream"]),
                                          attributes=dict(fault["toxic"]))
        return await self._prove(links[0], fault, usual_s)

    async def change(self, name: str, attributes: Mapping[str, int]) -> None:
        """Give a made toxic new attributes (the jitter's schedule)."""
        fault = self._made[name]
        for link in self._stack.matching(str(fault["link"])):
            await self._toxiproxy.change(link, name, dict(attributes))

    async def heal(self, name: str) -> dict[str, Any]:
        """Take a fault off; returns {seen: the probe's word that the link works again}."""
        fault = self._made.pop(name)
        links = self._stack.matching(str(fault["link"]))
        for link in links:
            if fault["fault"] == "down":
                await self._toxiproxy.enable(link, True)
            else:
                await self._toxiproxy.remove(link, name)
        return {"seen": f"probe answered in {await self._well_again(links[0]) * 1000:.0f} ms"}

    async def prove_link(self, link: str) -> dict[str, Any]:
        """Prove that a link is in the path: a toxic on it is seen by its probe.

        Returns {proven, usual_s, delayed_s}.
        """
        usual_s = await self._usual(link)
        seen_s = 0.0
        for _ in range(PROOFS):
            seen_s = await self._delayed(link, usual_s)
            if seen_s - usual_s >= PROOF_DELAY_S * SEEN_SHARE:
                break
            # A busy machine made the usual probe slow, so that the delay drowned: look again.
            usual_s = min(usual_s, await self._usual(link))
        return {"proven": seen_s - usual_s >= PROOF_DELAY_S * SEEN_SHARE, "usual_s": round(usual_s, 4),
                "delayed_s": round(seen_s, 4)}

    async def _delayed(self, link: str, usual_s: float) -> float:
        """Seconds the link's probe takes under a toxic."""
        await self._toxiproxy.add(link, name="proof", toxic="latency", stream="downstream",
                                  attributes={"latency": round(PROOF_DELAY_S * 1000), "jitter": 0})
        try:
            return await self._probing.elapsed(link, limit_s=usual_s + 5.0)
        finally:
            await self._toxiproxy.remove(link, "proof")

    async def _well_again(self, link: str) -> float:
        """Seconds of a probe once it answers again: a part may wait a little before it dials anew.

        Raises StepFailed if it does not within `HEALED_S`.
        """
        until = time.monotonic() + HEALED_S
        while True:
            try:
                return await self._usual(link)
            except StepFailed:
                if time.monotonic() >= until:
                    raise
                await asyncio.sleep(AGAIN_S)

    async def _usual(self, link: str) -> float:
        """The fastest of some probes: the first may have to open a connection."""
        try:
            return min([await self._probing.elapsed(link, limit_s=10.0) for _ in range(USUAL_PROBES)])
        except (OSError, aiohttp.ClientError, TimeoutError) as error:
            raise StepFailed("the link's probe has no answer without a fault", where=link,
                             seen=repr(error)[:200]) from error

    async def _prove(self, link: str, fault: Mapping[str, Any], usual_s: float) -> dict[str, Any]:
        """Probe until the effect is seen, for a second at most: a cut reaches open connections a little later."""
        until = time.monotonic() + IN_EFFECT_S
        while True:
            told = await self._look(link, fault, usual_s)
            if told["proven"] or time.monotonic() >= until:
                return told
            await asyncio.sleep(AGAIN_S)

    async def _look(self, link: str, fault: Mapping[str, Any], usual_s: float) -> dict[str, Any]:
        effect = str(fault["effect"])
        least_s = float(fault.get("least_delay_s", 0.0))
        try:
            took_s = await self._probing.elapsed(link, limit_s=usual_s + least_s + ANSWER_S)
        except (OSError, aiohttp.ClientError, TimeoutError, RehearsalError) as error:
            seen = f"{type(error).__name__}: {error}"[:200]
            return {"proven": effect != "slower", "expected": effect, "seen": seen}
        slower_s = took_s - usual_s
        proven = effect == "slower" and slower_s >= max(least_s, 0.001)
        return {"proven": proven, "expected": f"{effect} by {least_s * 1000:.0f} ms" if least_s else effect,
                "seen": f"answered, {slower_s * 1000:.0f} ms later than usual"}
