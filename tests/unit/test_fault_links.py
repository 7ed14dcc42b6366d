"""A link's fault is proven by its probe, however long the delay."""

from __future__ import annotations

from typing import Any, cast

import pytest

from sim.faults.toxics import SEEN_SHARE
from sim.rigs.real.faults.links import LinkFaults
from sim.rigs.real.probing import Probing
from sim.rigs.real.stack import load_stack
from sim.rigs.real.toxiproxy import Toxiproxy


class Delayed:
    """A probe that is answered so late."""

    def __init__(self, took_s: float) -> None:
        self.took_s = took_s

    async def elapsed(self, link: str, *, limit_s: float) -> float:
        if limit_s < self.took_s:
            raise TimeoutError
        return self.took_s


@pytest.mark.parametrize(("latency_ms", "jitter_ms", "took_s", "proven"), [
    (50, 0, 0.052, True), (6000, 0, 6.05, True), (30_000, 0, 30.2, True), (4000, 3000, 7.1, True),
    (6000, 0, 4.0, False), (6000, 0, 60.0, False)])
async def test_a_delay_is_waited_for_whole(latency_ms: int, jitter_ms: int, took_s: float, proven: bool) -> None:
    faults = LinkFaults(load_stack(), cast(Toxiproxy, None), cast(Probing, Delayed(took_s)))
    fault: dict[str, Any] = {
        "name": "late", "link": "clients->edge:public", "fault": "latency", "effect": "slower",
        "toxic": {"latency": latency_ms, "jitter": jitter_ms},
        "least_delay_s": (latency_ms - jitter_ms) / 1000 * SEEN_SHARE}
    assert (await faults.prove(fault))["proven"] is proven
