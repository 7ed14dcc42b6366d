"""`disk`: a Postgres' disk is full. Containers only, on a disk in memory that was made for it.

First whatever needs space is refused (SQLSTATE 53100) while reads and small writes go on. A server that needs
its log's next segment gives up (PANIC) and, as long as there is no space, can't recover either: it is gone.
The heal gives the space back and starts a server that is gone again, as an operator would.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from asyncpg.exceptions import InterfaceError, PostgresError

from sim.errors import StepFailed
from sim.rigs.real.engines.container_faults import ContainerFaults
from sim.rigs.real.engines.engine import Engine
from sim.rigs.real.faults.answers import Answers
from sim.rigs.real.faults.databases import DatabaseFault
from sim.rigs.real.faults.maker import Told, looked_for
from sim.rigs.real.faults.on_docker import container_faults
from sim.rigs.real.secrets import Secrets

FULL_WITHIN_S = 10.0
"""Source: 254 MB were full within 0.3 s [measured by hand]; a disk of some GB takes seconds."""
SEEN_WITHIN_S = 5.0
"""Assumption: a server that gave up tries to recover and is gone within seconds."""
DISK_FULL, NO_SESSION = "53100", "XX000"
"""Source: PostgreSQL's error codes, disk_full; and internal_error, by which it refuses a new session that can't write
its cache's file ("could not write init file") [seen in a run]."""

_SPILLS = "SELECT count(*) FROM generate_series(1, 200000)"
"""With 64 kB to work in it needs a file of some MB, which goes with the statement: probing takes no space."""
_WRITES = "SELECT pg_logical_emit_message(true, 'rehearse', '')"


class Disk(DatabaseFault):
    """Fills the bounded disk of one Postgres; of several such faults on it the last heal empties it."""

    def __init__(self, engine: Engine, secrets: Secrets, answers: Answers, wanted: Callable[[], set[str]]) -> None:
        super().__init__(engine, secrets, answers)
        self._wanted = wanted
        self._filled: dict[str, set[str]] = {}
        """Part → the faults that fill it."""

    def _containers(self) -> ContainerFaults:
        return container_faults(self._engine, "fill a disk")

    async def make(self, fault: Told) -> None:
        """See `Maker.make`. Raises StepFailed if this run made no disk for that part, or another one."""
        part, containers = str(fault["part"]), self._containers()
        has = containers.disks.get(part)
        if has is None:
            raise StepFailed("its disk has no bound in this run, and a machine's own is never filled", where=part,
                             todo="write the fault into the scenario; `at: by hand` keeps it for an order")
        if fault.get("size") not in (None, has):
            raise StepFailed(f"its disk is {has >> 20} MiB for this whole run", where=part, todo="leave size out")
        if part not in self._wanted() or not await self._engine.incarnation(part):
            raise StepFailed(f"{part} does not run now", where=part, todo="make the fault while it does")
        self._filled.setdefault(part, set()).add(str(fault["name"]))
        await containers.fill(part, full=True)
        if not (await looked_for(lambda: self._room(part, wanted=False), FULL_WITHIN_S))["proven"]:
            raise StepFailed("its disk is not full yet", where=part, todo="give the fault a smaller size")

    async def prove(self, fault: Told) -> dict[str, Any]:
        """See `Maker.prove`: what needs space is refused, or the server is gone for lack of it."""
        part, containers = str(fault["part"]), self._containers()

        async def look() -> dict[str, Any]:
            refused, full = await self._refused(fault), not await containers.free_bytes(part)
            gone = not await self._engine.incarnation(part)
            seen = "its server has given up and is gone" if gone else refused or "what needs space is stored"
            lacking = full and (gone or refused == NO_SESSION)
            return {"proven": refused == DISK_FULL or lacking, "expected": f"what needs space gets {DISK_FULL}",
                    "seen": f"{seen}; {containers.disks[part] >> 20} MiB are {'' if full else 'not '}full"}

        return await looked_for(look, SEEN_WITHIN_S)

    async def heal(self, fault: Told) -> dict[str, Any]:
        """See `Maker.heal`. Raises StepFailed if there is no space, or the server does not use it."""
        name, part = str(fault["name"]), str(fault["part"])
        filling = self._filled.get(part, set())
        if name not in filling:
            return {"seen": "it was never made"}
        if len(filling) > 1:
            filling.discard(name)
            return {"seen": "another fault still fills its disk"}
        engine = self._engine
        await self._containers().fill(part, full=False)
        if not (await looked_for(lambda: self._room(part, wanted=True), FULL_WITHIN_S))["proven"]:
            raise StepFailed("its disk stays full", where=part, todo="its own data fills it: give it more")
        if part not in self._wanted():
            filling.discard(name)
            return {"seen": "the runbook has stopped this part meanwhile; its disk has space"}
        gone = not await engine.incarnation(part)
        if gone:
            await engine.start(part)
        took_s = await self._answers.well(part)
        if refused := await self._refused(fault):
            raise StepFailed("it still refuses what needs space", where=part, seen=refused)
        filling.discard(name)
        again = "its server was gone and is started again" if gone else "its server lived through it"
        return {"seen": f"what needs space is stored; {again}, and answers after {took_s * 1000:.0f} ms"}

    async def _room(self, part: str, *, wanted: bool) -> dict[str, Any]:
        free = await self._containers().free_bytes(part)
        return {"proven": (free > 0) is wanted}

    async def _refused(self, fault: Told) -> str:
        """Ask for something that needs space; '' if it got it, else the SQLSTATE, or why nobody could be asked."""
        try:
            async with self._open(fault) as other:
                await other.execute("SET work_mem = '64kB'")
                await other.fetchval(_SPILLS)
                await other.execute(_WRITES)
        except (PostgresError, InterfaceError) as error:
            return str(getattr(error, "sqlstate", "") or error)
        except (StepFailed, OSError) as failed:
            return str(getattr(failed.__cause__, "sqlstate", "") or getattr(failed, "seen", "") or failed)
        return ""
