"""Runs side by side: the table, its figures, and the exit code of several runs together."""

from __future__ import annotations

import itertools
import json

import pytest

from sim.checks.verdict import Check, Phase, Tolerated, Verdict
from sim.report.columns import Ran, Row
from sim.report.comparison import comparison, comparison_json, comparison_text, worst_code


def verdict(word: str = "held", **more: object) -> Verdict:
    told: dict[str, object] = {
        "verdict": word, "ended": "completed", "scenario": "10-x", "engine": "process", "seed": 10,
        "checks": [Check(name="revocation", verdict="held", summary="", evidence=187, figures={"longest_gap": 3.2},
                         tolerated={"longest_gap": Tolerated(5.0, "s", "why", 3.2)}),
                   Check(name="cleanup_safety", verdict="not_asked", summary="")],
        "phases": [Phase(name="copy", kind="copy", begun_s=30.0, took_s=3.1, outcome="ok"),
                   Phase(name="replay", kind="replay", begun_s=45.0, took_s=2.9, outcome="ok")],
        "database": {"rows_updated": 195412, "temp_bytes": 52_000_000},
        "hydra": {"before": {"p95_s": 0.0121, "cpu_cores": 0.61}, "after": {"p95_s": 0.0094, "cpu_cores": 0.44}}}
    return Verdict(**(told | more))  # type: ignore[arg-type]


def cells(rows: list[Row], label: str, section: str = "") -> list[str]:
    found = [r.cells for r in rows if r.label == label and section in ("", r.section)]
    assert len(found) == 1, f"{label}: {len(found)} rows"
    return found[0]


@pytest.mark.parametrize("codes", itertools.combinations([254, 255, 1, 2, 3, 0], 2))
def test_of_two_codes_the_first_of_the_contract_s_order_is_the_answer(codes: tuple[int, int]) -> None:
    assert worst_code(codes) == worst_code(reversed(codes)) == codes[0]


def test_a_code_nobody_knows_is_a_failed_tool_and_no_run_at_all_bad_input() -> None:
    assert worst_code([0, -9]) == 255
    assert worst_code([1, 130]) == 255
    assert worst_code([254, -9]) == 254
    assert worst_code([]) == 254


@pytest.mark.parametrize(("word", "ended", "code"), [
    ("held", "completed", 0), ("broken", "completed", 1), ("unknown", "completed", 2), ("held", "rolled_back", 3),
    ("broken", "rolled_back", 1), ("unknown", "failed", 255)])
def test_a_stored_run_has_the_code_it_ended_with(word: str, ended: str, code: int) -> None:
    assert Ran.of("r", verdict(word, ended=ended)).code == code


def test_one_column_a_run_with_its_own_figures() -> None:
    other = verdict("broken", scenario="11-y", seed=11, engine="docker", checks=[
        Check(name="revocation", verdict="broken", summary="", figures={"longest_gap": 9.5}),
        Check(name="rollback", verdict="unknown", summary="")],
        phases=[Phase(name="copy", kind="copy", begun_s=30.0, took_s=4.0, outcome="fail"),
                Phase(name="copy", kind="copy", begun_s=35.0, took_s=0.4, outcome="ok", undo=True)],
        database={}, hydra={"before": {"p95_s": 0.02}}, ended="rolled_back")
    rows = comparison([Ran.of("a", verdict()), Ran.of("b", other)])
    assert all(len(row.cells) == 2 for row in rows)
    assert cells(rows, "scenario") == ["10-x", "11-y"]
    assert cells(rows, "run") == ["a", "b"]
    assert cells(rows, "seed") == ["10", "11"]
    assert cells(rows, "engine") == ["process", "docker"]
    assert cells(rows, "verdict") == ["✓ HELD", "✗ BROKEN"]
    assert cells(rows, "ended") == ["completed", "rolled back"]
    assert cells(rows, "exit code") == ["0", "1"]
    assert cells(rows, "revocation", "checks") == ["✓ held", "✗ broken"]
    assert cells(rows, "cleanup_safety") == ["– not asked", "-"]
    assert cells(rows, "rollback") == ["-", "? unknown"]
    assert cells(rows, "longest gap") == ["3.2 s of 5.0 s", "9.5 s"], "what was not allowed is compared all the same"
    assert cells(rows, "copy") == ["3.1", "4.0 fail"]
    assert cells(rows, "undo copy") == ["-", "0.4"]
    assert cells(rows, "window, copy to replay") == ["17.90 s", "-"]
    assert cells(rows, "rows updated") == ["195,412", "-"]
    assert cells(rows, "temp MB") == ["52", "-"]
    assert cells(rows, "introspect P95 ms") == ["12.1 > 9.4", "20.0 > -"]
    assert cells(rows, "CPU cores") == ["0.61 > 0.44", "-"]
    assert not any(row.label == "commits" for row in rows), "what no run has said gets no row"


def test_a_tolerance_without_limit_says_all() -> None:
    everything = verdict(checks=[Check(name="login_continuity", verdict="held", summary="", tolerated={
        "browser_sessions": Tolerated("all", "count", "renamed", 612)})])
    assert cells(comparison([Ran.of("a", everything)]), "browser sessions ended") == ["612 of all"]


def test_steps_of_all_runs_stand_in_the_order_in_which_they_were_walked() -> None:
    def walked(*names: str) -> Ran:
        return Ran.of("r", verdict(phases=[Phase(name=n, kind=n, begun_s=0, took_s=1, outcome="ok") for n in names]))

    rows = comparison([walked("baseline", "copy", "migrate"), walked("baseline", "lifetime", "copy", "repair")])
    names = [row.label for row in rows if row.section == "phases"]
    assert names.index("baseline") < names.index("lifetime") < names.index("migrate")
    assert names.index("copy") < names.index("repair")
    assert len(names) == len(set(names)) == 5


def test_a_run_without_a_verdict_says_so_and_costs_the_exit_code() -> None:
    runs = [Ran.of("a", verdict()), Ran(run="b", verdict=None, code=255)]
    rows = comparison(runs)
    assert cells(rows, "verdict") == ["✓ HELD", "no verdict"]
    assert cells(rows, "copy") == ["3.1", "-"]
    assert comparison_json(rows, runs)["exit"] == 255
    only = comparison([Ran(run="b", verdict=None, code=254)])
    assert cells(only, "exit code") == ["254"]


def test_the_text_marks_the_checks_in_which_runs_differ_and_aligns_columns() -> None:
    broken = verdict("broken", checks=[Check(name="revocation", verdict="broken", summary=""),
                                       Check(name="cleanup_safety", verdict="not_asked", summary="")])
    runs = [Ran.of("a-long-run-id", verdict()), Ran.of("b", broken)]
    text = comparison_text(comparison(runs), runs)
    lines = text.splitlines()
    assert [line.split()[1] for line in lines if line.startswith("≠")] == ["revocation"]
    at = {line.index(word) for word in ("b", "BROKEN") for line in lines if line.strip().startswith(
        {"b": "run ", "BROKEN": "verdict"}[word])}
    assert at == {lines[1].rindex("b"), lines[1].rindex("b") + 2}, "the second column begins at one place"
    assert text.endswith("\n") and not any(line != line.rstrip() for line in lines)


def test_json_holds_the_verdicts_as_they_are_and_the_table() -> None:
    runs = [Ran.of("a", verdict()), Ran.of("b", verdict("broken"))]
    told = json.loads(json.dumps(comparison_json(comparison(runs), runs)))
    assert told["exit"] == 1
    assert [r["verdict"]["verdict"] for r in told["runs"]] == ["held", "broken"]
    assert told["runs"][0]["verdict"]["checks"][0]["figures"] == {"longest_gap": 3.2}
    assert {"section": "run", "label": "exit code", "cells": ["0", "1"], "best": [], "differs": True} in told["rows"]
