"""No line wraps or is cut by the terminal, and the four questions are there at every size."""

from __future__ import annotations

from pathlib import Path

import pytest
from recording import write_run
from rich.cells import cell_len
from screens import caught_up, run_folder, screen_lines, screen_text, until
from textual.pilot import Pilot

from sim.history.op import Op
from sim.scenario import Scenario, load_scenario
from tui.app import RehearsalApp
from tui.screens.database import DatabaseScreen
from tui.screens.faults import FaultsScreen
from tui.screens.gameday import GameDayScreen
from tui.screens.ledger import LedgerScreen
from tui.screens.log import LogScreen
from tui.screens.overview import Overview
from tui.screens.traffic import TrafficScreen
from tui.screens.verdict import VerdictScreen

SIZES = [(80, 24), (100, 30), (120, 40), (149, 50), (160, 50), (220, 60), (79, 24), (80, 23), (40, 10)]


ALL = {"1": Overview, "2": TrafficScreen, "3": FaultsScreen, "4": DatabaseScreen, "5": LedgerScreen, "6": LogScreen,
       "7": VerdictScreen, "8": GameDayScreen}
USUAL = [(80, 24), (160, 50), (97, 31)]
"""What every screen is tried at; the overview and the verdict at all."""
REST = {1e9: "78", 48.5: "23456", 70.0: "2345"}
"""Instant → the other screens that look another way then."""


def day(folder: Path) -> Scenario:
    """A game day with two surprises."""
    path = folder / "day.yaml"
    path.write_text("""\
format: 1
extends: 10
title: A game day
asks: Is it noticed?
gameday:
  goals: [dead queue noticed in 15 s]
  card:
    - {name: queue-gone, fault: down, link: edge->queue, at: capture.end, for: 8s, noticed_in: 15s,
       hope: hold the cutover}
    - {name: edge-dies, fault: kill, part: edge, at: by hand, for: 3s}
""")
    return load_scenario(str(path))


async def look(pilot: Pilot[None], screen: str, sizes: list[tuple[int, int]]) -> None:
    """Bring a screen to the front and resize it: every line is as wide as the terminal, the keys are whole."""
    app = pilot.app
    assert isinstance(app, RehearsalApp)
    await pilot.press(screen)
    await until(pilot, lambda: isinstance(app.screen, ALL[screen]))
    for width, height in sizes:
        await pilot.resize_terminal(width, height)
        await pilot.pause()
        app.refresh_now()
        await pilot.pause()
        lines = screen_lines(app)
        assert len(lines) == height
        assert {cell_len(line) for line in lines} == {width}
        assert lines[-1].strip(), f"the keys are on the last line at {width}x{height}"
        if (width, height) in USUAL and screen != "1":
            assert "…" not in lines[-1] and "? help" in lines[-1], f"{lines[-1]!r} at {width}x{height}"


@pytest.mark.parametrize("until_s", [3.0, 30.0, 48.5, 55.3, 70.0, 1e9])
async def test_every_line_is_as_wide_as_the_screen(tmp_path: Path, until_s: float) -> None:
    app = RehearsalApp(run_folder(tmp_path, until_s=until_s, judged=until_s > 100), refresh_s=0.05)
    async with app.run_test(size=SIZES[0]) as pilot:
        await caught_up(pilot)
        for screen in ("1", "7"):
            await look(pilot, screen, SIZES)
        for screen in REST.get(until_s, ""):
            await look(pilot, screen, USUAL)
            if screen in "23456":
                await pilot.press("tab", "down")
                await look(pilot, screen, USUAL[:1])


@pytest.mark.parametrize("role", ["facilitator", ""])
async def test_a_game_days_screen_fits_too(tmp_path: Path, role: str) -> None:
    folder = tmp_path / "runs" / "run"
    write_run(folder, until_s=48.5, scenario=day(tmp_path))
    app = RehearsalApp(folder, refresh_s=0.05, role=role)
    async with app.run_test(size=SIZES[0]) as pilot:
        await caught_up(pilot)
        for screen in ("8", "3", "1"):
            await look(pilot, screen, USUAL)


@pytest.mark.parametrize("view", ["tables", "waits"])
async def test_tables_and_waits_have_their_columns_whole(tmp_path: Path, view: str) -> None:
    folder = run_folder(tmp_path)
    app = RehearsalApp(folder, refresh_s=0.05)
    async with app.run_test(size=SIZES[0]) as pilot:
        await caught_up(pilot)
        wait = {"who": "hydra", "lock": "hydra_oauth2_refresh", "mode": "AccessExclusive", "for_s": 12.5,
                "holder": "pg_dump", "holder_does": "COPY public.hydra_oauth2_access", "held": ["AccessShare"]}
        app.shown.feed(Op(app.shown.ops, "info", "harness", "gauge", 48.6, value={"databases": {
            side: {"connections": 20, "waiting": 12, "oldest_s": 123.4, "wal_bytes": 2_345_000_000,
                   "temp_bytes": 1_230_000_000, "waits": [wait], "size_bytes": 12_345_000_000,
                   "tables": {"hydra_oauth2_consent_request_handled": 9_876_000_000}} for side in ("blue", "green")}}))
        for _ in range(1 if view == "tables" else 2):
            await pilot.press("4", "t")
        await look(pilot, "4", USUAL)
        await pilot.resize_terminal(80, 24)
        await pilot.pause()
        app.refresh_now()
        await pilot.pause()
        text = screen_text(app)
        for said in ("12.3 GB", "2.3 GB", "1.2 GB", "12 wait", "123.4 s", "pg_dump", "conns 20",
                     "oauth2_consent_request_handled" if view == "tables" else "oauth2_refresh AccessExclusive"):
            assert said in text, f"{said}\n{text}"


@pytest.mark.parametrize("size", SIZES)
async def test_the_four_questions_never_go(tmp_path: Path, size: tuple[int, int]) -> None:
    app = RehearsalApp(run_folder(tmp_path), refresh_s=0.05)
    async with app.run_test(size=size) as pilot:
        await caught_up(pilot)
        text = screen_text(app)
        assert "SAFE?" in text and "WAY BACK" in text and "IF WE CUT" in text
        assert "migrate, 6 of 12" in text or "6/12 MIGRATE" in text
        shown = [panel.id for panel in app.screen.query("Lines") if panel.region.height and panel.id == "traffic"]
        assert bool(shown) == (size[0] >= 80 and size[1] >= 24), "below 80x24 the four questions alone"


async def test_both_layouts_hold_all_their_panels(tmp_path: Path) -> None:
    app = RehearsalApp(run_folder(tmp_path), refresh_s=0.05)
    async with app.run_test(size=(160, 50)) as pilot:
        await caught_up(pilot)
        text = screen_text(app)
        for title in ("RUNBOOK 6 of 12", "BLUE old  Hydra 1.11.10", "GREEN new  Hydra 2.3.0", "TOPOLOGY", "TRAFFIC",
                      "IF WE CUT NOW", "REVOCATIONS", "VERDICT SO FAR", "EVENTS", "12/12 links proven"):
            assert title in text, title
        for check in ("revocation", "fault_proof"):
            assert check in text
        await pilot.resize_terminal(80, 24)
        await pilot.pause()
        app.refresh_now()
        await pilot.pause()
        text = screen_text(app)
        for title in ("BLUE 1.11.10", "GREEN 2.3.0", "IF WE CUT NOW", "REVOCATIONS", "OPERATION", "SAFE? ✓ 5 held"):
            assert title in text, title
        assert "TOPOLOGY" not in text


async def test_glyphs_have_a_plain_mode(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REHEARSE_ASCII", "1")
    app = RehearsalApp(run_folder(tmp_path), refresh_s=0.05)
    async with app.run_test(size=(160, 50)) as pilot:
        await caught_up(pilot)
        assert screen_text(app).isascii()


async def test_no_color_takes_every_colour_and_no_word(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    app = RehearsalApp(run_folder(tmp_path), refresh_s=0.05)
    async with app.run_test(size=(80, 24)) as pilot:
        await caught_up(pilot)
        segments = [s for strip in app.screen._compositor.render_strips() for s in strip]
        colours = {c.triplet for s in segments if s.style for c in (s.style.color, s.style.bgcolor) if c and c.triplet}
        assert colours and all(c.red == c.green == c.blue for c in colours)
        assert "MIGRATING" in screen_text(app)
