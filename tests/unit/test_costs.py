"""Comparisons: what each run cost, which is best, and what makes runs incomparable."""

from __future__ import annotations

from typing import Any

from builders import Tale, crossing

from sim.checks.verdict import Check, Phase, Verdict
from sim.report.columns import Measured, Ran, Row
from sim.report.comparison import comparison_json, comparison_text
from sim.report.comparison_page import comparison_page
from sim.report.costs import costs, unlike
from sim.report.measured import measured
from sim.scenario import load_scenario


def run(name: str, *, lost: float = 0, failed: float = 0, ended: str = "completed", copy_s: float = 10.0,
        down: dict[str, float] | None = None, **conditions: str) -> Ran:
    checks = [Check(name="session_continuity", verdict="held", summary="", figures={"lost_chains": lost}),
              Check(name="availability", verdict="held", summary="", figures={"failed": failed, "shed": 0.0})]
    phases = [Phase(name="copy", kind="copy", begun_s=copy_s, took_s=1.0, outcome="ok"),
              Phase(name="replay", kind="replay", begun_s=40.0, took_s=2.0, outcome="ok")]
    verdict = Verdict(verdict="held", ended=ended, scenario=name, engine="process", seed=1,  # type: ignore[arg-type]
                      checks=checks, phases=phases, database={"rows_updated": 100 * (1 + lost)})
    told = {"seed": "1", "traffic.rate": "240/s", **conditions}
    return Ran.of(name, verdict, Measured(down_s=down or {}, late=3, conditions=told))


def row(rows: list[Row], label: str) -> Row:
    return next(r for r in rows if r.label == label)


def test_less_is_better_line_by_line_and_there_is_no_score() -> None:
    rows = costs([run("a", lost=5, failed=0), run("b", lost=2, failed=9)])
    assert row(rows, "lost chains").best == (1,)
    assert row(rows, "requests failed").best == (0,)
    assert not any("score" in r.label for r in rows)


def test_equal_values_are_all_best_and_nobody_is_when_all_are_alike() -> None:
    rows = costs([run("a", lost=2), run("b", lost=2), run("c", lost=3)])
    assert row(rows, "lost chains").best == (0, 1)
    assert row(rows, "requests failed").best == ()


def test_a_run_that_broke_off_is_shown_and_never_best() -> None:
    rows = costs([run("a", lost=5), run("b", lost=6), run("c", lost=0, ended="rolled_back")])
    assert row(rows, "lost chains").cells == ["5", "6", "0"] and row(rows, "lost chains").best == (0,)
    assert row(costs([run("a"), run("c", ended="failed")]), "lost chains").best == ()


def test_downtime_has_a_line_for_each_operation_that_was_asked_for() -> None:
    rows = costs([run("a", down={"revoke": 0.0, "introspect": 0.0}), run("b", down={"revoke": 3600.25})])
    assert row(rows, "revoke down").cells == ["0.00 s", "3600.25 s"] and row(rows, "revoke down").best == (0,)
    assert row(rows, "introspect down").cells == ["0.00 s", "-"]


def test_a_run_without_history_or_verdict_has_dashes() -> None:
    bare = Ran(run="x", verdict=None, code=255)
    rows = costs([run("a", down={"revoke": 1.0}), bare])
    assert all(r.cells[1] == "-" and 1 not in r.best for r in rows)
    assert unlike([run("a"), bare]) == []


def test_other_seed_and_traffic_are_said() -> None:
    runs = [run("a"), run("b", seed="2", **{"traffic.rate": "480/s"})]
    assert unlike(runs) == ["seed is 1 | 2", "traffic.rate is 240/s | 480/s"]
    rows = costs(runs)
    text = comparison_text(rows, runs)
    assert text.startswith("? not alike") and "seed is 1 | 2" in text
    assert comparison_json(rows, runs)["unlike"] == unlike(runs)
    assert "seed is 1 | 2" in comparison_page(runs)


def test_the_best_is_marked_in_text_json_and_page() -> None:
    runs = [run("a", lost=5), run("b", lost=2)]
    rows = costs(runs)
    text = comparison_text(rows, runs)
    assert [line.split() for line in text.splitlines() if "lost chains" in line] == [["lost", "chains", "5", "2", "*"]]
    told: Any = comparison_json(rows, runs)["rows"]
    assert [r["best"] for r in told if r["label"] == "lost chains"] == [[1]]
    assert '<td class="best">2</td>' in comparison_page(runs)


def test_a_history_tells_late_revocations_downtime_and_conditions() -> None:
    tale = Tale()
    good = crossing(tale)
    tale.revoke(good[0])
    tale.route = "blue"
    tale.ask(good[0], active=True)
    i = tale.begin("web-1", "refresh", grant=good[1].name, token="t", due_s=tale.now_s)
    tale.end(i, "fail", status=503, error="503")
    scenario = load_scenario("10")
    told = measured(tale.history(), scenario)
    assert told.late == 1
    assert told.down_s["refresh"] > 0 and told.down_s["introspect"] == 0
    assert told.conditions["seed"] == "1" and told.conditions["traffic.rate"] == "240/s"
    assert told.conditions["population.grants"] == "20000"
