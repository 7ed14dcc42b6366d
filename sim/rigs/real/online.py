"""Applies a stock migration to a live database so that nobody waits long for it.

Recorded on a scratch copy, rewritten, written down as a plan in a schema of the live database
itself, then done act by act. Every act is ticked off in that plan: an interrupted migration goes
on behind the last one, whatever was interrupted. In the end the schema must equal the one that
the stock migrator makes, by the catalog; only then are the versions noted as applied.

A lock that is not had at once is given up and tried again later: whoever waits for one makes all
others wait behind it. It works round the links, by a connection of the harness as Hydra's role.
"""

from __future__ import annotations

import asyncio
import json
import random
import time
from collections.abc import Mapping
from typing import Any

from asyncpg.exceptions import DeadlockDetectedError, LockNotAvailableError

from sim.errors import StepFailed
from sim.rigs.real.catalog import INVALID, differences, read_catalog
from sim.rigs.real.databases import OWNER, Connection, database
from sim.rigs.real.engines.engine import Engine
from sim.rigs.real.migrator import Listed
from sim.rigs.real.recording import Recorder
from sim.rigs.real.rewriting import Act, Refused, rewrite
from sim.rigs.real.secrets import Secrets
from sim.rigs.rig import Progress, Side

SCHEMA = "rehearsal_online"
LOCK_S = 0.05
"""Assumption: half of the 100 ms for which anybody may wait; the other half is the act itself."""
AGAIN_S, AGAIN_MAX_S = 0.05, 1.0
"""Assumption: Hydra's transactions end within milliseconds; a second is a long one."""
ATTEMPTS = 200
"""Assumption: three minutes of trying; a transaction that is open for so long is not Hydra's."""
NAMED = 20

_PLAN = f"""
    CREATE SCHEMA {SCHEMA} AUTHORIZATION {OWNER};
    SET ROLE {OWNER};
    CREATE TABLE {SCHEMA}.act (n int PRIMARY KEY, version text NOT NULL, sql text NOT NULL, kind text NOT NULL,
                               index_name text NOT NULL, done_at timestamptz);
    CREATE TABLE {SCHEMA}.target (catalog jsonb NOT NULL, bookkeeping text NOT NULL, versions text[] NOT NULL);
    RESET ROLE"""


class Online:
    """The online migration of one database that is in use; `job` is what runs the stock migrator on it."""

    def __init__(self, engine: Engine, secrets: Secrets, *, side: Side = "green", job: str = "migrator",
                 lock_s: float = LOCK_S, seed: int = 0) -> None:
        self._engine, self._secrets, self._side, self._lock_s = engine, secrets, side, lock_s
        self._random = random.Random(seed)
        self._recorder = Recorder(engine, secrets, side=side, job=job)

    async def apply(self, listed: Listed, progress: Progress) -> dict[str, Any]:
        """Do what is pending; resumes a plan that is there already.

        Returns {acts, done_now, retries, built_again, longest_lock_s, resumed, rebuilt: [index…], differences: []}.
        Raises StepFailed with every statement that can't be made online (nothing is touched then),
        or with what differs from the stock schema at the end.
        """
        async with (database(self._engine, self._secrets, self._side) as harness,
                    database(self._engine, self._secrets, self._side, role="hydra") as owner):
            resumed = await harness.fetchval("SELECT to_regnamespace($1) IS NOT NULL", SCHEMA)
            if not resumed:
                await self._plan(harness, listed, progress)
            elif set(await harness.fetchval(f"SELECT versions FROM {SCHEMA}.target")) != set(listed.names):
                raise StepFailed("the database holds an unfinished online migration to another version", where=SCHEMA,
                                 todo=f"finish it with that version, or drop the schema {SCHEMA} if you know why")
            rebuilt = [i for i in await _invalid(harness) if not resumed or not await _is_planned(harness, i)]
            for index in rebuilt:
                await owner.execute(f'REINDEX INDEX CONCURRENTLY public."{index}"')
            figures = await self._run(harness, owner, progress)
            progress({"now": "comparing the schema with the stock one"})
            differ = differences(json.loads(await harness.fetchval(f"SELECT catalog FROM {SCHEMA}.target")),
                                 await read_catalog(harness))
            if differ:
                raise StepFailed("the schema is not the stock one", where=self._engine.database(self._side),
                                 seen="; ".join(_difference(d) for d in differ[:NAMED]),
                                 todo="no version was noted as applied; compare, and mend it by hand")
            await self._note_versions(harness, owner)
        return {**figures, "resumed": bool(resumed), "rebuilt": rebuilt, "differences": []}

    async def _plan(self, harness: Connection, listed: Listed, progress: Progress) -> None:
        progress({"now": "recording the stock migrator on a scratch copy"})
        recording = await self._recorder.record()
        rewritten = await asyncio.to_thread(rewrite, recording.statements)
        if rewritten.refused:
            raise StepFailed(f"{len(rewritten.refused)} statements can't be made online; nothing was changed",
                             where="migrate", seen="; ".join(_refusal(r) for r in rewritten.refused[:NAMED])
                             + (f"; and {len(rewritten.refused) - NAMED} more" if len(rewritten.refused) > NAMED
                                else ""),
                             todo="by: stock with the traffic stopped, or blue/green")
        async with harness.transaction():
            await harness.execute(_PLAN)
            await harness.executemany(
                f"INSERT INTO {SCHEMA}.act VALUES ($1, $2, $3, $4, $5)",
                [(n, a.version, a.sql, a.kind, a.index) for n, a in enumerate(rewritten.acts)])
            await harness.execute(f"INSERT INTO {SCHEMA}.target VALUES ($1, $2, $3)", json.dumps(recording.catalog),
                                  recording.bookkeeping, sorted(listed.names))

    async def _run(self, harness: Connection, owner: Connection, progress: Progress) -> dict[str, Any]:
        rows = await harness.fetch(f"SELECT * FROM {SCHEMA}.act ORDER BY n")
        open_acts = [row for row in rows if row["done_at"] is None]
        retries, longest_s, retaken = 0, 0.0, []
        for row in open_acts:
            act = Act(row["version"], row["sql"], row["kind"], row["index_name"])
            progress({"done": row["n"], "total": len(rows), "version": act.version, "now": act.sql[:120]})
            began = time.monotonic()
            if act.kind == "brief":
                again, took_s = await self._briefly(owner, row["n"], act)
                retries += again
                longest_s = max(longest_s, took_s)
            else:
                if act.kind == "build" and await _drop_invalid(harness, owner, act.index):
                    retaken.append(act.index)
                await self._concurrently(harness, owner, row["n"], act)
                took_s = time.monotonic() - began
        progress({"done": len(rows), "total": len(rows), "now": "done"})
        return {"acts": len(rows), "done_now": len(open_acts), "retries": retries, "built_again": retaken,
                "longest_lock_s": round(longest_s, 4)}

    async def _briefly(self, owner: Connection, n: int, act: Act) -> tuple[int, float]:
        """Under a lock for a moment, together with its tick; (retries, seconds the lock was asked for or held)."""
        longest_s, wait_s = 0.0, AGAIN_S
        for attempt in range(ATTEMPTS):
            began = time.monotonic()
            try:
                async with owner.transaction():
                    await owner.execute(f"SET LOCAL lock_timeout = '{round(self._lock_s * 1000)}ms'")
                    await owner.execute(act.sql)
                    await _tick(owner, n)
                return attempt, max(longest_s, time.monotonic() - began)
            except (LockNotAvailableError, DeadlockDetectedError):
                longest_s = max(longest_s, time.monotonic() - began)
                await asyncio.sleep(wait_s * self._random.uniform(0.5, 1.0))
                wait_s = min(wait_s * 2, AGAIN_MAX_S)
        raise StepFailed(f"a lock could not be had in {ATTEMPTS} attempts of {self._lock_s * 1000:.0f} ms",
                         where=act.version, seen=act.sql[:200],
                         todo="look at pg_stat_activity for a transaction that stays open; then migrate again, it "
                              "goes on from here")

    async def _concurrently(self, harness: Connection, owner: Connection, n: int, act: Act) -> None:
        """Outside a transaction; what is done already and only not ticked off is not done again."""
        there = bool(act.index) and await harness.fetchval(
            "SELECT to_regclass($1) IS NOT NULL", f'public."{act.index}"')
        if not (act.kind == "build" and there):
            await owner.execute(act.sql)
        await _tick(owner, n)

    async def _note_versions(self, harness: Connection, owner: Connection) -> None:
        """The migrator's own tables as it would leave them, and the plan away, in one instant."""
        bookkeeping = await harness.fetchval(f"SELECT bookkeeping FROM {SCHEMA}.target")
        mine = await owner.fetch("SELECT relname::text FROM pg_class WHERE relnamespace = 'public'::regnamespace "
                                 "AND relkind = 'r' AND relname LIKE 'schema\\_migration%'")
        async with owner.transaction():
            await owner.execute("; ".join([f'DROP TABLE public."{row[0]}"' for row in mine] or ["SELECT 1"]))
            await owner.execute(bookkeeping)
            await owner.execute(f"DROP SCHEMA {SCHEMA} CASCADE")
        await owner.execute("RESET ALL")  # pg_dump's SQL changes the search path of its session


async def _tick(connection: Connection, n: int) -> None:
    await connection.execute(f"UPDATE {SCHEMA}.act SET done_at = clock_timestamp() WHERE n = $1", n)


async def _invalid(connection: Connection) -> list[str]:
    return [row[0] for row in await connection.fetch(INVALID)]


async def _is_planned(connection: Connection, index: str) -> bool:
    """Whether an open act builds that index, and so takes care of it itself."""
    return bool(await connection.fetchval(
        f"SELECT EXISTS (SELECT FROM {SCHEMA}.act WHERE index_name = $1 AND kind = 'build' AND done_at IS NULL)",
        index))


async def _drop_invalid(harness: Connection, owner: Connection, index: str) -> bool:
    """Drop what an interrupted build left under that name."""
    if index not in await _invalid(harness):
        return False
    await owner.execute(f'DROP INDEX CONCURRENTLY IF EXISTS public."{index}"')
    return True


def _refusal(refused: Refused) -> str:
    return f"{refused.version}: {refused.sql[:100]}: {refused.why}"


def _difference(one: Mapping[str, Any]) -> str:
    return f"{one['what']}: stock {one['stock']}, here {one['live']}"
