"""The reduction from ops to what is shown, without a screen."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from screens import shown_at

from sim.history.op import Op
from sim.scenario import load_scenario
from tui.costs import costs
from tui.rates import Row, Traffic
from tui.state import Shown


def op(i: int, type: str, process: str, f: str, t_s: float, of: int | None = None, **rest: Any) -> Op:
    return Op(i=i, type=type, process=process, f=f, t_s=t_s, of=of, **rest)  # type: ignore[arg-type]


def test_latency_counts_from_when_it_was_due() -> None:
    traffic = Traffic()
    traffic.feed(op(0, "invoke", "rs-1", "introspect", 5.2, due_s=5.0))
    traffic.feed(op(1, "ok", "rs-1", "introspect", 5.3, 0, route="blue", value={"active": True}))
    assert traffic.rows["introspect"].quantiles(5.4) == pytest.approx((0.3, 0.3, 0.3))
    assert traffic.sides["blue"].total == 1 and traffic.sides["green"].total == 0


def test_series_and_rate_are_of_whole_seconds() -> None:
    row = Row()
    for n in range(50):
        row.note(10.0 + n * 0.1, 0.01)  # ten a second from 10 to 15
    assert row.series(15.5, 6) == [0, 10, 10, 10, 10, 10]
    assert row.rate(15.5) == 10.0
    assert row.quantiles(200.0) == (None, None, None), "nothing in the last ten seconds"


@pytest.mark.parametrize(("type", "value", "failed", "shed"), [
    ("ok", {"active": True}, 0, 0), ("info", None, 1, 0), ("fail", {"status": 503, "shed": True}, 0, 1),
    ("fail", {"status": 500}, 1, 0)])
def test_failed_and_shed_are_told_apart(type: str, value: dict[str, Any] | None, failed: int, shed: int) -> None:
    traffic = Traffic()
    traffic.feed(op(0, "invoke", "web-1", "introspect", 1.0), "green")
    traffic.feed(op(1, type, "web-1", "introspect", 1.1, 0, value=value), "green")
    row = traffic.rows["introspect"]
    assert (row.failed, row.shed) == (failed, shed)
    assert traffic.sides["green"].failed == failed, "an answer that never came counts where the edge points"


def test_a_clear_no_is_no_failure_and_trouble_comes_first() -> None:
    traffic = Traffic()
    for n, (f, value) in enumerate((("refresh", {"status": 401, "oauth_error": "token_inactive"}),
                                    ("authorize", {"status": 502}), ("introspect", None))):
        traffic.feed(op(2 * n, "invoke", "web-1", f, 1.0))
        traffic.feed(op(2 * n + 1, "ok" if value is None else "fail", "web-1", f, 1.1, 2 * n, value=value))
    assert traffic.rows["refresh"].failed == 0
    assert [name for name, _ in traffic.shown_rows(2.0, 5)] == ["authorize", "introspect", "refresh"]


def test_in_the_middle_of_the_migration(tmp_path: Path) -> None:
    shown = shown_at(48.5, tmp_path)
    assert shown.runbook.current is not None and shown.runbook.current.name == "migrate"
    assert (shown.runbook.at, len(shown.runbook.steps), shown.state) == (5, 12, "RUNNING")
    assert shown.share_done() == pytest.approx(76 / 157)
    assert (shown.side_word("blue"), shown.side_word("green")) == ("SERVING", "MIGRATING")
    assert len(shown.links) == 12 and all(shown.links.values())
    prices = {c.label: c for c in costs(shown)}
    assert prices["new grants"].allowed == load_scenario("10").tolerate["write_loss.grants"].max
    assert 0 < prices["new grants"].share < 1
    share = load_scenario("10").tolerate["session_continuity.lost_chains"].max
    assert isinstance(share, float)
    assert prices["lost chains"].allowed == share * 20_000
    assert prices["lost chains"].estimated, "a share, not yet counted"
    assert shown.way_back()[0] == "free"
    assert shown.captures.in_queue == shown.captures.acknowledged > 0 and shown.captures.missing == 0
    assert shown.by_word("broken") == [] and shown.by_word("held") and shown.by_word("open")
    assert any(e.kind == "warn" and "state 128" in e.text for e in shown.events)


def test_after_the_switch(tmp_path: Path) -> None:
    shown = shown_at(70.0, tmp_path)
    assert (shown.side_word("blue"), shown.side_word("green")) == ("FENCED", "SERVING")
    assert shown.way_back() == ("costs", "15 grants made on green would be lost, 2 revocations carried over")
    assert shown.captures.in_queue == 0 and shown.captures.on_green == shown.captures.acknowledged - 1
    assert shown.captures.void == 1
    assert shown.traffic.sides["green"].rate(shown.now_s) > 20
    assert shown.traffic.sides["blue"].rate(shown.now_s) == 0


def test_a_gate_waits_and_is_decided(tmp_path: Path) -> None:
    waiting = shown_at(54.62, tmp_path, gate=True)
    assert waiting.is_gate and waiting.runbook.gate is not None
    assert (waiting.runbook.gate.ask, waiting.runbook.gate.on_timeout) == ("Cut over to 2.3.0?", "postpone")
    assert not shown_at(56.0, tmp_path, gate=True).is_gate


def test_the_end(tmp_path: Path) -> None:
    shown = shown_at(1e9, tmp_path)
    assert (shown.state, shown.runbook.ended) == ("FINISHED", "completed")
    assert shown.remaining_s("cutover") is None
    assert {s.outcome for s in shown.runbook.steps} == {"ok"}


def test_an_acknowledged_revocation_the_edge_does_not_know_turns_the_panel_red() -> None:
    shown = Shown()
    capture = {"on": True, "direction": "forward", "captured": 0}
    shown.feed(op(0, "info", "harness", "gauge", 1.0, value={"edge": {"capture": capture}}))
    for n in range(3):
        shown.feed(op(2 * n + 1, "invoke", "web-1", "revoke", 1.2, value={"kind": "refresh"}))
        shown.feed(op(2 * n + 2, "ok", "web-1", "revoke", 1.3, 2 * n + 1, route="blue",
                      value={"kind": "refresh", "capture": n + 1}))
    shown.feed(op(7, "info", "harness", "gauge", 2.0, value={"edge": {"capture": {**capture, "captured": 2}}}))
    assert shown.captures.missing == 0, "the edge's account may be a moment older than the acknowledgement"
    shown.feed(op(8, "info", "harness", "gauge", 3.0, value={"edge": {"capture": {**capture, "captured": 2}}}))
    assert shown.captures.missing == 1
    shown.feed(op(9, "info", "harness", "gauge", 4.0, value={"edge": {"capture": {**capture, "captured": 3}}}))
    assert shown.captures.missing == 0


def test_a_fault_waits_for_its_point_and_its_time_counts_from_there() -> None:
    shown = Shown()
    told = {"name": "dies", "fault": "kill", "part": "edge", "after": "intent", "for_s": 5.0}
    shown.feed(op(0, "invoke", "nemesis", "fault", 10.0, value=told))
    (fault,) = shown.faults.log
    assert fault.waits and fault.figures == "after intent"
    shown.feed(op(1, "info", "nemesis", "made", 14.0, value={"name": "dies", "effect_s": 4.0}))
    assert not fault.waits and fault.made_s == 14.0
    shown.feed(op(2, "invoke", "nemesis", "fault", 15.0, value={"name": "plain", "fault": "kill", "part": "edge"}))
    assert not shown.faults.log[1].waits


def test_faults_come_and_go() -> None:
    shown = Shown()
    told = {"name": "slow", "fault": "latency", "link": "edge->queue"}
    shown.feed(op(0, "invoke", "nemesis", "fault", 1.0, value=told))
    assert list(shown.faults.active) == ["slow"]
    shown.feed(op(1, "ok", "nemesis", "fault", 1.1, 0, value={"name": "slow", "proven": True, "seen": "100 ms"}))
    shown.feed(op(2, "invoke", "nemesis", "heal", 2.0, value={"name": "slow"}))
    assert list(shown.faults.active) == ["slow"], "not healed before it is"
    shown.feed(op(3, "ok", "nemesis", "heal", 2.1, 2, value={"name": "slow"}))
    assert not shown.faults.active
    shown.feed(op(4, "invoke", "nemesis", "fault", 3.0, value=told))
    shown.feed(op(5, "fail", "nemesis", "fault", 3.1, 4, error="no such link"))
    assert not shown.faults.active


def test_what_becomes_wrong_is_put_on_the_stack_that_serves(tmp_path: Path) -> None:
    shown = shown_at(48.5, tmp_path)
    good = next(g for g, stand in _stands(shown).items() if stand)
    before = shown.traffic.sides["blue"].wrong
    shown.feed(op(10**6, "invoke", "rs-1", "introspect", 48.6, grant=good, token_hash=_stands(shown)[good]))
    shown.feed(op(10**6 + 1, "ok", "rs-1", "introspect", 48.7, 10**6, grant=good, token_hash=_stands(shown)[good],
                  route="blue", value={"active": False}))
    shown.feed(op(10**6 + 2, "info", "harness", "note", 50.0, value={"text": "later"}))
    shown.settle()
    assert shown.traffic.sides["blue"].wrong == before + 1
    assert [c.name for c in shown.by_word("broken")] == ["token_continuity"]
    assert shown.telling() is not None and shown.telling().name == "token_continuity"  # type: ignore[union-attr]


def _stands(shown: Shown) -> dict[str, str]:
    """Grants that live, with their newest access token."""
    reading = shown._forming._reading  # type: ignore[union-attr]
    return {g: s.access for g, s in reading.tracking.stands.items() if s.access and not s.revokes and s.refresh}
