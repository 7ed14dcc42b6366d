"""What the timeline marks: phases, routes, buffering, faults."""

from __future__ import annotations

from itertools import pairwise

from builders import Tale

from sim.checks.judge import read
from sim.checks.timeline import Timeline
from sim.report import marks


def timeline(tale: Tale) -> Timeline:
    return read(tale.history(), tale.terms).timeline


def test_a_fault_lasts_from_its_effect_to_its_healing() -> None:
    tale = Tale()
    tale.now_s = 9.99
    i = tale.begin("nemesis", "fault", name="slow", fault="latency", link="a->b")
    tale.wait(2.0)
    tale.end(i, route=None, name="slow", proven=True, effect_s=0.5)
    tale.now_s = 19.98
    i = tale.begin("nemesis", "heal", name="slow")
    tale.end(i, route=None, name="slow")
    found = marks.faults(timeline(tale), 30.0)
    assert [(f.name, round(f.begin_s, 6), round(f.end_s, 6), f.says) for f in found] == [
        ("slow", 10.5, 20.0, "slow: latency on a->b, proven")]


def test_a_fault_that_nobody_healed_lasts_to_the_end_and_one_that_failed_says_why() -> None:
    tale = Tale()
    i = tale.begin("nemesis", "fault", name="k", fault="kill", part="edge")
    tale.end(i, "fail", route=None, error="no such part")
    found = marks.faults(timeline(tale), 30.0)
    assert found[0].end_s == 30.0 and found[0].says == "k: kill on edge, could not be made: no such part"


def test_routes_are_whole_and_change_at_the_edge_s_switch_alone() -> None:
    tale = Tale()
    tale.now_s = 5.0
    tale.note("runbook", "switch", what="authz", to="green")
    tale.switch()
    tale.wait(5.0)
    tale.switch("blue")
    found = marks.routes(timeline(tale), 1.0, 20.0)
    assert [r.name for r in found] == ["blue", "green", "blue"]
    assert found[0].begin_s == 1.0 and found[-1].end_s == 20.0
    assert all(a.end_s == b.begin_s for a, b in pairwise(found))
    assert [m.kind for m in marks.moments(timeline(tale))] == ["switch", "return"]


def test_buffering_ends_with_the_next_state_or_the_run() -> None:
    tale = Tale(step_s=1.0)
    for state in ("BUFFERING", "BUFFERING", "RUNNING", "BUFFERING"):
        tale.note("runbook", "state", state=state)
    found = marks.buffering(timeline(tale), 9.0)
    assert [(b.begin_s, b.end_s) for b in found] == [(1.0, 3.0), (4.0, 9.0)]


def test_phases_are_numbered_as_they_began_undos_among_them() -> None:
    tale = Tale()
    tale.step("baseline").step("copy", outcome="fail")
    i = tale.begin("runbook", "undo", step="copy")
    tale.end(i, route=None, step="copy")
    tale.begin("runbook", "undo", step="baseline")
    found = marks.phases(timeline(tale), 7.0)
    assert [(p.n, p.name, p.undo, p.outcome) for p in found] == [
        (1, "baseline", False, "ok"), (2, "copy", False, "fail"), (3, "copy", True, "ok"),
        (4, "baseline", True, "open")]
    assert found[-1].end_s == 7.0
