"""Several edges from one entry of the stack file, asked as one."""

from __future__ import annotations

import pytest

from sim.rigs.real.controls import merged
from sim.rigs.real.stack import load_stack
from sim.rigs.real.standing import Route, Standing
from sim.scenario.links import known_links, known_parts
from sim.scenario.replicas import origin, origin_link, replica_names


def test_one_edge_is_the_stack_file_as_it_stands() -> None:
    assert load_stack(edges=1).links == load_stack().links and replica_names("edge", 1) == ["edge"]


def test_a_second_edge_has_links_ports_and_variables_of_its_own() -> None:
    one, two = load_stack(), load_stack(edges=2)
    more = {name: link for name, link in two.links.items() if name not in one.links}
    assert {origin_link(name) for name in more} == {name for name in one.links if "edge" in name}
    assert all("edge-2" in (link.source, link.service) for link in more.values())
    listens = [link.listen for link in two.links.values()]
    assert len(set(listens)) == len(listens), "one proxy, one port"
    told = {link.variable: f"127.0.0.1:{n}" for n, link in enumerate(two.links.values(), start=1)}
    first, second = two.service("edge", told), two.service("edge-2", told)
    for key in ("EDGE_BLUE_PUBLIC", "EDGE_GREEN_ADMIN", "EDGE_QUEUE", "EDGE_BLUE_DSN"):
        assert first.environment[key] != second.environment[key], key
    assert second.environment["EDGE_BLUE_PUBLIC"] == f"http://{told['LINK_EDGE_2_BLUE_HYDRA_PUBLIC']}"
    assert {k: v for k, v in first.environment.items() if not k.startswith("EDGE_")} == \
        {k: v for k, v in second.environment.items() if not k.startswith("EDGE_")}
    assert second.ports == first.ports and second.depends_on == first.depends_on


def test_faults_may_name_each_edge() -> None:
    assert set(known_links(edges=2)) == set(load_stack(edges=2).links) | set(load_stack(shared=True, edges=2).links)
    assert known_parts(edges=2)["edge-2"] == known_parts()["edge"] and "edge-2" not in known_parts()


@pytest.mark.parametrize(("name", "first"), [("edge", "edge"), ("edge-2", "edge"), ("blue-hydra", "blue-hydra"),
                                             ("edgeless-2", "edgeless-2")])
def test_whose_replica_a_part_is(name: str, first: str) -> None:
    assert origin(name) == first


def test_several_answers_are_told_as_one() -> None:
    one = {"route": "blue", "epoch": 1, "buffering": True, "waiting": 3, "buffered_s": 0.2, "in_flight": {"blue": 1},
           "shed": {"overload": 2}, "capture": {"on": True, "direction": "forward", "open": 1}}
    two = {"route": "green", "epoch": 2, "buffering": True, "waiting": 4, "buffered_s": 0.3, "in_flight": {"blue": 2},
           "shed": {}, "capture": {"on": True, "direction": "forward", "open": 2}}
    assert merged([one]) == one
    assert merged([one, two]) == {
        "route": "blue | green", "epoch": 2, "buffering": True, "waiting": 7, "buffered_s": 0.3,
        "in_flight": {"blue": 3}, "shed": {"overload": 2}, "capture": {"on": True, "direction": "forward", "open": 3}}
    assert merged([{"buffering": True}, {"buffering": False}]) == {"buffering": True}, "one of them still holds"


def test_each_edge_comes_back_where_it_pointed() -> None:
    standing = Standing(2)
    standing.edges[1] = Route("green", 1.0, 2)
    assert [standing.environment(name)["EDGE_ROUTE"] for name in ("edge", "edge-2")] == ["blue", "green"]
    assert standing.environment("edge-2")["EDGE_EPOCH"] == "2" and standing.wanted("edge")["route"] == "blue"
