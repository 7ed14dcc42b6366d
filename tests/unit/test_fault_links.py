"""A link's fault is proven by its probe, however long the delay."""

from __future__ import annotations

from typing import cast

import pytest

from sim.faults.toxics import as_op
from sim.rigs.real.faults.links import LinkFaults
from sim.rigs.real.probing import Probing
from sim.rigs.real.stack import load_stack
from sim.rigs.real.toxiproxy import Toxiproxy
from sim.scenario import Fault


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
    fault = Fault.model_validate({"name": "late", "fault": "latency", "link": "clients->edge:public", "at": "copy",
                                  "latency": f"{latency_ms}ms", "jitter": f"{jitter_ms}ms"})
    faults = LinkFaults(load_stack(), cast(Toxiproxy, None), cast(Probing, Delayed(took_s)))
    assert (await faults.prove(as_op(fault)))["proven"] is proven
