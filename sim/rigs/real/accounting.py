"""What became of every row of the copy: kept, merged into a flow, set aside by the cleanup, or lost.

The copy's keys are written down before anything changes it. The state to compare with is that of
the migration's end, and it is compared only when the run has time: a transaction that began there
keeps showing it, however much green has changed since.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from typing import Any

import asyncpg
from asyncpg.exceptions import InterfaceError, PostgresError

from sim.errors import StepFailed
from sim.rigs.real.databases import DATABASE, Connection, has_table
from sim.rigs.real.digests import quoted
from sim.rigs.real.engines.engine import Engine
from sim.rigs.real.populations import Table, tables
from sim.rigs.real.secrets import Secrets
from sim.rigs.real.setting_aside import shown_key

NAMED = 1000
FLOW = "hydra_oauth2_flow"

_KEYS: dict[str, tuple[str, ...]] = {"hydra_client": ("id",), "hydra_jwk": ("sid", "kid")}
"""What names a row on both sides where its primary key is another on each; elsewhere that key does."""
_MERGED = {
    "hydra_oauth2_authentication_request": "login_challenge",
    "hydra_oauth2_authentication_request_handled": "login_challenge",
    "hydra_oauth2_consent_request": "consent_challenge_id",
    "hydra_oauth2_consent_request_handled": "consent_challenge_id",
}
"""1.x table → the flow's column that holds its key."""


async def remember_keys(connection: Connection) -> None:
    """Write down the key of every row of the copy (`rehearsal.copied`), before anything changes it."""
    await connection.execute("CREATE UNLOGGED TABLE rehearsal.copied (tab text NOT NULL, key text NOT NULL)")
    await connection.execute("CREATE TABLE rehearsal.key_of (tab text NOT NULL, columns text[] NOT NULL)")
    for table in (await tables(connection)).values():
        columns = _key(table)
        await connection.execute("INSERT INTO rehearsal.key_of VALUES ($1, $2)", table.name, list(columns))
        await connection.execute(f"INSERT INTO rehearsal.copied SELECT '{table.name}', {_of_row(columns)} "
                                 f"FROM public.{quoted(table.name)} t")
    await connection.execute("ANALYZE rehearsal.copied")


class Accounting:
    """Holds the migration's end and compares it with the copy."""

    def __init__(self, engine: Engine, secrets: Secrets) -> None:
        self._engine, self._secrets = engine, secrets
        self._held: Connection | None = None

    async def hold(self) -> None:
        """Keep what green's database holds now in sight; nothing if no copy was written down in it."""
        await self.close()
        host, port = self._engine.direct(self._engine.database("green"), "sql")
        self._held = await asyncpg.connect(host=host, port=port, user="rehearse", password=self._secrets.database,
                                           database=DATABASE, timeout=5.0,
                                           server_settings={"application_name": "rehearse", "work_mem": "256MB"})
        if not await has_table(self._held, "rehearsal.copied"):
            await self.close()
            return
        await self._held.execute("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")
        await self._held.fetchval("SELECT 1")  # the snapshot is taken by the first question

    async def accounted(self) -> dict[str, Any]:
        """{tables: {t: {copied, kept, merged, cleaned, lost}}, copied, kept, merged, cleaned, lost, names}.

        `names` are `table key` of rows that are lost, at most 1,000. Raises StepFailed if the copy's keys
        were not written down, or the migration's end is not in sight.
        """
        if self._held is None or not await has_table(self._held, "rehearsal.copied"):
            raise StepFailed("nobody wrote down what the copy held", where="verify",
                             todo="the built-in copy and migrate do it")
        answers: dict[str, dict[str, int]] = {}
        names: list[str] = []
        try:
            for name, columns in await self._held.fetch("SELECT tab, columns FROM rehearsal.key_of ORDER BY tab"):
                answers[name], lost = await _account(self._held, str(name), tuple(columns))
                names += lost
        finally:
            await self.close()
        total = {what: sum(a[what] for a in answers.values())
                 for what in ("copied", "kept", "merged", "cleaned", "lost")}
        return {"tables": answers, **total, "names": names[:NAMED]}

    async def close(self) -> None:
        """Let go of it."""
        held, self._held = self._held, None
        if held is not None:
            try:
                await held.close(timeout=2.0)
            except (OSError, TimeoutError, PostgresError, InterfaceError, asyncio.CancelledError):
                held.terminate()


async def _account(green: Connection, table: str, columns: tuple[str, ...]) -> tuple[dict[str, int], list[str]]:
    merged = _MERGED.get(table) if await has_table(green, FLOW) else None
    if merged is not None:
        there = f"SELECT {merged}::text AS key FROM {FLOW}"
    elif await has_table(green, f"public.{quoted(table)}"):
        there = f"SELECT {_of_row(columns)} AS key FROM public.{quoted(table)} t"
    else:
        there = "SELECT NULL::text AS key"
    aside = "SELECT NULL::text AS key"
    if await has_table(green, "rehearsal.rehearsal_set_aside"):
        aside = (f"SELECT {_of_json(columns)} AS key FROM rehearsal.rehearsal_set_aside "
                 f"WHERE table_name = '{table}' AND action = 'set_aside'")
    row = await green.fetchrow(f"""
        WITH there AS (SELECT DISTINCT key FROM ({there}) k WHERE key IS NOT NULL),
             aside AS (SELECT DISTINCT key FROM ({aside}) k WHERE key IS NOT NULL)
        SELECT count(*) AS copied, count(t.key) AS kept,
               count(*) FILTER (WHERE t.key IS NULL AND a.key IS NOT NULL) AS cleaned,
               count(*) FILTER (WHERE t.key IS NULL AND a.key IS NULL) AS lost,
               (array_agg(c.key) FILTER (WHERE t.key IS NULL AND a.key IS NULL))[1:{NAMED}] AS names
          FROM rehearsal.copied c LEFT JOIN there t ON t.key = c.key LEFT JOIN aside a ON a.key = c.key
         WHERE c.tab = $1""", table)
    kept = int(row["kept"])
    return ({"copied": int(row["copied"]), "kept": 0 if merged else kept, "merged": kept if merged else 0,
             "cleaned": int(row["cleaned"]), "lost": int(row["lost"])},
            [f"{table} {shown_key(table, _speaking(columns, key), key)}" for key in sorted(row["names"] or ())])


def _key(table: Table) -> tuple[str, ...]:
    return _KEYS.get(table.name) or table.key


def _of_row(columns: Iterable[str]) -> str:
    parts = [f"t.{quoted(c)}" for c in columns]
    return f"concat_ws(' ', {', '.join(parts)})" if parts else "md5(t::text)"


def _of_json(columns: Iterable[str]) -> str:
    parts = ["before ->> '{}'".format(c.replace("'", "''")) for c in columns]
    return f"concat_ws(' ', {', '.join(parts)})" if parts else "md5(before::text)"


def _speaking(columns: tuple[str, ...], key: str) -> dict[str, object]:
    return {columns[0]: key} if len(columns) == 1 else {}
