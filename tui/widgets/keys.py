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
            keys = " space hold  + - speed  ←→ 10 s  [ ] phase  { } fault  B broken  tab enter  1-7"
            return [between([(keys, "")], [("? help  q ", "")], width)]
        if width >= 150:
            return [[(" ", ""), *_joined(_all(shown))]]
        if width >= 80:
            return [[(" ", ""), *_joined(_all(shown, short=True))]]
        return [[(" ", ""), *_joined([(said.split()[0], works) for said, works in _all(shown, short=True)])]]


def _all(shown: Shown, *, short: bool = False) -> list[tuple[str, bool]]:
    """Every key and whether it does anything now."""
    over = bool(shown.runbook.ended)
    pausing = "space resume" if shown.state == "PAUSED" else "space pause"
    known = [
        (pausing, not over),
        ("a approve", shown.is_gate),
        ("p postpone", not over),
        ("b buffer", not over),
        ("f fault", not over),
        ("H heal", bool(shown.faults.active) and not over),
        ("n note", not over),
        *([("w wrong now", not over)] if shown.day is not None else []),
        ("x abort", not over),
        ("! panic", not over),
        ("1 over 2 traffic 3 faults 4 db 5 ledger 6 log 7 verdict", True),
        ("? help", True),
        ("q", True),
    ]
    if not short:
        return known
    # On a game day people say what is wrong more often than they make faults.
    wanted = ("space", "a", "p", "f" if shown.day is None else "w", "n", "x", "?", "q")
    kept = [(said, works) for said, works in known if said.split()[0] in wanted]
    return [*kept[:-2], ("1-7" if shown.day is None else "1-8", True), *kept[-2:]]


def _joined(keys: list[tuple[str, bool]]) -> Line:
    line: Line = []
    for said, works in keys:
        line += [(said, "" if works else "past"), ("  ", "")]
    return line
