"""Nothing can write to a side's database any more, and reads go on.

A statement trigger on every table refuses writes of the role `hydra`. Making the triggers takes a
lock that waits for every write under way and lets none begin meanwhile, so when the fence stands
all that was written is committed and nothing more can be. Roads not taken: revoking the owner's
rights breaks the foreign keys' own checks, which run as the owner, also for the harness; a
read-only default with killed connections makes Hydra answer `active: false` on the killed ones.
The harness' own role passes, because a return to blue replays revocations on it.
"""

from __future__ import annotations

import time
from typing import Any, Final

from sim.errors import StepFailed
from sim.rigs.real.databases import Connection, database
from sim.rigs.real.engines.engine import Engine
from sim.rigs.real.secrets import Secrets
from sim.rigs.rig import Side

ATTEMPTS: Final = 12
ATTEMPT_S: Final = 0.25
"""Assumption: Hydra's transactions take milliseconds; waiting in short attempts lets one that
waits for us finish, so that there is no deadlock."""
PATIENT: Final = 6
"""After so many attempts, connections that hold a transaction open are ended: they would never let us in."""
REFUSED: Final = "25006"
"""read_only_sql_transaction."""

_TABLES = """
SELECT c.oid::regclass::text FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE n.nspname = 'public' AND c.relkind IN ('r', 'p') ORDER BY 1"""
_MAKE = """
CREATE SCHEMA IF NOT EXISTS rehearsal_fence;
CREATE OR REPLACE FUNCTION rehearsal_fence.refuse() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF session_user = 'hydra' THEN
        RAISE EXCEPTION 'fenced: % on % is refused', TG_OP, TG_TABLE_NAME USING ERRCODE = '25006';
    END IF;
    RETURN NULL;
END $$"""
_LIFT = """
CREATE OR REPLACE FUNCTION rehearsal_fence.refuse() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RETURN NULL;
END $$"""
_END_STRAGGLERS = """
SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity
WHERE datname = current_database() AND usename = 'hydra' AND xact_start < now() - interval '1 second'"""


class Fence:
    """Closes and opens a side's database for Hydra's writes; both are proven before they return."""

    def __init__(self, engine: Engine, secrets: Secrets) -> None:
        self._engine, self._secrets = engine, secrets

    async def close(self, side: Side) -> dict[str, Any]:
        """Fence a side: {side, tables, refused, ended, elapsed_s}; again is harmless.

        Raises StepFailed if it can't be closed or a write of Hydra's role still passes.
        """
        began = time.monotonic()
        async with database(self._engine, self._secrets, side) as connection:
            tables = await _tables(connection, side)
            ended = await self._install(connection, side, tables)
        refused = await self._refused(side, tables)
        if refused != len(tables):
            raise StepFailed(f"{side} is not fenced", where=f"{side}-postgres",
                             seen=f"a write to {len(tables) - refused} of {len(tables)} tables still passes")
        return {"side": side, "tables": len(tables), "refused": refused, "ended": ended,
                "elapsed_s": round(time.monotonic() - began, 3)}

    async def open(self, side: Side) -> dict[str, Any]:
        """Take the fence away: {side, tables, refused: 0, elapsed_s}; without a fence harmless.

        Raises StepFailed if a write of Hydra's role is still refused.
        """
        began = time.monotonic()
        async with database(self._engine, self._secrets, side) as connection:
            tables = await _tables(connection, side)
            if await connection.fetchval("SELECT to_regnamespace('rehearsal_fence') IS NOT NULL"):
                await connection.execute(_LIFT)  # in force at once; the triggers go when nobody holds a table
                await _remove(connection)
        refused = await self._refused(side, tables)
        if refused:
            raise StepFailed(f"{side} is still fenced", where=f"{side}-postgres",
                             seen=f"a write to {refused} of {len(tables)} tables is refused")
        return {"side": side, "tables": len(tables), "refused": 0, "elapsed_s": round(time.monotonic() - began, 3)}

    async def _install(self, connection: Connection, side: Side, tables: list[str]) -> int:
        """Make the triggers in one transaction; returns how many connections had to be ended."""
        from asyncpg.exceptions import DeadlockDetectedError, LockNotAvailableError

        ended = 0
        for attempt in range(ATTEMPTS):
            if attempt >= PATIENT:
                ended += await connection.fetchval(_END_STRAGGLERS)
            try:
                async with connection.transaction():
                    await connection.execute(f"SET LOCAL lock_timeout = '{round(ATTEMPT_S * 1000)}ms'; {_MAKE}")
                    for table in tables:
                        await connection.execute(
                            f"CREATE OR REPLACE TRIGGER rehearsal_fence BEFORE INSERT OR UPDATE OR DELETE OR TRUNCATE "
                            f"ON {table} FOR EACH STATEMENT EXECUTE FUNCTION rehearsal_fence.refuse()")
                return ended
            except (LockNotAvailableError, DeadlockDetectedError):
                continue
        raise StepFailed(f"{side} can't be fenced: transactions on it do not end", where=f"{side}-postgres",
                         seen=f"{ATTEMPTS} attempts of {ATTEMPT_S:g} s, {ended} connections ended",
                         todo="look at pg_stat_activity for who holds a transaction open")

    async def _refused(self, side: Side, tables: list[str]) -> int:
        """How many tables refuse a real write of Hydra's own role."""
        from asyncpg.exceptions import PostgresError

        refused = 0
        async with database(self._engine, self._secrets, side, role="hydra") as connection:
            for table in tables:
                try:
                    await connection.execute(f"DELETE FROM {table} WHERE false")
                except PostgresError as error:
                    if getattr(error, "sqlstate", "") != REFUSED:
                        raise StepFailed(f"a write to {table} failed otherwise", where=f"{side}-postgres",
                                         seen=str(error)) from error
                    refused += 1
        return refused


async def _tables(connection: Connection, side: Side) -> list[str]:
    tables = [row[0] for row in await connection.fetch(_TABLES)]
    if not tables:
        raise StepFailed(f"{side}'s database holds no tables", where=f"{side}-postgres")
    return tables


async def _remove(connection: Connection) -> None:
    """Drop the triggers, if every table can be had shortly; they refuse nothing any more."""
    from asyncpg.exceptions import DeadlockDetectedError, LockNotAvailableError

    for _ in range(ATTEMPTS):
        try:
            async with connection.transaction():
                await connection.execute(f"SET LOCAL lock_timeout = '{round(ATTEMPT_S * 1000)}ms'")
                await connection.execute("DROP SCHEMA rehearsal_fence CASCADE")
            return
        except (LockNotAvailableError, DeadlockDetectedError):
            continue
