"""The last line: keys that do something now; at a gate it is the gate's line, in amber."""

from __future__ import annotations

from tui.ink import Line, between
from tui.state import Shown
from tui.widgets.lines import Lines

GATE = "a GO   p postpone 60 s   x NO-GO, roll back"


class Keys(Lines):
    """Keys that do nothing now are dim."""

    def draw(self, shown: Shown, width: int, height: int) -> list[Line]:
        if shown.is_gate and not shown.replay_word:
            return [between([(" ", ""), (GATE, "ask")], [("n note   ? help   q ", "")], width)]
        if shown.replay_word:
            return [[(" space hold   + - speed   → ahead 10 s   end   1 overview  7 verdict  ? help  q", "")]]
        over = bool(shown.runbook.ended)
        pausing = "space resume" if shown.state == "PAUSED" else "space pause"
        keys = [
            (pausing, not over),
            ("a approve", shown.is_gate),
            ("p postpone", not over),
            ("n note", not over),
            ("x abort", not over),
            ("1 7 screens", True),
            ("? help", True),
            ("q", True),
        ]
        line: Line = [(" ", "")]
        if width < 80:
            keys = [(said.split()[0], works) for said, works in keys]
        for said, works in keys:
            line += [(said, "" if works else "past"), ("  ", "")]
        return [line]
