"""Every link is tried with a toxic before anything is believed of it.

Services' links come one after the other, because a probe of theirs may go over the link that
another one slows. A job's link is its own: each job has a lane beside them, for it is started
anew for each probe and that is what takes the time.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping
from typing import Any

from sim.errors import RehearsalError
from sim.history.journal import Journal
from sim.scenario.kinds import JOBS

Prove = Callable[[str], Awaitable[Mapping[str, Any]]]
"""Tries one link: {proven, usual_s, delayed_s}."""


async def prove_links(links: Iterable[str], prove: Prove, journal: Journal) -> None:
    """Try all; each is an op `link` of the harness, a failed one too."""
    lanes: dict[str, list[str]] = {}
    for link in links:
        source = link.partition("->")[0]
        lanes.setdefault(source if source in JOBS else "services", []).append(link)
    async with asyncio.TaskGroup() as group:
        for lane in lanes.values():
            group.create_task(_in_turn(lane, prove, journal))


async def _in_turn(links: list[str], prove: Prove, journal: Journal) -> None:
    for link in links:
        i = journal.invoke("harness", "link", value={"link": link})
        try:
            journal.complete(i, "ok", value={"link": link, **await prove(link)})
        except (RehearsalError, OSError) as error:
            journal.complete(i, "fail", value={"link": link}, error=str(error)[:300])
