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


class Noisy:
    """A link whose probe takes now this long, now that; with the toxic in its path so much longer."""

    def __init__(self, own_s: list[float], *, in_path: bool) -> None:
        self.own_s, self.in_path, self.late_s = own_s, in_path, 0.0

    async def add(self, link: str, *, name: str, toxic: str, stream: str, attributes: dict[str, int]) -> None:
        self.late_s = attributes["latency"] / 1000

    async def remove(self, link: str, name: str) -> None:
        self.late_s = 0.0

    async def elapsed(self, link: str, *, limit_s: float) -> float:
        return self.own_s.pop(0) + (self.late_s if self.in_path else 0.0)


@pytest.mark.parametrize("in_path", [True, False])
async def test_a_link_is_proven_on_a_machine_whose_probes_take_now_more_now_less(in_path: bool) -> None:
    # What a job's probe took on a busy machine: usual ones of 160 ms and one of 120 under the toxic, three times.
    noisy = Noisy([0.18, 0.17, 0.16, 0.12, 0.21, 0.16, 0.17, 0.11, 0.19, 0.2, 0.18, 0.13, 0.2, 0.2, 0.2],
                  in_path=in_path)
    faults = LinkFaults(load_stack(), cast(Toxiproxy, noisy), cast(Probing, noisy))
    assert (await faults.prove_link("clients->edge:public"))["proven"] is in_path
    assert noisy.late_s == 0.0


@pytest.mark.parametrize(("latency_ms", "jitter_ms", "took_s", "proven"), [
    (50, 0, 0.052, True), (6000, 0, 6.05, True), (30_000, 0, 30.2, True), (4000, 3000, 7.1, True),
    (6000, 0, 4.0, False), (6000, 0, 60.0, False)])
async def test_a_delay_is_waited_for_whole(latency_ms: int, jitter_ms: int, took_s: float, proven: bool) -> None:
    fault = Fault.model_validate({"name": "late", "fault": "latency", "link": "clients->edge:public", "at": "copy",
                                  "latency": f"{latency_ms}ms", "jitter": f"{jitter_ms}ms"})
    faults = LinkFaults(load_stack(), cast(Toxiproxy, None), cast(Probing, Delayed(took_s)))
    assert (await faults.prove(as_op(fault)))["proven"] is proven
