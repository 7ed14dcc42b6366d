"""Faults inside a Postgres: backends ended, every connection taken, a session that sits on a lock.

Their sessions are the harness' own, bear a name of their own and end with it, so a harness that
dies leaves none behind.
"""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack
from typing import Any

from asyncpg.exceptions import InterfaceError, PostgresError

from sim.errors import StepFailed
from sim.rigs.real.databases import Connection, Role, database, has_table
from sim.rigs.real.engines.engine import Engine
from sim.rigs.real.faults.answers import Answers
from sim.rigs.real.faults.maker import Told, looked_for
from sim.rigs.real.secrets import Secrets
from sim.rigs.rig import Side

AT_ONCE = 16
"""Assumption: so many connections are opened at a time; a server forks them faster than one after the other."""
MOST = 2_000
"""Assumption: no rehearsal's server allows more connections."""
SEEN_WITHIN_S = 2.0
LOCK_NOT_AVAILABLE, TOO_MANY = "55P03", "53300"

_END = """
SELECT pid, pg_terminate_backend(pid) AS ended FROM pg_stat_activity
WHERE usename = $1 AND backend_type = 'client backend' AND pid <> pg_backend_pid()"""


class DatabaseFault:
    """What the makers here share: whose database, and connections to it."""

    def __init__(self, engine: Engine, secrets: Secrets, answers: Answers) -> None:
        self._engine, self._secrets, self._answers = engine, secrets, answers
        self._held: dict[str, AsyncExitStack] = {}
        """Fault → its open connections."""

    def _open(self, fault: Told, role: Role = "rehearse") -> Any:
        side: Side = "blue" if str(fault["part"]).startswith("blue") else "green"
        return database(self._engine, self._secrets, side, role=role)

    async def _let_go(self, fault: Told) -> None:
        """Close what the fault holds; a server that is gone has closed it already."""
        held = self._held.pop(str(fault["name"]), None)
        if held is not None:
            try:
                await held.aclose()
            except (PostgresError, InterfaceError, OSError, TimeoutError):
                return


class Terminate(DatabaseFault):
    """`terminate`: ends every backend of a role, as an operator or a failover would."""

    def __init__(self, engine: Engine, secrets: Secrets, answers: Answers) -> None:
        super().__init__(engine, secrets, answers)
        self._ended: dict[str, list[int]] = {}

    async def make(self, fault: Told) -> None:
        """See `Maker.make`. Raises StepFailed if the role has no backend."""
        role = str(fault.get("role", "hydra"))
        async with self._open(fault) as admin:
            ended = [row["pid"] for row in await admin.fetch(_END, role) if row["ended"]]
        if not ended:
            raise StepFailed(f"{fault['part']} has no backend of {role}", where=str(fault["part"]))
        self._ended[str(fault["name"])] = ended

    async def prove(self, fault: Told) -> dict[str, Any]:
        """See `Maker.prove`."""
        ended = self._ended.get(str(fault["name"]), [])

        async def look() -> dict[str, Any]:
            async with self._open(fault) as admin:
                left = await admin.fetchval("SELECT count(*) FROM pg_stat_activity WHERE pid = ANY($1)", ended)
            return {"proven": bool(ended) and not left, "expected": "its backends are gone",
                    "seen": f"{len(ended) - left} of {len(ended)} backends ended"}

        return await looked_for(look, SEEN_WITHIN_S)

    async def heal(self, fault: Told) -> dict[str, Any]:
        """See `Maker.heal`: nothing to take off; the server answers."""
        self._ended.pop(str(fault["name"]), None)
        took_s = await self._answers.well(str(fault["part"]))
        return {"seen": f"the server answers, after {took_s * 1000:.0f} ms"}


class Exhaust(DatabaseFault):
    """`exhaust`: holds connections as Hydra's role, all that are left unless told how many."""

    def __init__(self, engine: Engine, secrets: Secrets, answers: Answers) -> None:
        super().__init__(engine, secrets, answers)
        self._count: dict[str, int] = {}

    async def make(self, fault: Told) -> None:
        """See `Maker.make`."""
        name, wanted = str(fault["name"]), int(fault.get("connections", MOST))
        held = self._held[name] = AsyncExitStack()
        self._count[name], refused = 0, False
        while self._count[name] < wanted and not refused:
            more = min(AT_ONCE, wanted - self._count[name])
            opened = await asyncio.gather(*(held.enter_async_context(self._open(fault, "hydra")) for _ in range(more)),
                                          return_exceptions=True)
            failed = [one for one in opened if isinstance(one, BaseException)]
            self._count[name] += more - len(failed)
            if failed and not _is_full(failed[0]):
                raise failed[0]
            refused = bool(failed)

    async def prove(self, fault: Told) -> dict[str, Any]:
        """See `Maker.prove`."""
        name, wanted = str(fault["name"]), fault.get("connections")

        async def look() -> dict[str, Any]:
            refused = await self._one_more(fault)
            count = self._count.get(name, 0)
            proven = refused if wanted is None else count >= int(wanted) or refused
            return {"proven": proven, "expected": "a new connection is refused" if wanted is None else f"{wanted} held",
                    "seen": f"{count} connections held; a new one is {'refused' if refused else 'taken'}"}

        return await looked_for(look, SEEN_WITHIN_S)

    async def heal(self, fault: Told) -> dict[str, Any]:
        """See `Maker.heal`."""
        await self._let_go(fault)

        async def look() -> dict[str, Any]:
            try:
                async with self._open(fault, "hydra"):
                    return {"proven": True, "seen": f"{self._count.pop(str(fault['name']), 0)} connections let go; "
                                                    "a new one is taken"}
            except StepFailed as failed:
                return {"proven": False, "seen": failed.seen}

        told = await looked_for(look, SEEN_WITHIN_S)
        if not told["proven"]:
            raise StepFailed("connections are still refused", where=str(fault["part"]), seen=told["seen"])
        return {"seen": told["seen"]}

    async def _one_more(self, fault: Told) -> bool:
        """Whether a new connection is refused; one that is taken is held too, if all are to be.

        A backend that was on its way out while the others were opened leaves a place a moment later.
        """
        name = str(fault["name"])
        async with AsyncExitStack() as asked:
            try:
                await asked.enter_async_context(self._open(fault, "hydra"))
            except StepFailed as failed:
                return _is_full(failed)
            if fault.get("connections") is None and name in self._held:
                self._held[name].push_async_callback(asked.pop_all().aclose)
                self._count[name] += 1
        return False


class Lock(DatabaseFault):
    """`lock`: a session idle in transaction on a table; with a `waiter`, ACCESS EXCLUSIVE queues behind it.

    The first alone holds up only whoever wants the table for itself, such as a migration. With
    the waiter everybody stands in the queue behind that, readers too: this is the outage.
    """

    def __init__(self, engine: Engine, secrets: Secrets, answers: Answers) -> None:
        super().__init__(engine, secrets, answers)
        self._waiting: dict[str, asyncio.Task[Any]] = {}

    async def make(self, fault: Told) -> None:
        """See `Maker.make`. Raises StepFailed if there is no such table."""
        name, table = str(fault["name"]), _table(fault)
        held = self._held[name] = AsyncExitStack()
        idle: Connection = await held.enter_async_context(self._open(fault, "hydra"))
        if not await has_table(idle, table):
            await self._let_go(fault)
            raise StepFailed(f"{fault['part']} has no table {table} now", where=str(fault["part"]))
        await idle.execute(f"BEGIN; LOCK TABLE {table} IN ACCESS SHARE MODE")
        if fault.get("waiter"):
            waiter: Connection = await held.enter_async_context(self._open(fault, "hydra"))
            await waiter.execute("BEGIN")
            self._waiting[name] = asyncio.create_task(waiter.execute(f"LOCK TABLE {table} IN ACCESS EXCLUSIVE MODE"))

    async def prove(self, fault: Told) -> dict[str, Any]:
        """See `Maker.prove`: somebody else does not get the table."""
        mode = "ACCESS SHARE" if fault.get("waiter") else "ACCESS EXCLUSIVE"

        async def look() -> dict[str, Any]:
            waits = await self._waits(fault, mode)
            return {"proven": waits, "expected": f"{mode} is waited for",
                    "seen": f"{mode} of {_table(fault)} {'is not to be had' if waits else 'is had'} at once"}

        return await looked_for(look, SEEN_WITHIN_S)

    async def heal(self, fault: Told) -> dict[str, Any]:
        """See `Maker.heal`: both sessions end, the first one first."""
        waiting = self._waiting.pop(str(fault["name"]), None)
        if waiting is not None:
            waiting.cancel()
            await asyncio.gather(waiting, return_exceptions=True)
        await self._let_go(fault)
        if await self._waits(fault, "ACCESS SHARE"):
            raise StepFailed(f"{_table(fault)} is still waited for", where=str(fault["part"]),
                             todo="look at pg_locks for who holds it")
        return {"seen": f"{_table(fault)} can be read at once"}

    async def _waits(self, fault: Told, mode: str) -> bool:
        """Whether that lock is not to be had at once; False if the table is gone.

        Without waiting: a probe that waits for a lock would itself hold up everybody behind it.
        """
        async with self._open(fault) as other:
            try:
                async with other.transaction():
                    await other.execute(f"LOCK TABLE {_table(fault)} IN {mode} MODE NOWAIT")
            except PostgresError as error:
                return getattr(error, "sqlstate", "") == LOCK_NOT_AVAILABLE
        return False


def _table(fault: Told) -> str:
    return str(fault.get("table", "hydra_client"))


def _is_full(error: BaseException) -> bool:
    return getattr(error.__cause__, "sqlstate", "") == TOO_MANY
