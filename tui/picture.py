"""A screen of any run as an SVG picture, without a terminal: for a change request, a README, a chat.

The same app draws it, headless; nothing is drawn for pictures alone. The file loads nothing: Textual's own
export names a font on the internet, which is left out (a monospace font of the reader's serves).
"""

from __future__ import annotations

import asyncio
import re
from pathlib import Path
from typing import NamedTuple

from sim.errors import BadInput, RehearsalError
from sim.history.history import history_file
from sim.scenario.faults import Anchor, anchor
from sim.scenario.messages import suggest
from sim.scenario.quantities import duration
from tui.app import SCREENS, RehearsalApp
from tui.landmarks import Landmark, landmarks
from tui.playback import Live, Recording, Source
from tui.themes import THEMES

READ_S = 120.0
"""Assumption: a million ops are read in seconds; two minutes mean a disk that hangs."""
LEAST, MOST = (40, 10), (400, 200)
"""Assumption: columns and rows between which a terminal is one."""
NO_TICKS_S = 3600.0
_FONT = re.compile(r"@font-face\s*\{[^}]*\}\s*")


class Wanted(NamedTuple):
    """Which picture; each as it is written on the command line."""

    screen: str = "1"
    """Its key or its name."""
    size: str = "80x24"
    theme: str = "dark"
    """dark, light or contrast."""
    at: str = ""
    """A step, snapshot, switch or end, `migrate + 5s`, or seconds from the begin (`57s`); "" = as it stands now."""


def picture(folder: Path, wanted: Wanted, *, role: str = "") -> str:
    """The SVG of one screen of a run.

    Raises BadInput for what the run or the screen does not have, RehearsalError if it can't be read in time.
    """
    name, (columns, rows), theme = _screen(wanted.screen), _size(wanted.size), _theme(wanted.theme)
    source = _at(folder, wanted.at) if wanted.at else Live(folder)
    return asyncio.run(_drawn(folder, source, name, columns, rows, theme, role))


async def _drawn(folder: Path, source: Source, name: str, columns: int, rows: int, theme: str, role: str) -> str:
    app = RehearsalApp(folder, source=source, refresh_s=NO_TICKS_S, read_only=True, role=role)
    app.theme = theme
    async with app.run_test(size=(columns, rows)) as pilot:
        try:
            async with asyncio.timeout(READ_S):
                while not (app.shown.header is not None and app.is_loaded and not app.shown.reading):
                    await pilot.pause(0.02)
        except TimeoutError:
            raise RehearsalError("the history could not be read in time", where=str(folder),
                                 seen=f"waited {READ_S:.0f} s") from None
        app.refresh_now()  # of a run that has ended: the verdict comes to the front, once
        await pilot.pause()
        app.front(name)
        for _ in range(2):  # what a screen looks up beside the loop is there at the second
            await pilot.pause()
            app.refresh_now()
            await app.workers.wait_for_complete()
        await pilot.pause()
        return _FONT.sub("", app.export_screenshot(title=f"rehearse  {folder.name}  {name}"))


def _screen(asked: str) -> str:
    found = next((name for name, (key, _) in SCREENS.items() if asked in (name, key)), None)
    if found is None:
        raise BadInput(f"there is no screen `{asked}`", where="--screen",
                       todo="one of " + ", ".join(f"{key} {name}" for name, (key, _) in SCREENS.items()))
    return found


def _size(asked: str) -> tuple[int, int]:
    match = re.fullmatch(r"(\d{1,4})x(\d{1,4})", asked)
    size = (int(match[1]), int(match[2])) if match else (0, 0)
    if not all(least <= n <= most for least, n, most in zip(LEAST, size, MOST, strict=True)):
        raise BadInput(f"`{asked}` is no size of a terminal", where="--size",
                       todo=f"columns x rows such as 80x24 or 160x50, at most {MOST[0]}x{MOST[1]}")
    return size


def _theme(asked: str) -> str:
    names = [theme.name.removeprefix("rehearse-") for theme in THEMES]
    if asked not in names:
        raise BadInput(f"there is no theme `{asked}`", where="--theme", todo="one of " + ", ".join(names))
    return f"rehearse-{asked}"


def _at(folder: Path, asked: str) -> Recording:
    """The recording, held at that instant."""
    source = Recording(folder)
    source.held, source.at_s = True, _seconds(landmarks(history_file(folder), []), asked)
    return source


def _seconds(marks: list[Landmark], asked: str) -> float:
    """Seconds from the begin. Raises BadInput if the run never came there."""
    try:
        return duration(asked)
    except ValueError:
        pass
    known = {mark.name.replace("switch to green", "switch"): mark.t_s for mark in marks
             if mark.kind in ("phase", "end")}
    try:
        at = anchor(asked)
    except ValueError as error:
        raise BadInput(str(error), where="--at", todo="a step, migrate + 5s, or 57s from the begin") from None
    if not isinstance(at, Anchor) or at.step not in known:
        raise BadInput(f"this run never came to `{asked}`", where="--at", todo=suggest(asked, known, what="instants"))
    return known[at.step] + at.offset_s
