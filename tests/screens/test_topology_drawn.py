"""The topology's picture: as many edges and databases as there are, and where each edge points."""

from __future__ import annotations

from sim.history.op import Op
from sim.scenario import load_scenario
from tui.state import Shown
from tui.widgets.topology import Topology


def shown_of(scenario: str) -> Shown:
    shown = Shown(load_scenario(scenario))
    shown.feed(Op(0, "info", "runbook", "state", 1.0, value={"state": "RUNNING", "why": ""}))
    return shown


def switch(shown: Shown, i: int, **told: object) -> None:
    shown.feed(Op(i, "info", "runbook", "switch", float(i), value={"what": "edge", "to": "green", **told}))


def picture(shown: Shown) -> str:
    return "\n".join("".join(str(piece[0]) for piece in line) for line in Topology().draw(shown, 62, 14))


def test_edges_that_switch_one_by_one_serve_from_two_sides() -> None:
    shown = shown_of("44")
    assert "edge×2" in picture(shown) and shown.side_word("blue") == "SERVING"
    switch(shown, 5, edge=1)
    assert [shown.runbook.serves(side, 2) for side in ("blue", "green")] == [1, 1]
    assert (shown.side_word("blue"), shown.side_word("green")) == ("SERVING 1 OF 2 EDGES", "SERVING 1 OF 2 EDGES")
    switch(shown, 10, edge=2)
    assert [shown.runbook.serves(side, 2) for side in ("blue", "green")] == [0, 2]
    assert shown.side_word("green") == "SERVING"


def test_edges_that_switch_together_serve_from_one_side() -> None:
    shown = shown_of("45")
    switch(shown, 5)
    assert [shown.runbook.serves(side, 2) for side in ("blue", "green")] == [0, 2]


def test_a_fault_on_the_second_edge_is_drawn() -> None:
    shown = shown_of("44")
    value = {"name": "cut", "fault": "down", "link": "edge-2->blue-hydra:public"}
    shown.feed(Op(7, "invoke", "nemesis", "fault", 7.0, value=value))
    shown.feed(Op(8, "ok", "nemesis", "fault", 7.1, of=7, value=value))
    assert "┊edge×2┊" in picture(shown) and "✗✗✗" in picture(shown)


def test_in_place_both_use_one_database() -> None:
    assert picture(shown_of("10")).count(" pg") == 2
    assert picture(shown_of("30")).count(" pg") == 1
