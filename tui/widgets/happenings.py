"""EVENTS: the last ones, newest below."""

from __future__ import annotations

from tui import words
from tui.ink import Line, Opens, box
from tui.state import Shown
from tui.widgets.lines import Lines


class Events(Lines):
    """Bare lines when low, a box when there is room."""

    TELLS_FRESH = True

    def draw(self, shown: Shown, width: int, height: int) -> list[Line]:
        framed = height >= 8
        room = height - 2 if framed else height
        last = list(shown.events)[-room:] if room > 0 else []
        lines: list[Line] = [
            [
                ("" if framed else " ", ""),
                (words.instant(e.t_s, tenths=True), "past"),
                (f" {e.kind:<5} ", e.role or "past"),
                (Opens(e.text, "op", e.i), e.role),
            ]
            for e in last
        ]
        if not framed:
            return lines
        many = Opens(f"{len(shown.events)} so far", "screen", "log")
        return box([("EVENTS", "strong")], [(many, "past")], lines, width, height)
