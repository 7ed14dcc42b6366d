"""Who waits for whom while a live database is migrated: sampled from Postgres' own lock tables.

Each sample asks which backends wait for a lock and who holds them up; samples that follow each
other become one *blocked interval*. Traffic counts, the migrator's own waits are told apart:
while it waits, whoever comes later waits behind it.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import msgspec
from asyncpg.exceptions import PostgresError

from sim.rigs.real.databases import Connection, database
from sim.rigs.real.engines.engine import Engine
from sim.rigs.real.secrets import Secrets
from sim.rigs.rig import Side

SAMPLE_S = 0.05
"""Source: the screen shows a lock of a tenth of a second; twice as often as that."""
ANSWER_S = 2.0
"""Assumption: the lock tables answer in milliseconds; a sample that takes two seconds is left out."""
TOLD_S = 0.25
"""Source: the screen shows four times a second."""
APART_S = 0.15
"""Assumption: two samples without a waiter end an interval; one may have been late."""
NAMED = 8
"""Waiters whose holders are looked up a sample: pg_blocking_pids stops the lock manager for a moment."""
STATEMENT_CHARS = 120
MIGRATOR = "migrator"
"""application_name in the migrator's DSN."""
OURS = "rehearse"
"""application_name of the harness, which also migrates online."""

_WAITS = f"""
    WITH waiting AS MATERIALIZED (
        SELECT pid, application_name, application_name IN ('{MIGRATOR}', '{OURS}') AS ours, query,
               extract(epoch FROM clock_timestamp() - query_start)::float8 AS for_s
          FROM pg_stat_activity
         WHERE datname = current_database() AND wait_event_type = 'Lock' AND pid <> pg_backend_pid()
         ORDER BY query_start LIMIT 200),
    asked AS (SELECT pid, pg_blocking_pids(pid) AS blockers FROM waiting ORDER BY for_s DESC LIMIT {NAMED})
    SELECT (SELECT count(*) FROM waiting WHERE NOT ours) AS waiting,
           (SELECT coalesce(max(for_s), 0) FROM waiting WHERE NOT ours) AS for_s,
           (SELECT query FROM waiting WHERE NOT ours ORDER BY for_s DESC LIMIT 1) AS waiter,
           h.pid, h.query, h.application_name,
           ARRAY(SELECT DISTINCT c.relname::text || ' ' || l.mode FROM pg_locks l JOIN pg_class c ON c.oid = l.relation
                  WHERE l.pid = h.pid AND l.granted AND c.relkind = 'r'
                    AND l.mode IN ('AccessExclusiveLock', 'ShareRowExclusiveLock', 'ShareLock')) AS held
      FROM (SELECT 1) one
      LEFT JOIN LATERAL (SELECT a.pid, a.query, a.application_name FROM asked, unnest(asked.blockers) b
                           JOIN pg_stat_activity a ON a.pid = b
                          ORDER BY a.application_name IN ('{MIGRATOR}', '{OURS}') DESC, a.pid LIMIT 1) h ON true"""


class Blocked(msgspec.Struct):
    """One interval in which somebody but the migrator waited for a lock."""

    from_s: float
    """Seconds since the watch began, of the first wait's own begin."""
    to_s: float
    waiting: int
    """The most that waited at once."""
    waiter: str
    """A statement that waited, shortened."""
    holder: str
    """The statement that held it up."""
    by_migrator: bool
    held: list[str]
    """`table mode` that the holder held."""

    @property
    def for_s(self) -> float:
        """How long the interval was."""
        return self.to_s - self.from_s


class Waits:
    """Turns samples into blocked intervals; pure."""

    def __init__(self) -> None:
        self.blocked: list[Blocked] = []
        self.samples = 0

    def sample(self, at_s: float, row: Any) -> None:
        """One row of the sampling query, taken at `at_s`."""
        self.samples += 1
        if not row["waiting"]:
            return
        from_s = max(0.0, at_s - float(row["for_s"]))
        last = self.blocked[-1] if self.blocked else None
        if last is None or from_s > last.to_s + APART_S:
            last = Blocked(from_s, at_s, 0, "", "", False, [])
            self.blocked.append(last)
        last.from_s, last.to_s = min(last.from_s, from_s), max(last.to_s, at_s)
        last.waiting = max(last.waiting, int(row["waiting"]))
        if row["query"] is not None and (not last.holder or row["application_name"] in (MIGRATOR, OURS)):
            last.holder, last.waiter = _short(row["query"]), _short(row["waiter"] or "")
            last.by_migrator = row["application_name"] in (MIGRATOR, OURS)
            last.held = sorted({*last.held, *row["held"]})

    def figures(self) -> dict[str, Any]:
        """{samples, blocked_s, longest_block_s, blocked: [interval…], the longest first}."""
        longest = sorted(self.blocked, key=lambda b: -b.for_s)
        return {"samples": self.samples, "blocked_s": round(sum(b.for_s for b in self.blocked), 3),
                "longest_block_s": round(longest[0].for_s, 3) if longest else 0.0,
                "blocked": [{**msgspec.to_builtins(b), "from_s": round(b.from_s, 3), "to_s": round(b.to_s, 3),
                             "for_s": round(b.for_s, 3)} for b in longest[:20]]}


async def watch_locks(connection: Connection, waits: Waits, tell: Callable[[dict[str, Any]], None]) -> None:
    """Sample until cancelled; `tell` gets {blocked: {waiting, for_s, holder, held}} while somebody waits."""
    began, told_s = time.monotonic(), 0.0
    asked = await connection.prepare(_WAITS)
    while True:
        due = time.monotonic()
        try:
            row = await asked.fetchrow()
        except (PostgresError, TimeoutError):
            row = None
        if row is not None:
            waits.sample(time.monotonic() - began, row)
            if row["waiting"] and due - told_s >= TOLD_S:
                told_s = due
                last = waits.blocked[-1]
                tell({"blocked": {"waiting": int(row["waiting"]), "for_s": round(last.for_s, 3),
                                  "holder": last.holder, "held": last.held}})
        await asyncio.sleep(max(0.0, SAMPLE_S - (time.monotonic() - due)))


@asynccontextmanager
async def watching_locks(engine: Engine, secrets: Secrets, side: Side, waits: Waits,
                         tell: Callable[[dict[str, Any]], None]) -> AsyncIterator[None]:
    """`watch_locks` on a connection of its own to a side's database while the body runs."""
    async with database(engine, secrets, side, command_s=ANSWER_S) as connection:
        watching = asyncio.create_task(watch_locks(connection, waits, tell))
        try:
            yield
        finally:
            watching.cancel()
            await asyncio.gather(watching, return_exceptions=True)


def _short(query: str) -> str:
    words = " ".join(line for line in query.splitlines() if not line.lstrip().startswith("--"))
    return " ".join(words.split())[:STATEMENT_CHARS]
