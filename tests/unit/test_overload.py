"""What an overload comes to, on hand-written answers."""

from __future__ import annotations

import pytest

from sim.cli.bench_overload import Answered, counted, rows

SERVED, SHED = Answered(200, False, 0.1), Answered(503, True, 2.0)
REVOKED = Answered(200, False, 0.2, token=3)
RIGHT = [SERVED, SHED, REVOKED]


def test_what_is_shed_with_a_word_and_captured_is_right():
    told = counted(RIGHT, {3}, {3})
    assert told["met"]
    assert (told["sent"], told["served"], told["shed"], told["acknowledged"], told["lost"]) == (3, 2, 1, 1, 0)
    assert told["served_p99_s"] == 0.2


@pytest.mark.parametrize(("answers", "captured", "dead", "named"), [
    ([*RIGHT, Answered(200, False, 0.1, token=4)], {3}, {3, 4}, "lost"),
    ([*RIGHT, Answered(200, False, 0.1, token=4)], {3, 4}, {3}, "alive"),
    ([*RIGHT, Answered(503, False, 0.1)], {3}, {3}, "unsaid"),
    ([*RIGHT, Answered(0, False, 5.0)], {3}, {3}, "gave_up"),
    ([*RIGHT, Answered(502, False, 0.1)], {3}, {3}, "other"),
])
def test_each_wrong_is_named_and_misses(answers: list[Answered], captured: set[int], dead: set[int], named: str):
    told = counted(answers, captured, dead)
    assert not told["met"]
    assert [name for name in ("unsaid", "gave_up", "other", "lost", "alive") if told[name]] == [named]
    table = rows({**told, "capacity_rps": 1.0, "rate_rps": 2.0, "seconds": 3.0, "well_after_s": 0.1})
    assert sum("missed" in row[-1] for row in table) == 1


def test_a_revocation_that_was_shed_may_stand_in_the_queue_and_an_overload_that_was_none_proves_nothing():
    assert counted([*RIGHT, Answered(503, True, 2.0, token=4)], {3, 4}, {3})["met"]
    assert not counted([SERVED, REVOKED], {3}, {3})["met"]
    assert not counted([SERVED, SHED], set(), set())["met"]
    assert counted([SHED], set(), set())["served_p99_s"] is None
