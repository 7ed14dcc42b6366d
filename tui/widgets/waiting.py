"""Whether anything waits for you; and the faults, in a word."""

from __future__ import annotations

from tui import words
from tui.ink import Line, Opens, between
from tui.state import Shown
from tui.widgets.lines import Lines


class Waiting(Lines):
    """One line above the keys, when wide."""

    def draw(self, shown: Shown, width: int, height: int) -> list[Line]:
        runbook = shown.runbook
        planned = len(shown.scenario.faults) if shown.scenario is not None else 0
        active = len(shown.faults.active)
        right: Line = [
            ("a figure: tab, then enter y e   ", "past"),
            (Opens(f"faults {active} active", "screen", "faults"), "made" if active else "past"),
            (Opens(f", {planned} planned ", "screen", "faults"), "past"),
        ]
        if shown.is_gate:
            left: Line = [(" a gate waits for you", "ask")]
        elif shown.state == "PAUSED":
            left = [(f" the runbook is paused {runbook.why}: space goes on", "ask")]
        elif runbook.ended:
            why = words.one_line(runbook.ended_why)
            left = [(f" the run has ended: {runbook.ended.replace('_', ' ')} {why}", "")]
        else:
            waits = [s for s in runbook.steps if s.outcome == "waits"]
            then = ", then ".join(s.name for s in waits[:2])
            gates = [s.name for s in waits if s.has_gate]
            tail = f" (gate before {', '.join(gates)})" if gates else " (no gate ahead)"
            left = [(" nothing waits for you", "past"), (f". next: {then}{tail}" if then else "", "past")]
        return [between(left, right, width)]
