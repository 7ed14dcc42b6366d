"""The longest time in which an operation was asked for and none was answered."""

import pytest
from builders import Tale

from sim.checks.gaps import Gaps
from sim.checks.terms import LONGEST_GAP_S


def longest(*events, held=(), now_s=100.0):
    """Events are (when, 'ask'|'ok'|'fail'|'shed', index)."""
    gaps, asked = Gaps(), {}
    for n, (at_s, what, i) in enumerate(events):
        if what == "ask":
            asked[i] = n
            gaps.begins("introspect", n, at_s)
        else:
            gaps.ends("introspect", asked[i], n, at_s, answered={"ok": True, "fail": False, "shed": None}[what])
    return gaps.longest(list(held), now_s, over=False)[0]


@pytest.mark.parametrize(("events", "gap_s"), [
    ([(0, "ask", 1), (0.1, "ok", 1), (5, "ask", 2), (5.1, "ok", 2)], 0.0),  # nobody asked in between
    ([(0, "ask", 1), (0.1, "ok", 1), (1, "ask", 2), (1.5, "ask", 3), (4, "ok", 3), (4.1, "ok", 2)], 3.0),  # all wait
    ([(0, "ask", 1), (0, "ask", 2), (2, "ok", 1), (4, "ok", 2)], 2.0),  # each answer ends a gap
    ([(0, "ask", 1), (0.1, "fail", 1), (2, "ask", 2), (2.1, "fail", 2), (3, "ask", 3), (3.1, "ok", 3)], 3.1),  # refused
    ([(0, "ask", 1), (0.1, "ok", 1), (98, "ask", 2), (98.1, "fail", 2)], 2.0),  # and never again
    ([(0, "ask", 1), (3, "shed", 1), (3, "ask", 2), (3.1, "ok", 2)], 0.0),  # on purpose: counted elsewhere
    ([(0, "ask", 1), (3, "ask", 2), (3.1, "ok", 2), (3.1, "shed", 1)], 0.0),  # nor at the instant of an answer
    ([(0, "ask", 1), (3, "ask", 2), (3.1, "shed", 1), (3.1, "ok", 2)], 0.0),
    ([(0, "ask", 1), (3, "ask", 2), (3.1, "ok", 2), (3.1, "fail", 1)], 3.1),
    ([(0, "ask", 1), (3, "ask", 2), (3.1, "fail", 1), (3.1, "ok", 2)], 3.1),
])
def test_a_gap_is_from_the_first_request_to_the_next_answer(events, gap_s):
    assert longest(*events) == pytest.approx(gap_s)


def test_what_the_edge_holds_back_is_no_gap():
    events = [(0, "ask", 1), (3, "ok", 1)]
    assert longest(*events, held=[(0.5, 2.9)]) == pytest.approx(0.6)
    assert longest(*events, held=[(0.5, 2), (1, 2.9)]) == pytest.approx(0.6)


def standing_still(seconds):
    """The availability check of a history with one request that waits so long among 600 others."""
    tale = Tale(availability__longest_gap__s=LONGEST_GAP_S)
    grant = tale.grant("g")
    for _ in range(600):
        tale.ask(grant, active=True)
    i = tale.begin("rs-1", "introspect", grant=grant.name, token=grant.access)
    tale.wait(seconds).end(i, active=True)
    return tale.check("availability")


def test_reads_that_stand_still_break_availability():
    assert standing_still(0.5).verdict == "held"
    stood = standing_still(2.0)
    assert stood.verdict == "broken"
    assert stood.figures["longest_gap"] == pytest.approx(2.01)
    assert "introspect was asked for and nobody got an answer" in stood.summary


def test_a_token_that_is_active_for_nobody_breaks_token_continuity():
    tale = Tale()
    grant = tale.grant("g")
    for _ in range(150):
        tale.ask(grant, active=True)
    assert tale.check("token_continuity").verdict != "broken"
    i = tale.begin("rs-1", "introspect", grant=grant.name, token=grant.access)
    tale.end(i, active=True, sub_ok=False)
    assert tale.check("token_continuity").figures["wrong_subject"] == 1
    assert tale.check("token_continuity").verdict == "broken"
