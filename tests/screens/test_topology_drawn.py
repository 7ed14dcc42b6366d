"""The topology's picture: as many edges and databases as there are, and where each edge points."""

from __future__ import annotations

import pytest

from sim.history.op import Op
from sim.scenario import load_scenario
from sim.scenario.links import known_links
from sim.scenario.replicas import origin_link
from tui.ink import Opens
from tui.state import Shown
from tui.widgets.topology import Topology, links_of


def shown_of(scenario: str) -> Shown:
    shown = Shown(load_scenario(scenario))
    shown.feed(Op(0, "info", "runbook", "state", 1.0, value={"state": "RUNNING", "why": ""}))
    return shown


def switch(shown: Shown, i: int, **told: object) -> None:
    shown.feed(Op(i, "info", "runbook", "switch", float(i), value={"what": "edge", "to": "green", **told}))


def picture(shown: Shown) -> str:
    return "\n".join("".join(str(piece[0]) for piece in line) for line in Topology().draw(shown, 56, 12))


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
    assert picture(shown_of("10")).count("green pg") and picture(shown_of("10")).count("▶ pg") == 2
    assert "green pg" not in picture(shown_of("30")) and picture(shown_of("30")).count("▶ pg") == 1


@pytest.mark.parametrize("scenario", ["10", "30", "44"])
def test_every_link_of_the_stack_is_drawn_and_can_be_held(scenario: str) -> None:
    shown = shown_of(scenario)
    lines = Topology().draw(shown, 56, 12)
    held = {origin_link(piece.to.arg) for line in lines for piece, _ in line
            if isinstance(piece, Opens) and piece.to.kind == "link" and "->" in piece.to.arg}
    pairs = {origin_link(link).partition(":")[0] for link in links_of(shown)}
    assert {link.partition(":")[0] for link in held} == pairs
    assert len(lines) == 12 and not any("…" in piece for line in lines for piece, _ in line), "nothing is cut"


@pytest.mark.parametrize("link", known_links())
def test_a_fault_on_any_link_is_marked_where_it_is_drawn(link: str) -> None:
    shown = shown_of("10")
    if link not in links_of(shown):
        pytest.skip("a link of a stack with one database")
    value = {"name": "late", "fault": "latency", "link": link, "toxic": {"latency": 250}}
    shown.feed(Op(7, "invoke", "nemesis", "fault", 7.0, value=value))
    lines = Topology().draw(shown, 56, 12)
    marked = [piece for line in lines[:-2] for piece, role in line if role == "made" and "≈" in piece]
    assert len(marked) == 1, picture(shown)


def test_all_faults_are_told_of_however_many() -> None:
    shown = shown_of("10")
    for n, link in enumerate(("edge->queue", "copier->blue-postgres", "authz->green-hydra:admin", "clients->authz")):
        value = {"name": f"f{n}", "fault": "down", "link": link}
        shown.feed(Op(n, "invoke", "nemesis", "fault", 7.0 + n, value=value))
    drawn = picture(shown)
    assert drawn.count("✗ ") >= 5 and "+3 more" in drawn and "◀✗ clients" in drawn
    killed = {"name": "gone", "fault": "kill", "part": "migrator"}
    only = shown_of("10")
    only.feed(Op(9, "invoke", "nemesis", "fault", 9.0, value=killed))
    assert "✗ kill migrator" in picture(only) and "┊migrator┊" in picture(only)


def strokes(shown: Shown, at_s: float) -> tuple[int, int]:
    """Heavy cells of the way to blue and to green at that instant."""
    shown.now_s = at_s
    rows = picture(shown).splitlines()
    blue, green = next(row for row in rows if "BLUE" in row), next(row for row in rows if "GREEN" in row and "└" in row)
    return blue.count("━"), green.count("━")


def test_at_the_switch_the_heavy_stroke_walks_from_blue_to_green_once() -> None:
    shown = shown_of("10")
    for n in range(2, 100):  # traffic on both sides, so that both arrows are in use
        i, at_s = 2 * n, 1.0 + n / 11
        shown.feed(Op(i, "invoke", "rs-1", "introspect", at_s, due_s=at_s, grant="g", token_hash="t"))
        shown.feed(Op(i + 1, "ok", "rs-1", "introspect", at_s, of=i, route="blue" if n % 2 else "green",
                      value={"active": True}))
    before = strokes(shown, 9.99)
    assert before[0] > 0 and before[1] == 0
    switch(shown, 300)
    shown.runbook.turned_s = 10.0
    assert strokes(shown, 10.0) == before, "it starts where it was"
    halfway = strokes(shown, 10.25)
    assert 0 < halfway[0] < before[0] + 3 and halfway[1] > 0
    assert strokes(shown, 10.5)[0] == 0 and strokes(shown, 10.5)[1] > halfway[1]
