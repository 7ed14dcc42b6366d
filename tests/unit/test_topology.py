"""Topology: the same links as the stack file, and what a failure takes with it."""

from __future__ import annotations

import pytest

from sim.paths import data
from sim.traffic.topology import PERSONAS, SERVES, blast_radius, ends, graph, links_of


def links_of_the_stack_file() -> set[str]:
    from ruamel.yaml import YAML

    return set(YAML(typ="safe", pure=True).load(data("compose", "stack.yaml").read_text())["x-links"])


def test_links_are_the_stack_files() -> None:
    ours = {link for links in (*PERSONAS.values(), *SERVES.values()) for link in links}
    assert ours == links_of_the_stack_file()


def test_a_name_without_port_is_all_links_of_the_pair() -> None:
    assert links_of("edge->blue-hydra") == ["edge->blue-hydra:admin", "edge->blue-hydra:public"]
    assert links_of("edge->queue") == ["edge->queue"]
    assert ends("edge->blue-hydra:admin") == ("edge", "blue-hydra")


def test_a_dead_green_database_is_felt_by_all_who_go_through_it() -> None:
    felt = blast_radius("green-postgres")
    assert {"green-hydra", "edge", "replayer", "migrator", "authz", "web", "rs"} <= felt
    assert "blue-hydra" not in felt and "green-postgres" not in felt


def test_a_cut_link_is_felt_upstream_only() -> None:
    assert blast_radius("replayer->queue") == {"replayer"}
    assert blast_radius("clients->authz") == {"authz askers"}
    assert "edge" in blast_radius("edge->blue-hydra") and "copier" not in blast_radius("edge->blue-hydra")


@pytest.mark.parametrize("name", ["nobody", "edge->nobody"])
def test_what_there_is_not_has_no_blast(name: str) -> None:
    with pytest.raises(KeyError):
        blast_radius(name)


def test_the_graph_says_what_each_node_is() -> None:
    kinds = set(dict(graph().nodes(data="kind")).values())
    assert kinds == {"persona", "link", "part"}
