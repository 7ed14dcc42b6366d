"""No line wraps or is cut by the terminal, and the four questions are there at every size."""

from __future__ import annotations

from pathlib import Path

import pytest
from rich.cells import cell_len
from screens import caught_up, run_folder, screen_lines, screen_text, until

from tui.app import RehearsalApp
from tui.screens.overview import Overview
from tui.screens.verdict import VerdictScreen

SIZES = [(80, 24), (100, 30), (120, 40), (149, 50), (160, 50), (220, 60), (79, 24), (80, 23), (40, 10)]


@pytest.mark.parametrize("until_s", [3.0, 30.0, 48.5, 55.3, 70.0, 1e9])
async def test_every_line_is_as_wide_as_the_screen(tmp_path: Path, until_s: float) -> None:
    app = RehearsalApp(run_folder(tmp_path, until_s=until_s, judged=until_s > 100), refresh_s=0.05)
    async with app.run_test(size=SIZES[0]) as pilot:
        await caught_up(pilot)
        for screen in ("1", "7"):
            await pilot.press(screen)
            await until(pilot, lambda: isinstance(app.screen, Overview if screen == "1" else VerdictScreen))  # noqa: B023
            for width, height in SIZES:
                await pilot.resize_terminal(width, height)
                await pilot.pause()
                app.refresh_now()
                await pilot.pause()
                lines = screen_lines(app)
                assert len(lines) == height
                assert {cell_len(line) for line in lines} == {width}
                assert lines[-1].strip(), f"the keys are on the last line at {width}x{height}"


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
