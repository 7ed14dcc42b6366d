"""Lanes: rate and latency by operation, and what a curve may not pretend."""

from __future__ import annotations

import pytest
from builders import Tale

from sim.history.history import Call
from sim.report.calls import completed
from sim.report.lanes import Lane, Lanes, curve, quantile


def calls(*dues_s: float, took_s: float = 0.1) -> list[Call]:
    tale = Tale()
    for due in dues_s:
        tale.now_s = due - tale.step_s
        i = tale.begin("web-1", "introspect", due_s=due)
        tale.now_s = due + took_s - tale.step_s
        tale.end(i)
    return list(completed(tale.history()))


def lane(found: list[Call], outcome: str = "answered", *, end_s: float = 10.0) -> Lane:
    lanes = Lanes(0.0, end_s, bin_s=1.0)
    for call in found:
        lanes.feed(call, outcome, call.begun.due_s or 0.0)  # type: ignore[arg-type]
    return lanes.busiest(1)[0]


@pytest.mark.parametrize(("share", "value"), [(0.5, 5), (0.95, 10), (0.99, 10), (0.1, 1), (0.0, 1)])
def test_quantiles_are_nearest_rank(share: float, value: int) -> None:
    assert quantile(list(range(1, 11)), share) == value


def test_a_call_counts_where_it_was_due_and_its_latency_from_then() -> None:
    found = lane(calls(0.5, 3.2, 3.4, took_s=2.0))
    assert found.asked == [1, 0, 0, 2, 0, 0, 0, 0, 0, 0]
    assert found.took[3] is not None and list(found.took[3]) == pytest.approx([2.0, 2.0])


def test_what_is_due_outside_counts_nowhere() -> None:
    assert lane(calls(0.5, 9.99, 10.0, 11.0)).total == 2


def test_failed_and_shed_are_kept_apart() -> None:
    assert sum(lane(calls(1.0, 2.0), "failed").failed) == 2
    assert sum(lane(calls(1.0, 2.0), "shed").shed) == 2


def test_a_curve_has_no_point_where_nothing_was_answered() -> None:
    busy = [n / 20 + 0.01 for n in range(40)] + [8 + n / 20 + 0.01 for n in range(40)]
    found = curve(lane(calls(*busy, took_s=0.001)))
    assert [(first, end) for first, end, _ in found] == [(0, 1), (1, 2), (8, 9), (9, 10)]


def test_bins_of_a_rare_operation_are_joined() -> None:
    found = curve(lane(calls(*[n + 0.5 for n in range(10)])))
    assert len(found) == 2 and found[0][:2] == (0, 8)


def test_what_failed_is_drawn_however_rare_it_is() -> None:
    lanes = Lanes(0.0, 10.0, bin_s=1.0)
    for call in calls(1.0, 2.0, 3.0):
        lanes.feed(call, "answered", call.begun.due_s or 0.0)
    tale = Tale()
    i = tale.begin("web-1", "revoke", due_s=1.0)
    tale.end(i, "fail")
    for call in completed(tale.history()):
        lanes.feed(call, "failed", 1.0)
    assert [found.f for found in lanes.busiest(1)] == ["introspect", "revoke"]
