"""A fault by keys: on what is held, only what can be made, and nothing without a last enter."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from screens import caught_up, run_folder, screen_text, until
from textual.pilot import Pilot
from textual.widgets import OptionList

from tui.app import RehearsalApp
from tui.screens.faults import FaultsScreen
from tui.screens.inject import InjectSheet
from tui.screens.log import LogScreen
from tui.screens.sheets import TextSheet

SIZE = (160, 50)
Opened = tuple[RehearsalApp, Pilot[None], list[dict[str, Any]]]


@pytest.fixture
async def opened(tmp_path: Path) -> AsyncIterator[Opened]:
    app = RehearsalApp(run_folder(tmp_path), refresh_s=0.05)
    sent: list[dict[str, Any]] = []
    async with app.run_test(size=SIZE) as pilot:
        await caught_up(pilot)
        app.command = lambda verb, **told: sent.append({"verb": verb, **told})  # type: ignore[method-assign,assignment]
        yield app, pilot, sent


async def hold(app: RehearsalApp, pilot: Pilot[None], kind: str, arg: str) -> None:
    """Walk with tab until that figure is under the hand."""
    for _ in range(120):
        await pilot.press("tab")
        held = app.screen.held  # type: ignore[attr-defined]
        if held is not None and (held.kind, held.arg) == (kind, arg):
            return
    raise AssertionError(f"{arg} is no figure of this screen:\n{screen_text(app)}")


@pytest.mark.parametrize("where", ["edge->queue", "blue-hydra->blue-postgres", "authz"])
async def test_a_link_or_part_held_in_the_topology_is_what_f_asks_about(opened: Opened, where: str) -> None:
    app, pilot, sent = opened
    await hold(app, pilot, "link", where)
    await pilot.press("f")
    await until(pilot, lambda: isinstance(app.screen, InjectSheet) and f"A fault on {where}" in screen_text(app))
    assert sent == []
    await pilot.press("escape")
    await until(pilot, lambda: isinstance(app.screen, FaultsScreen))


async def test_from_the_help_a_latency_is_five_presses_away(opened: Opened) -> None:
    app, pilot, sent = opened
    await pilot.press("question_mark")
    await until(pilot, lambda: isinstance(app.screen, TextSheet))
    await pilot.press("escape")
    await pilot.press("f")
    await until(pilot, lambda: isinstance(app.screen, FaultsScreen) and "edge->blue-hydra:adm" in screen_text(app))
    await pilot.press("f")
    await until(pilot, lambda: isinstance(app.screen, InjectSheet) and "latency" in screen_text(app))
    await pilot.press("enter")
    await until(pilot, lambda: bool(app.screen.query("#field-latency")))
    await pilot.press("enter")
    await until(pilot, lambda: bool(sent))
    assert sent[0]["fault"] == "latency"


async def test_f_is_a_fault_on_the_log_too_and_F_follows(opened: Opened) -> None:
    app, pilot, _ = opened
    await pilot.press("6")
    await until(pilot, lambda: isinstance(app.screen, LogScreen) and "● following" in screen_text(app))
    await pilot.press("F")
    await until(pilot, lambda: "F follows" in screen_text(app))
    await pilot.press("f")
    await until(pilot, lambda: isinstance(app.screen, FaultsScreen))


async def test_what_this_engine_cannot_make_is_there_with_its_reason_and_cannot_be_taken(opened: Opened) -> None:
    app, pilot, sent = opened
    await pilot.press("f")
    await until(pilot, lambda: isinstance(app.screen, FaultsScreen))
    faults = app.screen
    assert isinstance(faults, FaultsScreen)
    await until(pilot, lambda: faults.place is not None)
    faults.begin("edge")
    why = "not here: a process has no limit"
    await until(pilot, lambda: isinstance(app.screen, InjectSheet) and why in screen_text(app))
    options = app.screen.query_one(OptionList)
    cannot = [kind for kind in ("cpu", "memory", "kill", "pause") if options.get_option(kind).disabled]
    assert cannot == ["cpu", "memory"]
    assert sent == []


async def test_a_kind_without_figures_waits_for_one_more_enter(opened: Opened) -> None:
    app, pilot, sent = opened
    await pilot.press("f")
    await until(pilot, lambda: isinstance(app.screen, FaultsScreen))
    faults = app.screen
    assert isinstance(faults, FaultsScreen)
    await until(pilot, lambda: faults.place is not None)
    faults.begin("edge")
    await until(pilot, lambda: isinstance(app.screen, InjectSheet) and "restart" in screen_text(app))
    options = app.screen.query_one(OptionList)
    options.highlighted = options.get_option_index("restart")
    await pilot.press("enter")
    await until(pilot, lambda: "restart on edge" in screen_text(app) and "it is over at once" in screen_text(app))
    assert sent == []
    await pilot.press("enter")
    await until(pilot, lambda: sent == [{"verb": "inject", "fault": "restart", "part": "edge"}])
