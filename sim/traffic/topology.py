"""Who talks to whom: personas over links to parts, as a graph. Pure data.

It joins the personas to the links of the stack file, so that one can ask what a cut link or a
dead part takes with it before anything is run.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import networkx

PERSONAS: Mapping[str, tuple[str, ...]] = {
    "web": ("clients->edge:public", "clients->login-consent"),
    "cli": ("clients->edge:public",),
    "mcp": ("clients->edge:public",),
    "service": ("clients->edge:public",),
    "user": ("clients->edge:public", "resource-servers->edge:internal"),
    "admin": ("resource-servers->edge:internal",),
    "rs": ("resource-servers->edge:internal",),
    "probe": ("resource-servers->edge:internal", "clients->edge:public"),
    "authz": ("clients->authz",),
    "reader": ("clients->edge:public",),
}
"""Persona → the links it uses itself."""

SERVES: Mapping[str, tuple[str, ...]] = {
    "edge": ("edge->blue-hydra:public", "edge->blue-hydra:admin", "edge->green-hydra:public",
             "edge->green-hydra:admin", "edge->blue-postgres", "edge->green-postgres", "edge->queue"),
    "login-consent": ("login-consent->blue-hydra:admin", "login-consent->green-hydra:admin"),
    "authz": ("authz->blue-hydra:admin", "authz->green-hydra:admin"),
    "blue-hydra": ("blue-hydra->blue-postgres",),
    "green-hydra": ("green-hydra->green-postgres", "green-hydra->blue-postgres"),
    "copier": ("copier->blue-postgres", "copier->green-postgres"),
    "migrator": ("migrator->green-postgres", "migrator->blue-postgres"),
    "replayer": ("replayer->queue", "replayer->blue-postgres", "replayer->green-postgres",
                 "replayer->green-hydra:public", "replayer->green-hydra:admin"),
}
"""Part → the links it uses to do its work."""


def ends(link: str) -> tuple[str, str]:
    """(from, to) of a link's name `from->to[:port]`, without the port."""
    source, target = link.split("->", 1)
    return source, target.split(":", 1)[0]


def graph() -> networkx.DiGraph[str]:
    """Personas, links and parts as nodes (attribute `kind`); an edge means "uses"."""
    import networkx

    found: networkx.DiGraph[str] = networkx.DiGraph()
    for kind, users in (("persona", PERSONAS), ("part", SERVES)):
        for user, links in users.items():
            # authz is both a persona (who asks it) and a part (who answers)
            name = f"{user} askers" if kind == "persona" and user in SERVES else user
            found.add_node(name, kind=kind)
            for link in links:
                found.add_node(link, kind="link")
                found.add_node(ends(link)[1], kind="part")
                found.add_edge(name, link)
                found.add_edge(link, ends(link)[1])
    return found


def links_of(name: str, links: Iterable[str] | None = None) -> list[str]:
    """The links a name without port stands for (`edge->blue-hydra` is two), sorted."""
    known = links if links is not None else (n for n, kind in graph().nodes(data="kind") if kind == "link")
    return sorted(link for link in known if link == name or link.rsplit(":", 1)[0] == name)


def blast_radius(name: str) -> set[str]:
    """Every persona and part that may feel it if this link or part fails (itself not counted).

    Raises KeyError if there is no such link or part.
    """
    import networkx

    found = graph()
    hit = links_of(name) if "->" in name else [name]
    if not hit or any(node not in found for node in hit):
        raise KeyError(name)
    felt = {node for origin in hit for node in networkx.ancestors(found, origin)}
    return {node for node in felt if found.nodes[node]["kind"] != "link"} - {name}
