"""What the screen's tests share: a recording on disk, and waiting for a state instead of for time."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path

from recording import write_run, write_verdict
from textual.pilot import Pilot

from tui.app import RehearsalApp
from tui.state import Shown

LIMIT_S = 20.0


def run_folder(tmp_path: Path, *, until_s: float = 48.5, judged: bool = False, **options: bool) -> Path:
    """A run's folder with a recording up to an instant; alone in its parent, so that nothing is estimated."""
    folder = tmp_path / "runs" / "run"
    write_run(folder, until_s=until_s, **options)
    if judged:
        write_verdict(folder)
    return folder


def shown_at(until_s: float, tmp_path: Path, **options: bool) -> Shown:
    """The state after a recording up to an instant, without a screen."""
    from sim.scenario import load_scenario
    from tui.playback import Live

    folder = run_folder(tmp_path, until_s=until_s, **options)
    shown, source = Shown(load_scenario(str(folder / "scenario.yaml"))), Live(folder)
    while ops := source.take():
        for op in ops:
            shown.feed(op)
    shown.header = source.header
    shown.settle()
    source.close()
    return shown


async def until(pilot: Pilot[None], condition: Callable[[], bool]) -> None:
    """Wait for a condition, at most LIMIT_S; fails with what the screen shows then."""
    try:
        async with asyncio.timeout(LIMIT_S):
            while not condition():
                await pilot.pause(0.02)
    except TimeoutError:
        raise AssertionError("never came; the screen shows:\n" + screen_text(pilot.app)) from None


async def caught_up(pilot: Pilot[None]) -> None:
    """Wait until the history is read and drawn."""
    app = pilot.app
    assert isinstance(app, RehearsalApp)
    await until(pilot, lambda: app.shown.ops > 0 and not app.shown.reading)
    app.refresh_now()  # renews the verdict too: nothing is left to be read
    await pilot.pause()


def screen_lines(app: object) -> list[str]:
    """The lines of the screen in front, as the terminal gets them."""
    return [strip.text for strip in app.screen._compositor.render_strips()]  # type: ignore[attr-defined]


def screen_text(app: object) -> str:
    """The same as one text."""
    return "\n".join(screen_lines(app))
