"""`rehearse bench overload`, two seconds of it: what the edge acknowledges is captured and in force."""

from __future__ import annotations

import pytest

from sim.cli.bench_overload import measure, rows
from sim.rigs.real import leftovers

pytestmark = [pytest.mark.real, pytest.mark.timeout(120)]


async def test_no_acknowledged_revocation_is_lost_in_an_overload() -> None:
    """How many are shed, and how late, is the machine's: the benchmark asks that."""
    before = {one.name for one in leftovers.find()}
    told = await measure(2.0, lambda _: None)
    assert told["acknowledged"] > 0
    assert (told["lost"], told["alive"], told["unsaid"], told["other"]) == (0, 0, 0, 0), rows(told)
    assert told["sent"] == told["served"] + told["shed"] + told["gave_up"]
    assert {one.name for one in leftovers.find()} <= before
