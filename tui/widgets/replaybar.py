"""A recording's line: where it is, its phases, faults and the first broken op; a click jumps there."""

from __future__ import annotations

from textual.events import Click

from tui import words
from tui.base import of
from tui.ink import Line, Role
from tui.state import Shown
from tui.widgets.lines import Lines

RIGHT = 16
GLYPHS = {"phase": "┴", "fault": "≈", "broken": "✗", "end": "┤"}


class ReplayBar(Lines):
    """`━━━▶───┆──` with a mark at each phase; ≈ a fault, ✗ what broke."""

    def _span(self) -> tuple[float, float]:
        marks = of(self).landmarks
        return 0.0, max((m.t_s for m in marks), default=1.0)

    def draw(self, shown: Shown, width: int, height: int) -> list[Line]:
        """One line."""
        app = of(self)
        begin_s, end_s = self._span()
        at_s = app.source.at_s
        cells = max(10, width - RIGHT - 2)
        end_s = max(end_s, 1e-6)
        here = max(0, min(cells - 1, int((min(at_s, end_s) - begin_s) / (end_s - begin_s) * cells)))
        glyphs = ["━" if x < here else "─" for x in range(cells)]
        roles: list[Role] = ["" if x < here else "past" for x in range(cells)]
        for mark in app.landmarks:
            x = max(0, min(cells - 1, int((mark.t_s - begin_s) / (end_s - begin_s) * cells)))
            glyphs[x] = GLYPHS[mark.kind]
            if mark.kind in ("fault", "broken"):
                roles[x] = "made" if mark.kind == "fault" else "bad"
        glyphs[here], roles[here] = "▶", "strong"
        line: Line = [(" ", "")]
        for glyph, role in zip(glyphs, roles, strict=True):
            if line[-1][1] == role:
                line[-1] = (line[-1][0] + glyph, role)
            else:
                line.append((glyph, role))
        return [[*line, (f" {words.instant(at_s)} / {words.instant(end_s)}".rjust(RIGHT), "")]]

    def on_click(self, event: Click) -> None:
        """Jump there."""
        event.stop()
        begin_s, end_s = self._span()
        cells = max(10, self.size.width - RIGHT - 2)
        of(self).jump(begin_s + (event.x - 1) / cells * (end_s - begin_s))
