"""Old and new are compared over the same number of seconds; clients' latency from the switch on."""

from __future__ import annotations

import msgspec
import pytest

from sim.checks.terms import Terms
from sim.scenario import load_scenario
from tests.support.builders import Tale

COMPARED_S = 8.0


def tale() -> Tale:
    made = Tale()
    made.terms = msgspec.structs.replace(made.terms, compared_s=COMPARED_S)
    return made


def traffic(made: Tale, seconds: float, took_s: float, *, side: str = "blue") -> None:
    """Ten introspections a second, a gauge each."""
    for _ in range(int(seconds)):
        made.note("harness", "gauge", **{side: {"cpu_s": made.now_s * 0.5, "rss_bytes": 100 if took_s < 0.05 else 900}})
        for _ in range(10):
            due_s = made.now_s
            i = made.begin("rs-1", "introspect", grant="g", token="t", due_s=due_s)
            made.now_s = due_s + took_s
            made.end(i, active=True)
            made.now_s = max(made.now_s, due_s + 0.1)


def step(made: Tale, kind: str, seconds: float, took_s: float, *, side: str = "blue") -> None:
    i = made.begin("runbook", "step", step=kind, kind=kind)
    traffic(made, seconds, took_s, side=side)
    made.end(i, route=None, step=kind)


def switched(made: Tale) -> None:
    made.route = "green"
    made.note("runbook", "switch", what="edge", to="green", epoch=2)


def test_both_have_the_same_length_and_neither_warm_up_nor_replay_is_in_them() -> None:
    made = tale()
    step(made, "baseline", 10, 0.02)
    switched(made)
    step(made, "replay", 4, 0.09, side="green")  # slow, and not the new Hydra's fault
    soak = made.begin("runbook", "step", step="soak", kind="soak")
    traffic(made, 2, 0.09, side="green")         # cold
    traffic(made, 13, 0.02, side="green")
    made.end(soak, route=None, step="soak")
    hydra = made.ended().verdict().hydra
    before, after = hydra["before"], hydra["after"]
    assert before["window_s"] == after["window_s"] == COMPARED_S
    assert before["operations"] == pytest.approx(80, abs=2) and after["operations"] == pytest.approx(80, abs=2)
    assert before["p95_s"] == pytest.approx(0.03, abs=0.002)
    assert after["p95_s"] == pytest.approx(0.03, abs=0.002)
    assert before["rss_bytes"] == after["rss_bytes"] == 100
    assert before["cpu_cores"] == pytest.approx(0.5, rel=0.05)


def test_a_soak_that_was_cut_short_is_not_compared() -> None:
    made = tale()
    step(made, "baseline", 10, 0.02)
    switched(made)
    step(made, "soak", 5, 0.02, side="green")
    assert list(made.ended().verdict().hydra) == ["before"]


def test_after_an_unsteady_window_the_next_one_is_compared() -> None:
    made = tale()
    i = made.begin("runbook", "step", step="baseline", kind="baseline")
    traffic(made, 10, 0.8)
    made.note("runbook", "unsteady", step="baseline", why="slow")
    traffic(made, 10, 0.02)
    made.end(i, route=None, step="baseline")
    assert made.ended().verdict().hydra["before"]["p95_s"] == pytest.approx(0.03, abs=0.002)


def test_clients_feel_all_that_comes_after_the_switch() -> None:
    made = tale()
    step(made, "baseline", 10, 0.02)
    switched(made)
    step(made, "replay", 4, 0.5, side="green")
    step(made, "soak", 13, 0.03, side="green")
    figures = made.ended().check("latency").figures
    assert figures["introspect_p99"] == pytest.approx(0.51, abs=0.02)


def test_the_length_is_what_baseline_and_soak_both_have_warm() -> None:
    assert Terms.of(load_scenario("10")).compared_s == 8.0
    assert Terms.of(load_scenario("46")).compared_s == 8.0  # its first soak is before the switch
    assert Terms.of(load_scenario("39")).compared_s >= 0.0
