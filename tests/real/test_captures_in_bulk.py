"""`rehearse bench replay` on few captures: it says what the rows say."""

from __future__ import annotations

import pytest

from sim.cli.bench_replay import captures, living, measure, rows
from sim.rigs.real import leftovers

pytestmark = [pytest.mark.real, pytest.mark.timeout(240)]


def test_what_must_live_is_counted_as_it_is_captured() -> None:
    for count in (200, 201, 202, 203, 1000, 1099):
        letters = [one.grant[0] for one in captures(count)]
        assert living(count, 20) == {"r": letters.count("r"), "k": letters.count("k"), "s": 20}
        assert {one.outcome for one in captures(count) if one.grant[0] == "c"} == {"confirmed"}


async def test_a_killed_replay_and_two_more_have_the_effect_of_one() -> None:
    before = {one.name for one in leftovers.find()}
    told = await measure(1000, lambda _: None)
    assert told["met"] and told["alive"] == {"r": 10, "k": 10, "s": 100}
    done, again = told["done"], told["again"]
    assert done["captured"] == again["captured"] == 1000 and done["duplicates"] == 10
    assert (done["replayed"] + done["void"], done["skipped"]) == (980, 20) and done["void"] >= 480
    assert (again["replayed"], again["rows"]) == (0, {})
    assert any("as it should be" in line for row in rows(told) for line in row)
    assert {one.name for one in leftovers.find()} <= before
