"""VERDICT SO FAR: each check's glyph, sentence, limit and evidence."""

from __future__ import annotations

from sim.checks.verdict import Check
from sim.report.text import amount
from tui import words
from tui.ink import Line, Opens, Role, box, columns
from tui.state import Shown
from tui.verdicts import READ_FROM
from tui.widgets.lines import Lines
from tui.widgets.questions import GLYPHS, tally

ROLES: dict[str, Role] = {"held": "", "broken": "bad", "unknown": "ask", "not_asked": "past", "open": "past"}


def allowed(check: Check) -> str:
    """The limits written for it: `60`, `5.0 s`, `all`."""
    return ", ".join("all" if t.max == "all" else amount(t.max, t.unit) for t in check.tolerated.values()) or (
        "-" if check.verdict == "not_asked" else "0"
    )


class ChecksList(Lines):
    """All fifteen, in their order; what matters most first if they do not fit."""

    TELLS_FRESH = True

    def draw(self, shown: Shown, width: int, height: int) -> list[Line]:
        inner = width - 4
        said = max(10, inner - 23 - 8 - 9)
        rows = shown.verdict.checks if shown.verdict is not None else []
        room = height - 3
        if len(rows) > room:
            order = ["broken", "unknown", "open", "held", "not_asked"]
            rows = sorted(rows, key=lambda c: order.index(c.verdict))[:room]
        lines = [
            columns(
                [
                    ("check", 23, "past"),
                    ("what is seen", said, "past"),
                    ("allowed", -8, "past"),
                    ("evidence", -9, "past"),
                ]
            )
        ]
        for c in rows:
            role = ROLES[c.verdict]
            evidence = "-" if c.verdict == "not_asked" else words.count(c.evidence)
            lines.append(
                columns(
                    [
                        (Opens(f"{GLYPHS[c.verdict]} {c.name}", "check", c.name), 23, role),
                        (Opens(words.one_line(c.summary), "figure", c.name), said, role),
                        (Opens(allowed(c), "figure", c.name), -8, "past"),
                        (Opens(evidence, "log", READ_FROM.get(c.name, "")), -9, "past"),
                    ]
                )
            )
        title = "VERDICT" if shown.is_final else "VERDICT SO FAR"
        return box([(title, "strong")], tally(shown), lines, width, height)
