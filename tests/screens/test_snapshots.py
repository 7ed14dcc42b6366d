"""What the screen looks like: a few pictures, to be looked at when they change."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from screens import caught_up, run_folder, until
from textual.pilot import Pilot

from tui.app import RehearsalApp
from tui.screens.database import DatabaseScreen
from tui.screens.faults import FaultsScreen
from tui.screens.ledger import LedgerScreen
from tui.screens.log import LogScreen
from tui.screens.overview import Overview
from tui.screens.traffic import TrafficScreen
from tui.screens.verdict import VerdictScreen

CASES: dict[str, tuple[dict[str, Any], tuple[int, int], str, str]] = {
    "overview-80x24": ({}, (80, 24), "rehearse-dark", ""),
    "overview-80x24-light": ({}, (80, 24), "rehearse-light", ""),
    "overview-160x50": ({}, (160, 50), "rehearse-dark", ""),
    "gate-80x24": ({"until_s": 54.62, "gate": True}, (80, 24), "rehearse-dark", ""),
    "traffic-80x24": ({}, (80, 24), "rehearse-dark", "2"),
    "faults-80x24": ({}, (80, 24), "rehearse-dark", "3"),
    "database-80x24": ({}, (80, 24), "rehearse-light", "4"),
    "ledger-80x24": ({"until_s": 62.0}, (80, 24), "rehearse-dark", "5"),
    "log-80x24": ({}, (80, 24), "rehearse-light", "6"),
    "verdict-80x24": ({"until_s": 1e9, "judged": True, "loses": True}, (80, 24), "rehearse-dark", "7"),
    "finished-80x24": ({"until_s": 1e9, "judged": True}, (80, 24), "rehearse-dark", "1"),
    "questions-60x12": ({}, (60, 12), "rehearse-dark", ""),
}
SCREENS = {"1": Overview, "2": TrafficScreen, "3": FaultsScreen, "4": DatabaseScreen, "5": LedgerScreen, "6": LogScreen,
           "7": VerdictScreen}


@pytest.mark.parametrize("case", CASES)
def test_looks(case: str, snap_compare: Any, tmp_path: Path) -> None:
    options, size, theme, key = CASES[case]
    # Ticks are off: what is drawn is what caught_up asks for, whatever the machine's speed.
    app = RehearsalApp(run_folder(tmp_path, **options), refresh_s=3600.0)
    app.theme = theme

    async def ready(pilot: Pilot[None]) -> None:
        await caught_up(pilot)
        if key:
            if options.get("judged"):
                await until(pilot, lambda: isinstance(app.screen, VerdictScreen))
            await pilot.press(key)
            await until(pilot, lambda: isinstance(app.screen, SCREENS[key]))
        await pilot.pause()
        app.refresh_now()
        await app.workers.wait_for_complete()
        app.refresh_now()
        await pilot.pause()

    assert snap_compare(app, terminal_size=size, run_before=ready)
