"""WAY BACK says how long the way back takes, as earlier runs took for it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from screens import shown_at

from sim.report.earlier import Earlier, earlier_runs
from tui.ink import text
from tui.widgets.phase import way_back


def verdict(folder: Path, name: str, phases: list[dict[str, Any]], scenario: str = "10-a") -> None:
    (folder / name).mkdir(parents=True)
    (folder / name / "verdict.json").write_text(json.dumps({"scenario": scenario, "phases": phases}))


def phase(name: str, took_s: float, *, undo: bool = False, outcome: str = "ok") -> dict[str, Any]:
    return {"name": name, "took_s": took_s, "undo": undo, "outcome": outcome}


def test_undo_times_are_medians_apart_from_the_steps_own_and_of_other_scenarios_too(tmp_path: Path) -> None:
    verdict(tmp_path, "1", [phase("copy", 3.0), phase("copy", 0.4, undo=True)])
    verdict(tmp_path, "2", [phase("copy", 5.0), phase("copy", 0.6, undo=True), phase("capture", 9.0, undo=True,
                                                                                      outcome="fail")])
    verdict(tmp_path, "3", [phase("copy", 50.0), phase("copy", 0.8, undo=True)], scenario="11-b")
    earlier = earlier_runs(tmp_path / "4", "10-a")
    assert earlier.took_s == {"copy": 4.0} and earlier.runs == 2
    assert earlier.undo_s == {"copy": pytest.approx(0.6)}, "an undo is an undo, whatever the scenario"


@pytest.mark.parametrize(("until_s", "undo_s", "long", "short"), [
    (48.5, {}, "free: nothing lost", "free: nothing lost"),
    (48.5, {n: 0.5 for n in ("lifetime", "capture", "copy", "cleanup", "migrate", "baseline")},
     "free: ~3.0 s, nothing lost", "free: ~3.0 s, nothing lost"),
    (48.5, {"copy": 0.5}, "free: over 0.5 s, nothing lost", "free: over 0.5 s, nothing lost"),
    (70.0, {"copy": 0.5, "cutover": 2.0},
     "15 grants of green lost, 2 revocations carried over, over 2.5 s", "15 grants of green lost, over 2.5 s"),
])
def test_the_way_back_has_its_time(tmp_path: Path, until_s: float, undo_s: dict[str, float], long: str,
                                   short: str) -> None:
    shown = shown_at(until_s, tmp_path)
    shown.earlier = Earlier({}, 0, undo_s)
    assert text(way_back(shown)) == long and text(way_back(shown, short=True)) == short


def test_what_has_nothing_of_its_own_to_undo_takes_no_time(tmp_path: Path) -> None:
    shown = shown_at(48.5, tmp_path)
    for step in shown.runbook.steps:
        step.undo = {"copy": "drop the copy", "baseline": "nothing to undo"}.get(step.name, "goes with the copy")
    shown.earlier = Earlier({}, 0, {"copy": 0.4})
    assert shown.back_s() == (0.4, True)
    next(s for s in shown.runbook.steps if s.name == "copy").undone = True
    assert shown.back_s() is None
