"""The authorization service's periodic cleanup: grants that Hydra's consent list lacks are deleted.

As long as the list is right this is housekeeping. A migration that marks consents wrongly empties
the list, and then the job deletes what is good. The guard decides before anything is deleted: each
run is counted dry first, a run that would take more than the ceiling's share deletes nothing, and of
the rest only those go whose last token Hydra itself calls inactive.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from sim.services import planted
from sim.services.own_grants import OwnGrants, Pair

TOGETHER = 8
"""Assumption: so many questions to Hydra at once are no load to speak of."""

_log = logging.getLogger("cleanup")

Lists = Callable[[str], Awaitable[set[str] | None]]
"""Subject → the clients in its consent list; None = no answer."""
IsActive = Callable[[Pair], Awaitable[bool | None]]
"""Is the grant's last token active; None = no token is known, or no answer."""


@dataclass(frozen=True, slots=True)
class Guard:
    """What stands between the job and its deletions."""

    ceiling: float
    """Most of the grants looked at that one run may delete, 0 to 1."""
    cross_check: Literal["introspect", "none"] = "introspect"


@dataclass(frozen=True, slots=True)
class Job:
    """How the job runs."""

    every_s: float
    subjects: int
    dry_run: bool = False
    guard: Guard | None = None

    @classmethod
    def read(cls, body: dict[str, Any]) -> Job:
        """From a control call; raises ValueError, KeyError or TypeError."""
        guard = body.get("guard")
        every_s, subjects = float(body["every_s"]), int(body["subjects"])
        if every_s <= 0 or subjects < 1:
            raise ValueError("every_s and subjects must be above 0")
        return cls(every_s, subjects, bool(body.get("dry_run", False)),
                   None if guard is None else Guard(float(guard["ceiling"]), guard["cross_check"]))


def held_back(looked: int, unlisted: int, job: Job) -> str:
    """Why this run deletes nothing, from its dry count; "" if it may go on."""
    if job.dry_run:
        return "dry run"
    if job.guard is not None and unlisted > job.guard.ceiling * looked:
        return f"{unlisted} of {looked} grants would go: more than {job.guard.ceiling:.1%}"
    return ""


def deletable(unlisted: Sequence[tuple[Pair, bool | None]], guard: Guard | None) -> list[Pair]:
    """Which of the unlisted grants go; beside each stands whether its last token is active (None = unknown)."""
    if guard is None or guard.cross_check == "none":
        return [pair for pair, _ in unlisted]
    return [pair for pair, active in unlisted if active is False]


@dataclass(slots=True)
class Counted:
    """What the job did so far."""

    runs: int = 0
    looked: int = 0
    deleted: int = 0
    spared: int = 0
    """Grants that were not listed and stayed all the same."""
    held_runs: int = 0
    """Runs that were held back."""
    unanswered: int = 0
    """People whose list could not be had."""
    last: str = ""
    """Why the last run was held back."""
    spared_pairs: set[Pair] = field(default_factory=set)


class Cleanup:
    """Runs the job until it is stopped."""

    def __init__(self, grants: OwnGrants, lists: Lists, is_active: IsActive) -> None:
        self._grants, self._lists, self._is_active = grants, lists, is_active
        self._task: asyncio.Task[None] | None = None
        self.counted = Counted()

    def start(self, job: Job) -> None:
        """Run by this from now on, in place of an older one."""
        self.stop()
        if planted.on("cleanup-unguarded"):
            job = replace(job, guard=None)
        self._task = asyncio.get_running_loop().create_task(self._run(job))

    def stop(self) -> None:
        """No further run; one under way is given up between two deletions."""
        if self._task is not None:
            self._task.cancel()
            self._task = None

    @property
    def runs(self) -> bool:
        """Whether it is on."""
        return self._task is not None

    async def _run(self, job: Job) -> None:
        while True:
            began_s = time.monotonic()
            try:
                await self.once(job)
            except Exception:
                _log.exception("a run of the cleanup job failed")
            await asyncio.sleep(max(0.1, job.every_s - (time.monotonic() - began_s)))

    async def once(self, job: Job) -> None:
        """One run: look, count dry, cross-check, delete."""
        people = self._grants.longest_not_looked(job.subjects)
        gate = asyncio.Semaphore(TOGETHER)

        async def look(subject: str) -> set[str] | None:
            async with gate:
                return await self._lists(subject)

        listed = dict(zip(people, await asyncio.gather(*map(look, people)), strict=True))
        counted = self.counted
        counted.runs += 1
        counted.unanswered += sum(clients is None for clients in listed.values())
        looked = [(subject, client) for subject, clients in people.items() if listed[subject] is not None
                  for client in clients]
        unlisted = [pair for pair in looked if pair[1] not in (listed[pair[0]] or ())]
        counted.looked += len(looked)
        counted.last = held_back(len(looked), len(unlisted), job)
        going: list[Pair] = []
        if counted.last:
            counted.held_runs += 1
        else:
            checked = [(pair, await self._is_active(pair) if job.guard is not None else None) for pair in unlisted]
            going = deletable(checked, job.guard)
            self._grants.delete(going)
        counted.deleted += len(going)
        counted.spared_pairs |= set(unlisted) - set(going)
        counted.spared = len(counted.spared_pairs)
        self._grants.looked(list(people))

    def told(self) -> dict[str, Any]:
        """{on, known, runs, looked, deleted, spared, held_runs, unanswered, last}."""
        c = self.counted
        return {"on": self.runs, "known": self._grants.count(), "runs": c.runs, "looked": c.looked,
                "deleted": c.deleted, "spared": c.spared, "held_runs": c.held_runs, "unanswered": c.unanswered,
                "last": c.last}
