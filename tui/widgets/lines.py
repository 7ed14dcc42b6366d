"""The widget every panel is: lines of text, drawn from the state, repainted only where they changed."""

from __future__ import annotations

from typing import ClassVar

from rich.segment import Segment
from rich.style import Style
from textual.geometry import Region
from textual.selection import Selection
from textual.strip import Strip
from textual.widget import Widget

from tui import ink
from tui.ink import Line, Role
from tui.state import Shown


class Lines(Widget):
    """Draws `draw(shown, width, height)` and repaints the lines that differ from the last time.

    Colours come from the style sheet (`.ink--blue` and so on), so themes and NO_COLOR work.
    """

    COMPONENT_CLASSES: ClassVar[set[str]] = {f"ink--{role}" for role in ink.ROLES if role}

    def __init__(self, *, id: str | None = None, classes: str | None = None) -> None:
        super().__init__(id=id, classes=classes)
        self._lines: list[Line] = []
        self._shown: Shown | None = None
        self._styles_by_role: dict[Role, Style] = {}

    def draw(self, shown: Shown, width: int, height: int) -> list[Line]:
        """The lines of this instant; each is cut or padded to the width."""
        raise NotImplementedError

    def show(self, shown: Shown) -> None:
        """Draw anew and repaint what changed."""
        self._shown = shown
        width, height = self.size
        if not width or not height or not self.display:
            return
        new = [ink.fit(line, width) for line in self.draw(shown, width, height)[:height]]
        old, self._lines = self._lines, new
        if len(old) != len(new):
            self.refresh()
            return
        changed = [Region(0, y, width, 1) for y, (was, now) in enumerate(zip(old, new, strict=True)) if was != now]
        if changed:
            self.refresh(*changed)

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
        selection = self.text_selection
        if selection is not None and (span := selection.get_span(y)) is not None:
            start, end = span
            end = width if end == -1 else end
            chosen = self.screen.get_component_rich_style("screen--selection", partial=True)
            before, inside, after = (
                strip.divide([start, end, width]) if start else (Strip([]), *strip.divide([end, width]))
            )
            strip = Strip.join([before, inside.apply_style(chosen), after])
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
