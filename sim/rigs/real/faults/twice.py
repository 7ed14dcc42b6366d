"""`twice`: a second migrator beside the first, through the same link, as a retried deploy starts it.

Hydra's migrations take no lock against each other; what comes of two is in the database.
"""

from __future__ import annotations

import asyncio
from typing import Any

from sim.errors import RehearsalError
from sim.rigs.real.engines.engine import Engine, JobResult
from sim.rigs.real.faults.maker import Told, looked_for

COMMAND = ["migrate", "sql", "-e", "--yes"]
LONGEST_S = 600.0
SEEN_WITHIN_S = 10.0
"""Assumption: a migrator reads its list and connects within seconds, also in a container."""


class Twice:
    """Owns the second job until it ends or is ended."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._seconds: dict[str, asyncio.Task[JobResult]] = {}
        self._said: dict[str, list[str]] = {}
        """Fault → the lines of its second migrator; it prints none before it has read the database."""

    async def make(self, fault: Told) -> None:
        """See `Maker.make`."""
        name = str(fault["name"])
        said = self._said[name] = []
        self._seconds[name] = asyncio.create_task(
            self._engine.job("migrator", COMMAND, on_line=said.append, deadline_s=LONGEST_S))

    async def prove(self, fault: Told) -> dict[str, Any]:
        """See `Maker.prove`: the second has something to say of the database, or has ended."""
        second, said = self._seconds.get(str(fault["name"])), self._said.get(str(fault["name"]), [])

        async def look() -> dict[str, Any]:
            if second is None:
                return {"proven": False, "expected": "a second migrator", "seen": "it is ended"}
            if second.done():
                return {"proven": _code(second) is not None, "expected": "a second migrator", "seen": _ended(second)}
            return {"proven": bool(said), "expected": "a second migrator",
                    "seen": f"it works beside the first: {said[-1][:80]}" if said else "it says nothing yet"}

        return await looked_for(look, SEEN_WITHIN_S)

    async def heal(self, fault: Told) -> dict[str, Any]:
        """See `Maker.heal`: the second is ended if it still works."""
        second = self._seconds.pop(str(fault["name"]), None)
        self._said.pop(str(fault["name"]), None)
        if second is None:
            return {"seen": "it was never started"}
        still = not second.done()
        second.cancel()
        await asyncio.gather(second, return_exceptions=True)
        return {"seen": "the second migrator was ended" if still else _ended(second)}


def _code(job: asyncio.Task[JobResult]) -> int | None:
    if job.cancelled() or job.exception() is not None:
        return None
    return job.result().exit_code


def _ended(job: asyncio.Task[JobResult]) -> str:
    code = _code(job)
    if code is not None:
        return f"the second migrator ended with {code}"
    error = None if job.cancelled() else job.exception()
    return error.what if isinstance(error, RehearsalError) else f"the second migrator did not run: {error!r}"
