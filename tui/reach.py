"""Parts and links as the history names them: who can feel a fault, and where one can be made.

A link's name says who uses whom (`from->to[:port]`), so the links alone tell what a cut one takes
with it: everything that uses what it serves, and who uses that.
"""

from __future__ import annotations

from collections.abc import Iterable

CLIENTS = ("clients", "resource-servers")
"""Where traffic comes from: no part of the stack."""


def ends(link: str) -> tuple[str, str]:
    """(from, to) of a link, without the port."""
    source, _, target = link.partition("->")
    return source, target.partition(":")[0]


def parts(links: Iterable[str]) -> list[str]:
    """Every part that some link names, in the order of the links."""
    named = dict.fromkeys(end for link in links for end in ends(link))
    return [part for part in named if part not in CLIENTS]


def blast(where: str, links: Iterable[str]) -> set[str]:
    """Who may feel it if this link or part fails: the users of it, and theirs.

    A fault on a link is first felt by the part it begins at; on a part, by whoever dials it.
    """
    known = {ends(link) for link in links}
    felt: set[str] = set()
    ahead = [ends(where)[0]] if "->" in where else [source for source, target in known if target == where]
    while ahead:
        part = ahead.pop()
        if part not in felt:
            felt.add(part)
            ahead += [source for source, target in known if target == part]
    return felt
