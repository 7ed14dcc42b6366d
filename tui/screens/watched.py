"""What every screen of a run is: panels drawn from the state, and a hand that walks over the figures."""

from __future__ import annotations

from typing import ClassVar

from textual.binding import Binding, BindingType
from textual.events import Resize
from textual.screen import Screen

from tui.base import of
from tui.ink import To
from tui.state import Shown
from tui.widgets.lines import Lines, Spot
from tui.widgets.replaybar import ReplayBar

WIDE, NARROW, TALL_ROWS = (150, 46), (80, 24), 44


class Watched(Screen[None]):
    """Tab walks from figure to figure, enter opens the one under the hand."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("tab", "hand(1)", "next figure", show=False),
        Binding("shift+tab", "hand(-1)", "figure before", show=False),
        Binding("enter", "open_held", "open", show=False),
    ]
    AUTO_FOCUS = ""

    def __init__(self) -> None:
        super().__init__()
        self._held: tuple[str, To] | None = None
        """The panel and what the figure under the hand opens: figures move, this stays."""
        self.shown: Shown | None = None

    def on_mount(self) -> None:
        """A recording has a line of its own above the keys."""
        if of(self).source.is_replay and self.query("#keys"):
            self.mount(ReplayBar(id="replaybar"), before="#keys")

    def on_resize(self, event: Resize) -> None:
        """Choose the layout for this size."""
        width, height = event.size
        tiny = width < NARROW[0] or height < NARROW[1]
        wide = width >= WIDE[0] and height >= WIDE[1]
        self.set_class(tiny, "-tiny")
        self.set_class(wide, "-wide")
        self.set_class(not wide and not tiny and height >= TALL_ROWS, "-tall")

    def show(self, shown: Shown) -> None:
        """Let every panel draw this instant."""
        self.shown = shown
        for panel in self.query(Lines):
            panel.show(shown)
        self._put()

    def _figures(self) -> list[tuple[Lines, Spot]]:
        """Every spot of the screen, from the top left."""
        found = [(panel, spot) for panel in self.query(Lines) if panel.display for spot in panel.spots]
        return sorted(found, key=lambda f: (f[0].region.y + f[1].y, f[0].region.x + f[1].x0))

    def _put(self) -> Spot | None:
        """Put the hand where its figure is now; returns the spot."""
        put: Spot | None = None
        for panel in self.query(Lines):
            spot = None
            if self._held is not None and put is None and panel.id == self._held[0]:
                spot = put = next((s for s in panel.spots if s.to == self._held[1]), None)
            panel.hold(spot)
        return put

    def action_hand(self, by: int) -> None:
        """The next figure, or the one before."""
        figures = self._figures()
        if not figures:
            return
        at = next((n for n, (p, s) in enumerate(figures) if self._held == (p.id, s.to)), None)
        n = (0 if by > 0 else len(figures) - 1) if at is None else (at + by) % len(figures)
        panel, spot = figures[n]
        self._held = (panel.id or "", spot.to)
        self._put()

    @property
    def held(self) -> To | None:
        """What the figure under the hand opens."""
        return self._held[1] if self._held is not None and self._put() is not None else None

    def action_open_held(self) -> None:
        """Open the figure under the hand."""
        if self.held is not None:
            of(self).open(self.held)
