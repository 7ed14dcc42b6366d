"""A hand that walks over a screen's figures: tab and shift+tab, enter opens, y copies, e explains.

It holds a figure by what the figure opens and not by where it stands, so that it stays on it while
digits and lines move; whatever a panel writes once a second must therefore open the same each second.
"""

from __future__ import annotations

from typing import ClassVar, NamedTuple

from textual.binding import Binding, BindingType
from textual.screen import Screen, ScreenResultType

from tui.base import of
from tui.ink import To
from tui.widgets.lines import Lines, Spot


class Held(NamedTuple):
    """A figure: its panel, what it opens, and which of those that open the same there."""

    panel: str
    to: To
    nth: int


class Hand(Screen[ScreenResultType]):
    """What every screen with figures can do."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("tab", "hand(1)", "next figure", show=False),
        Binding("shift+tab", "hand(-1)", "figure before", show=False),
        Binding("enter", "open_held", "open", show=False),
        Binding("y", "copy", "copy"),
        Binding("e", "explain", "explain"),
    ]

    _held: Held | None = None

    def _figures(self) -> list[tuple[Lines, Spot]]:
        """Every spot of the screen, from the top left."""
        found = [(panel, spot) for panel in self.query(Lines) if panel.display for spot in panel.spots]
        return sorted(found, key=lambda f: (f[0].region.y + f[1].y, f[0].region.x + f[1].x0))

    def _put(self) -> tuple[Lines, Spot] | None:
        """Put the hand where its figure is now; returns the panel and the spot."""
        put: tuple[Lines, Spot] | None = None
        for panel in self.query(Lines):
            alike: list[Spot] = []
            if self._held is not None and put is None and panel.id == self._held.panel and panel.display:
                alike = [s for s in panel.spots if s.to == self._held.to]
            if self._held is not None and alike:
                put = panel, alike[min(self._held.nth, len(alike) - 1)]
            panel.hold(put[1] if put is not None and put[0] is panel else None)
        return put

    def action_hand(self, by: int) -> None:
        """The next figure, or the one before."""
        figures = self._figures()
        if not figures:
            return
        now = self._put()
        at = next((n for n, (p, s) in enumerate(figures) if now is not None and p is now[0] and s is now[1]), None)
        n = (0 if by > 0 else len(figures) - 1) if at is None else (at + by) % len(figures)
        panel, spot = figures[n]
        alike = [s for s in panel.spots if s.to == spot.to]
        self._held = Held(panel.id or "", spot.to, next(k for k, s in enumerate(alike) if s is spot))
        self._put()

    @property
    def held(self) -> To | None:
        """What the figure under the hand opens."""
        return self._held.to if self._held is not None and self._put() is not None else None

    def meant(self) -> To | None:
        """What enter, y and e are about: the figure under the hand, unless the screen has a choice of its own."""
        return self.held

    def action_open_held(self) -> None:
        """Open it."""
        if (to := self.meant()) is not None:
            of(self).open(to)

    def action_copy(self) -> None:
        """Put it on the clipboard."""
        if (to := self.meant()) is not None:
            of(self).copy_of(to)
        else:
            self._no_figure("copies")

    def action_explain(self) -> None:
        """Say what it means."""
        if (to := self.meant()) is not None:
            of(self).explain(to)
        else:
            self._no_figure("explains")

    def _no_figure(self, does: str) -> None:
        self.app.notify(f"tab walks to a figure; then this key {does} it", severity="warning")
