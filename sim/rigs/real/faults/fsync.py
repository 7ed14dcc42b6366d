"""`fsync`: each flush of a Postgres' write-ahead log takes longer.

By Postgres' own `commit_delay`: who leads a flush sleeps so long first, and holds the flush meanwhile; with
`commit_siblings = 0` it does so also when nobody else writes. So commits wait as for a disk that is slow to
sync: each for its flush, and one flush after another. It is milder than such a disk in one way: a commit that
comes during the sleep goes with this flush, where a real fsync would let it wait for the next. Reads, commits
that wrote nothing, files of tables and the checkpoints' own fsync are as fast as ever.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from math import inf
from typing import Any

from sim.errors import StepFailed
from sim.faults.toxics import SEEN_SHARE
from sim.rigs.real.databases import Connection, database
from sim.rigs.real.engines.engine import Engine
from sim.rigs.real.faults.answers import Answers
from sim.rigs.real.faults.databases import DatabaseFault
from sim.rigs.real.faults.maker import AGAIN_S, Told, looked_for
from sim.rigs.real.secrets import Secrets
from sim.rigs.rig import Side

USUAL_COMMITS, COMMITS = 3, 5
"""Assumption: the fastest of so many is what a commit takes; the rest is the machine's noise."""
SEEN_WITHIN_S = 2.0
HEALED_S = 10.0
"""Assumption: a reload takes milliseconds; ten seconds are a server that does not read its settings."""
FAST_SHARE = 0.5
"""Assumption: a commit that takes less than half the delay longer than usual was not delayed."""

_COMMIT = "SELECT pg_logical_emit_message(true, 'rehearse', '')"
"""A transaction that writes to the log, which nobody reads, and no row: so its commit waits for a flush."""
_SETTING = "SELECT setting FROM pg_settings WHERE name = 'commit_delay'"
"""Microseconds."""


class Fsync(DatabaseFault):
    """Delays one Postgres' flushes; of several such faults on it the longest counts."""

    def __init__(self, engine: Engine, secrets: Secrets, answers: Answers, wanted: Callable[[], set[str]]) -> None:
        super().__init__(engine, secrets, answers)
        self._wanted = wanted
        self._on: dict[str, dict[str, float]] = {}
        """Part → fault → its delay in seconds."""
        self._usual_s: dict[str, float] = {}
        """Part → what a commit takes there without a fault."""

    async def make(self, fault: Told) -> None:
        """See `Maker.make`. Raises StepFailed if this Postgres does not sync at all."""
        name, part = str(fault["name"]), str(fault["part"])
        async with self._open(fault) as admin:
            if await admin.fetchval("SHOW fsync") != "on":
                raise StepFailed("it runs with fsync off and waits for no flush", where=part,
                                 todo="leave fsync on in the stack file")
            if not self._on.get(part):
                self._usual_s[part] = await _commit_s(admin, USUAL_COMMITS)
            self._on.setdefault(part, {})[name] = float(fault["delay"])
            await _delay(admin, self._longest_s(part))

    async def prove(self, fault: Told) -> dict[str, Any]:
        """See `Maker.prove`: commits one after another, each of which needs a flush of its own."""
        part, delay_s = str(fault["part"]), float(fault["delay"])

        async def look() -> dict[str, Any]:
            async with self._open(fault) as other:
                seen_s, told_us = await _commit_s(other, COMMITS), int(await other.fetchval(_SETTING))
                await other.execute("SET commit_delay = 0")  # in this session alone: what is usual just now
                usual_s = min(self._usual_s.get(part, inf), await _commit_s(other, USUAL_COMMITS))
            self._usual_s[part] = usual_s
            return {"proven": seen_s - usual_s >= delay_s * SEEN_SHARE and told_us >= round(delay_s * 1e6),
                    "expected": f"a commit takes {delay_s * 1000:g} ms longer",
                    "seen": f"a commit takes {seen_s * 1000:.1f} ms, {usual_s * 1000:.1f} ms without"}

        return await looked_for(look, SEEN_WITHIN_S)

    async def heal(self, fault: Told) -> dict[str, Any]:
        """See `Maker.heal`. Raises StepFailed if commits stay slow."""
        name, part = str(fault["name"]), str(fault["part"])
        delay_s = self._on.get(part, {}).pop(name, None)
        if part not in self._wanted():
            return {"seen": "the runbook has stopped this part meanwhile"}
        if delay_s is None:
            return {"seen": "it was never made"}
        left_s = self._longest_s(part)
        try:
            async with self._open(fault) as admin:
                await _delay(admin, left_s)
            if left_s:
                return {"seen": f"another fault still delays its flushes, by {left_s * 1000:g} ms"}
            return {"seen": await self._fast_again(fault, delay_s)}
        except BaseException:
            self._on[part][name] = delay_s  # so that it can be healed again
            raise

    async def _fast_again(self, fault: Told, delay_s: float) -> str:
        """Commit until one is fast: no delayed one could be. Raises StepFailed if none is within `HEALED_S`."""
        usual_s, until, seen_s = self._usual_s.get(str(fault["part"]), 0.0), time.monotonic() + HEALED_S, 0.0
        async with self._open(fault) as other:
            while time.monotonic() < until:
                seen_s = await _commit_s(other, 1)
                if seen_s - usual_s < delay_s * FAST_SHARE:
                    return f"a commit takes {seen_s * 1000:.1f} ms, {usual_s * 1000:.1f} ms before the fault"
                await asyncio.sleep(AGAIN_S)
        raise StepFailed("commits are still slow", where=str(fault["part"]), seen=f"{seen_s * 1000:.1f} ms, "
                         f"{usual_s * 1000:.1f} ms before", todo="SHOW commit_delay there should say 0")

    def _longest_s(self, part: str) -> float:
        return max(self._on.get(part, {}).values(), default=0.0)


async def undelayed(engine: Engine, secrets: Secrets, side: Side) -> None:
    """Take the delay off a Postgres that a killed harness left with it: it stands in its data folder."""
    async with database(engine, secrets, side) as admin:
        await _delay(admin, 0.0)


async def _delay(admin: Connection, delay_s: float) -> None:
    """Set the delay of each flush, for every session that is there or comes; 0 = as the server was configured."""
    if delay_s:
        await admin.execute("ALTER SYSTEM SET commit_siblings = 0")
        await admin.execute(f"ALTER SYSTEM SET commit_delay = {round(delay_s * 1e6)}")
    else:
        await admin.execute("ALTER SYSTEM RESET commit_delay")
        await admin.execute("ALTER SYSTEM RESET commit_siblings")
    await admin.execute("SELECT pg_reload_conf()")


async def _commit_s(connection: Connection, times: int) -> float:
    """Seconds that a commit takes: the fastest of some, one after another, so that each needs a flush of its own.

    One more goes first and is not counted: it may have come in the middle of somebody else's flush.
    """
    took_s = []
    for _ in range(times + 1):
        began = time.monotonic()
        await connection.execute(_COMMIT)
        took_s.append(time.monotonic() - began)
    return min(took_s[1:])
