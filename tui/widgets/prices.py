"""IF WE CUT NOW: what only blue has since the copy, against what the scenario allows."""

from __future__ import annotations

from tui import words
from tui.costs import Cost, costs
from tui.ink import Line, Opens, Role, bar, box
from tui.state import Shown
from tui.widgets.lines import Lines


def role_of(cost: Cost) -> Role:
    """Amber from 70 %, red over."""
    return "bad" if cost.share > 1 else "ask" if cost.share >= 0.7 else ""


def cost_line(cost: Cost, width: int) -> Line:
    """`new grants       18/60  ███▌░░░░░░░░`."""
    allowed = "all" if cost.allowed is None else f"{'~' if cost.estimated else ''}{words.count(cost.allowed)}"
    figure = Opens(f"{words.count(cost.now)}/{allowed}".rjust(9), "figure", cost.figure)
    cells = max(4, width - 28)
    return [
        (f"{cost.label:<16}", ""),
        (figure, role_of(cost)),
        ("  ", ""),
        (bar(cost.share, cells), role_of(cost)),
    ]


class Prices(Lines):
    """Three bars."""

    def draw(self, shown: Shown, width: int, height: int) -> list[Line]:
        lines = [cost_line(cost, width - 4) for cost in costs(shown)]
        runbook = shown.runbook
        if runbook.switched_s is not None:
            title, right = "LOST AT THE CUT", "lost / allowed"
        elif runbook.snapshot_s is None:
            title, right = "IF WE CUT NOW", "nothing copied yet"
        else:
            title, right = "IF WE CUT NOW", "lost / allowed"
            if width >= 56:
                right = f"blue only, since the copy {words.took(shown.now_s - runbook.snapshot_s)} ago"
        return box([(title, "strong")], [(right, "past")], lines, width, height)
