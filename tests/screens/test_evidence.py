"""From a check to the op that shows it: by keys, by tab, by a click; copied, explained, run again."""

from __future__ import annotations

import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from screens import caught_up, run_folder, screen_text, until
from textual.pilot import Pilot

from sim.scenario import load_scenario, resolved
from tui import again
from tui.__main__ import main
from tui.app import RehearsalApp
from tui.screens.evidence import EvidenceRows, EvidenceScreen
from tui.screens.log import LogRows, LogScreen
from tui.screens.op import OpScreen
from tui.screens.sheets import Question, TextSheet
from tui.screens.verdict import CheckRows, Evidence, VerdictScreen


@pytest.fixture
async def judged(tmp_path: Path) -> AsyncIterator[tuple[RehearsalApp, Pilot[None]]]:
    """The verdict's screen of a run in which three captured revocations were never replayed."""
    app = RehearsalApp(run_folder(tmp_path, until_s=1e9, judged=True, loses=True), refresh_s=0.05)
    async with app.run_test(size=(80, 24)) as pilot:
        await until(pilot, lambda: isinstance(app.screen, VerdictScreen) and app.shown.is_final
                    and bool(app.screen.query(Evidence)) and bool(app.screen.query_one(Evidence).witnesses))
        await caught_up(pilot)
        yield app, pilot


def verdict_of(app: RehearsalApp) -> VerdictScreen:
    screen = app.get_screen("verdict")
    assert isinstance(screen, VerdictScreen)
    return screen


async def test_enter_leads_from_a_check_to_its_witness_and_the_witness_to_the_op(
        judged: tuple[RehearsalApp, Pilot[None]]) -> None:
    app, pilot = judged
    witness = verdict_of(app).check.witnesses[0]  # type: ignore[union-attr]
    await pilot.press("enter")
    await until(pilot, lambda: isinstance(app.screen, EvidenceScreen) and "runbook step" in screen_text(app))
    assert "3 revocations are lost" in screen_text(app) and "1 witness" in screen_text(app)
    await pilot.press("e")
    await until(pilot, lambda: isinstance(app.screen, TextSheet) and "replay_queue, check" in screen_text(app))
    await pilot.press("escape", "down", "enter")
    await until(pilot, lambda: isinstance(app.screen, OpScreen) and "answered" in screen_text(app))
    opened = app.screen
    assert isinstance(opened, OpScreen) and opened.op is not None and opened.op.i == witness
    text = screen_text(app)
    assert "2026-01-01 14:31" in text and "captured" in text, "UTC time and answer"
    await pilot.press("escape")
    await until(pilot, lambda: isinstance(app.screen, EvidenceScreen))
    await pilot.press("escape")
    await until(pilot, lambda: isinstance(app.screen, VerdictScreen))


async def test_a_held_check_leads_to_the_operations_it_is_read_from(judged: tuple[RehearsalApp, Pilot[None]]) -> None:
    app, pilot = judged
    verdict_of(app).choose("token_continuity")
    await pilot.press("enter")
    await until(pilot, lambda: isinstance(app.screen, EvidenceScreen) and bool(app.screen.query(EvidenceRows)))
    await until(pilot, lambda: "no op is named as a witness" in screen_text(app))
    await pilot.press("enter")
    await until(pilot, lambda: isinstance(app.screen, LogScreen) and "op:introspect" in screen_text(app))
    await until(pilot, lambda: len(app.screen.query_one(LogRows).book or ()) > 100)
    await pilot.press("enter")
    await until(pilot, lambda: isinstance(app.screen, OpScreen) and "/oauth2/introspect" in screen_text(app))


async def test_o_jumps_to_the_op_and_tab_reaches_the_witness_in_the_pane(
        judged: tuple[RehearsalApp, Pilot[None]]) -> None:
    app, pilot = judged
    await pilot.press("o")
    await until(pilot, lambda: isinstance(app.screen, OpScreen) and "step by runbook" in screen_text(app))
    await pilot.press("escape")
    await until(pilot, lambda: isinstance(app.screen, VerdictScreen))
    await pilot.press("shift+tab")
    held = verdict_of(app).held
    assert held is not None and held.kind == "op", "the last figure of the screen is the witness in the pane"
    await pilot.press("enter")
    await until(pilot, lambda: isinstance(app.screen, OpScreen))


async def test_a_click_on_a_witness_opens_it(judged: tuple[RehearsalApp, Pilot[None]]) -> None:
    app, pilot = judged
    pane = verdict_of(app).query_one(Evidence)
    spot = next(s for s in pane.spots if s.to.kind == "op")
    await pilot.click(pane, offset=(spot.x0 + 1, spot.y))
    await until(pilot, lambda: isinstance(app.screen, OpScreen) and "step by runbook" in screen_text(app))


async def test_y_copies_the_check_and_e_explains_it(judged: tuple[RehearsalApp, Pilot[None]]) -> None:
    from ruamel.yaml import YAML

    app, pilot = judged
    await pilot.press("y")
    await until(pilot, lambda: "replay_queue" in app.clipboard)
    told = YAML(typ="safe").load(app.clipboard)["replay_queue"]
    check = verdict_of(app).check
    assert check is not None and told["witnesses"] == check.witnesses and told["figures"] == check.figures
    await pilot.press("e")
    await until(pilot, lambda: isinstance(app.screen, TextSheet) and "replay_queue.lost = 3" in screen_text(app))


async def test_the_price_and_the_evidence_count_are_figures_that_open(judged: tuple[RehearsalApp, Pilot[None]]) -> None:
    app, _ = judged
    kinds = {(panel.id, spot.to.kind, spot.to.arg) for panel, spot in verdict_of(app)._figures()}
    assert ("headline", "figure", "write_loss.grants") in kinds
    assert ("headline", "log", "is:failed") in kinds
    assert ("list", "figure", "availability") in kinds and ("list", "log", "op:introspect") in kinds


async def test_the_keys_of_the_verdict_are_shown_and_again_gives_the_command(
        judged: tuple[RehearsalApp, Pilot[None]]) -> None:
    app, pilot = judged
    for said in ("enter evidence", "o op", "r report", "y copy", "e explain", "R again"):
        assert said in screen_text(app), said
    await pilot.press("R")
    await until(pilot, lambda: isinstance(app.screen, Question) and "rehearse run 10 --seed 10" in screen_text(app))
    await pilot.press("y")
    await until(pilot, lambda: app.clipboard == "rehearse run 10 --seed 10 --engine process")
    assert app.screen.query(CheckRows)
    await pilot.press("R")
    await until(pilot, lambda: isinstance(app.screen, Question))
    await pilot.press("R")
    await until(pilot, lambda: app._exit and app.return_value == ["run", "10", "--seed", "10", "--engine", "process"])


def test_a_changed_scenario_is_run_again_from_its_own_file(tmp_path: Path) -> None:
    from sim.checks.verdict import from_json

    folder = run_folder(tmp_path, until_s=1e9, judged=True)
    verdict = from_json((folder / "verdict.json").read_bytes())
    file = folder / "scenario.yaml"
    assert again.arguments(folder, load_scenario(str(file)), verdict)[1] == "10"
    file.write_text(resolved(load_scenario("10", sets=["population.grants=2000"]), seed=10))
    assert again.arguments(folder, load_scenario(str(file)), verdict)[1] == str(file)


@pytest.mark.parametrize("asked", [None, ["run", "10", "--seed", "10"]])
def test_the_screen_gives_its_terminal_to_the_run_that_was_asked_for(
        asked: list[str] | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    began: list[list[str]] = []
    monkeypatch.setattr(sys, "argv", ["tui", str(tmp_path)])
    monkeypatch.setattr(RehearsalApp, "run", lambda self: asked)
    monkeypatch.setattr("os.execv", lambda program, command: began.append(command))
    assert main() == 0
    assert began == ([[sys.executable, "-m", "sim.cli.app", *asked]] if asked else [])
