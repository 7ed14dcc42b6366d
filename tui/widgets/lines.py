"""The widget every panel is: lines of text, drawn from the state, repainted only where they changed.

Pieces that lead somewhere (`ink.Opens`) are kept as spots: the screen's hand walks over them,
and a click opens them. Words that changed are bold for a second where a panel asks for it.
"""

from __future__ import annotations

import re
import time
from typing import ClassVar, NamedTuple

from rich.cells import cell_len
from rich.segment import Segment
from rich.style import Style
from textual.events import Click
from textual.geometry import Region
from textual.selection import Selection
from textual.strip import Strip
from textual.widget import Widget

from tui import ink
from tui.base import of
from tui.ink import Line, Opens, Role, To
from tui.state import Shown

FRESH_S = 1.0
"""How long a changed word stays bold."""
_WORD = re.compile(r"[\w,.:/%~✓✗○?–-]*\w[\w,.:/%~-]*|[✓✗○?]")
BOLD = Style(bold=True)


class Spot(NamedTuple):
    """Where a piece stands that opens something: line and cells, inside the widget."""

    y: int
    x0: int
    x1: int
    to: To


class Lines(Widget):
    """Draws `draw(shown, width, height)` and repaints the lines that differ from the last time.

    Colours come from the style sheet (`.ink--blue` and so on), so themes and NO_COLOR work.
    """

    COMPONENT_CLASSES: ClassVar[set[str]] = {f"ink--{role}" for role in ink.ROLES if role}
    TELLS_FRESH: ClassVar[bool] = False
    """Whether words that changed are bold for a second: for panels whose words seldom change."""

    def __init__(self, *, id: str | None = None, classes: str | None = None) -> None:
        super().__init__(id=id, classes=classes)
        self._lines: list[Line] = []
        self._shown: Shown | None = None
        self._styles_by_role: dict[Role, Style] = {}
        self.spots: list[Spot] = []
        self.held: Spot | None = None
        """The spot the hand is on."""
        self._fresh: dict[int, list[tuple[int, int, float]]] = {}
        """Line → (from cell, to cell, until when) of words that changed."""
        self._drawn_s = -1.0

    def draw(self, shown: Shown, width: int, height: int) -> list[Line]:
        """The lines of this instant; each is cut or padded to the width."""
        raise NotImplementedError

    def show(self, shown: Shown) -> None:
        """Draw anew and repaint what changed."""
        self._shown = shown
        width, height = self.size
        if not width or not height or not self.display:
            self.spots = []
            return
        new = [ink.fit(line, width) for line in self.draw(shown, width, height)[:height]]
        old, self._lines = self._lines, new
        self.spots = [spot for y, line in enumerate(new) for spot in _spots(y, line)]
        if len(old) != len(new):
            self._fresh.clear()
            self.refresh()
            return
        changed = {y for y, (was, now) in enumerate(zip(old, new, strict=True)) if was != now}
        if self.TELLS_FRESH:
            changed |= self._freshen(shown, old, new, changed)
        if changed:
            self.refresh(*(Region(0, y, width, 1) for y in sorted(changed)))

    def _freshen(self, shown: Shown, old: list[Line], new: list[Line], changed: set[int]) -> set[int]:
        """Note which words changed, forget old news; returns the lines that lost their bold."""
        now_s = time.monotonic()
        # Only from one instant to the next: a jump in a replay changes everything and is no news.
        steady = 0.0 <= shown.now_s - self._drawn_s < 5.0 and not shown.reading
        self._drawn_s = shown.now_s
        faded = set()
        for y, spans in list(self._fresh.items()):
            kept = [span for span in spans if span[2] > now_s]
            if len(kept) < len(spans):
                faded.add(y)
            self._fresh[y] = kept
        for y in changed if steady else ():
            was = set(_WORD.findall(ink.text(old[y])))
            for word in _WORD.finditer(ink.text(new[y])):
                if word[0] not in was:
                    self._fresh.setdefault(y, []).append((word.start(), word.end(), now_s + FRESH_S))
        return faded

    def hold(self, spot: Spot | None) -> None:
        """Let the hand be on this spot, or on none here."""
        if spot != self.held:
            self.held = spot
            self.refresh()

    def on_click(self, event: Click) -> None:
        """A click on a figure opens it."""
        for spot in self.spots:
            if spot.y == event.y and spot.x0 <= event.x < spot.x1:
                event.stop()
                of(self).open(spot.to)
                return

    def on_resize(self) -> None:
        """Another size, other lines."""
        if self._shown is not None:
            self._lines = []
            self.show(self._shown)

    def notify_style_update(self) -> None:
        """The theme changed: colours are looked up again."""
        super().notify_style_update()
        self._styles_by_role = {}

    def render_line(self, y: int) -> Strip:
        """One line for the terminal."""
        width = self.size.width
        base = self.rich_style
        if y >= len(self._lines):
            return Strip.blank(width, base)
        plain = bool(getattr(self.app, "plain_glyphs", False))
        segments = [
            Segment(piece.translate(ink.ASCII) if plain else piece, base + self._style(role))
            for piece, role in self._lines[y]
        ]
        strip = Strip(segments, width)
        for start, end, _ in self._fresh.get(y, ()):
            strip = _styled(strip, start, end, width, BOLD)
        if self.held is not None and self.held.y == y:
            strip = _styled(strip, self.held.x0, self.held.x1, width, Style(reverse=True))
        selection = self.text_selection
        if selection is not None and (span := selection.get_span(y)) is not None:
            start, end = span
            chosen = self.screen.get_component_rich_style("screen--selection", partial=True)
            strip = _styled(strip, start, width if end == -1 else end, width, chosen)
        return strip.apply_offsets(0, y)

    def get_selection(self, selection: Selection) -> tuple[str, str] | None:
        """What was marked with the mouse, to be copied."""
        return selection.extract("\n".join(ink.text(line).rstrip() for line in self._lines)), "\n"

    def _style(self, role: Role) -> Style:
        if not role:
            return Style.null()
        style = self._styles_by_role.get(role)
        if style is None:
            style = self._styles_by_role[role] = self.get_component_rich_style(f"ink--{role}", partial=True)
        return style


def _styled(strip: Strip, start: int, end: int, width: int, style: Style) -> Strip:
    """The strip with some of its cells in another style."""
    start, end = max(0, min(start, width)), max(0, min(end, width))
    if start >= end:
        return strip
    parts = [strip.crop(0, start), strip.crop(start, end).apply_style(style), strip.crop(end, width)]
    return Strip.join([part for part in parts if part.cell_length])


def _spots(y: int, line: Line) -> list[Spot]:
    """The pieces of a line that open something, without the blanks around them."""
    found, x = [], 0
    for piece, _ in line:
        size = cell_len(piece)
        if isinstance(piece, Opens) and piece.strip():
            lead = len(piece) - len(piece.lstrip())
            tail = len(piece) - len(piece.rstrip())
            found.append(Spot(y, x + lead, x + size - tail, piece.to))
        x += size
    return found
