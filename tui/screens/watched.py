"""What every screen of a run is: panels drawn from the state, in one of a few layouts."""

from __future__ import annotations

from textual.events import Resize

from tui.base import of
from tui.screens.hand import Hand
from tui.state import Shown
from tui.widgets.lines import Lines
from tui.widgets.replaybar import ReplayBar

WIDE, NARROW, TALL_ROWS = (150, 46), (80, 24), 44


class Watched(Hand[None]):
    """Drawn anew at every tick, in the layout that fits the terminal."""

    AUTO_FOCUS = ""

    def __init__(self) -> None:
        super().__init__()
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
