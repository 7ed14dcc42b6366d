"""The go/no-go sheet: each precondition has the figure that the plan names for it, and no other; figures open."""

from __future__ import annotations

from pathlib import Path

import pytest
from screens import run_folder, screen_text, shown_at, until

from sim.history.op import Op
from sim.rehearsal import plan_of
from sim.runbook.catalogue import CATALOGUE
from sim.scenario import load_scenario, scenario_files
from tui import ink
from tui.app import RehearsalApp
from tui.measured import MEASURES, measured
from tui.runbook import GateSeen
from tui.screens.evidence import EvidenceScreen
from tui.screens.gate import GateSheet, sheet
from tui.screens.sheets import Question, TextSheet


def of_gate(step: str, tmp_path: Path, until_s: float, *, needs: str | None = None) -> str:
    """The line of the precondition of a step, at an instant of the recording."""
    shown = shown_at(until_s, tmp_path)
    need = CATALOGUE[step].needs if needs is None else needs
    shown.runbook.gate = GateSeen(step, "go?", "lead", until_s, 60.0, "postpone", [need])
    return next(ink.text(line) for line in sheet(shown, 120) if ink.text(line).startswith("MUST BE SO"))


@pytest.mark.parametrize(("step", "until_s", "said"), [
    ("baseline", 10.0, "blue serves   blue answers "), ("lifetime", 25.0, "the last token's: 3600 s"),
    ("capture", 30.0, "the queue acknowledges   edge->queue proven"), ("copy", 41.0, "without an outcome 0, captured "),
    ("cleanup", 44.0, "the copy is whole   171,904 keys, 0 different"),
    ("repair", 54.5, "157 applied of 157"), ("cutover", 54.62, "green is ready   REPAIRING, 1 of 1 links proven"),
    ("soak", 70.0, "green serves   green answers "), ("verify", 70.0, " replayed, 1 void")])
def test_the_figure_is_the_one_that_measures_it(tmp_path: Path, step: str, until_s: float, said: str) -> None:
    assert said in of_gate(step, tmp_path, until_s)


@pytest.mark.parametrize(("step", "until_s"), [("close", 84.4), ("migrate", 44.0), ("verify", 54.0), ("cleanup", 41.0)])
def test_what_nothing_measures_yet_has_no_figure(tmp_path: Path, step: str, until_s: float) -> None:
    assert of_gate(step, tmp_path, until_s).rstrip() == f"MUST BE SO          {CATALOGUE[step].needs}"


def test_another_sentence_gets_no_figure_whatever_words_are_in_it(tmp_path: Path) -> None:
    said = of_gate("cutover", tmp_path, 54.62, needs="the queue of blue and green is captured")
    assert said.rstrip().endswith("is captured")


def test_rows_that_are_left_are_counted_over_all_classes(tmp_path: Path) -> None:
    shown = shown_at(44.0, tmp_path)
    step = shown.runbook.step("cleanup")
    assert step is not None
    step.figures = {"found": 12, "classes": {"a": {"found": 10, "left": 2}, "b": {"found": 2, "left": 1}}}
    assert ink.text(measured(shown, "cleanup.left")) == "12 found, 3 left"
    shown.feed(Op(shown.ops, "ok", "verify", "migrations", 44.1,
                  value={"expected": 157, "applied": 150, "missing": ["x"], "unexpected": ["y"]}))
    assert measured(shown, "migration.applied") == [("150 applied of 157, 1 unexpected", "bad")]


def test_every_scenarios_plan_names_figures_that_the_screen_knows() -> None:
    for file in scenario_files():
        for step in plan_of(load_scenario(file)):
            assert step["measured"] in {"", *MEASURES, "link.edge->queue"}
            assert not (step["kind"] in ("migrate", "cleanup") and "blue" in step["needs"] and step["measured"])


async def test_figures_of_the_sheet_open_and_the_sheet_comes_back(tmp_path: Path) -> None:
    app = RehearsalApp(run_folder(tmp_path, until_s=54.62, gate=True), refresh_s=0.05)
    async with app.run_test(size=(120, 40)) as pilot:
        await until(pilot, lambda: isinstance(app.screen, GateSheet) and "MUST BE SO" in screen_text(app))
        gate = app.screen
        assert isinstance(gate, GateSheet)
        opens = [spot.to for _, spot in gate._figures()]
        assert {"gauge", "figure", "check", "screen"} <= {to.kind for to in opens}
        await pilot.press("shift+tab")
        last = gate.held
        assert last is not None and last.kind == "figure"
        await pilot.press("e")
        await until(pilot, lambda: isinstance(app.screen, TextSheet) and last.arg in screen_text(app))
        await pilot.press("escape")
        await until(pilot, lambda: app.screen is gate)
        await pilot.press("y")
        await until(pilot, lambda: app.clipboard.startswith(last.arg.partition(".")[0]))
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(app.screen, EvidenceScreen))
        await pilot.press("escape", "G")
        await until(pilot, lambda: isinstance(app.screen, GateSheet))
        assert not isinstance(app.screen, Question)
