"""The overview: everything that happens, at 80×24, at 160×50 and between; below, the four questions alone."""

from __future__ import annotations

from textual.app import ComposeResult
from textual.containers import Container
from textual.events import Resize
from textual.screen import Screen

from tui.state import Shown
from tui.widgets.checks import ChecksList
from tui.widgets.happenings import Events
from tui.widgets.header import Header
from tui.widgets.keys import Keys
from tui.widgets.lines import Lines
from tui.widgets.phase import PhaseBar
from tui.widgets.prices import Prices
from tui.widgets.questions import Questions, SoFar
from tui.widgets.revocations import Revocations
from tui.widgets.sides import SidePanel
from tui.widgets.table import TrafficTable
from tui.widgets.topology import Topology
from tui.widgets.waiting import Waiting

WIDE, NARROW, TALL_ROWS = (150, 46), (80, 24), 44


class Overview(Screen[None]):
    """Composes the panels; their order and size are the style sheet's."""

    def compose(self) -> ComposeResult:
        """All panels of both layouts; the style sheet hides what does not fit."""
        yield Header(id="header")
        yield PhaseBar(id="phase")
        yield Questions(id="questions")
        with Container(id="sides"):
            yield SidePanel("blue", id="blue")
            yield SidePanel("green", id="green")
            yield Topology(id="topology")
        with Container(id="middle"):
            with Container(id="costs"):
                yield Prices(id="prices")
                yield Revocations(id="revocations")
            yield TrafficTable(id="traffic")
        with Container(id="lower"):
            yield SoFar(id="sofar")
            yield ChecksList(id="checks")
            yield Events(id="events")
        yield Waiting(id="waits")
        yield Keys(id="keys")

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
        for panel in self.query(Lines):
            panel.show(shown)
