"""The overview: everything that happens, at 80×24, at 160×50 and between; below, the four questions alone."""

from __future__ import annotations

from textual.app import ComposeResult
from textual.containers import Container

from tui.screens.watched import Watched
from tui.widgets.checks import ChecksList
from tui.widgets.happenings import Events
from tui.widgets.header import Header
from tui.widgets.keys import Keys
from tui.widgets.phase import PhaseBar
from tui.widgets.prices import Prices
from tui.widgets.questions import Questions, SoFar
from tui.widgets.revocations import Revocations
from tui.widgets.sides import SidePanel
from tui.widgets.table import TrafficTable
from tui.widgets.topology import Topology
from tui.widgets.waiting import Waiting


class Overview(Watched):
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
