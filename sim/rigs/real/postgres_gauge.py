"""One second's figures of each Postgres: backends, who waits for which lock, WAL, temp files, sizes.

It must not disturb what it looks at. Sizes are those of the files: `pg_total_relation_size` takes a lock, so it
would queue behind the migration it is asked about and be counted among those who wait. Who blocks whom is
asked only while somebody waits, because the answer stops the lock manager for a moment.
"""

from __future__ import annotations

import re
import time
from collections.abc import Mapping
from typing import Any

from sim.rigs.real.databases import Connection, database
from sim.rigs.real.engines.engine import Engine
from sim.rigs.real.locks import NAMED, STATEMENT_CHARS
from sim.rigs.real.secrets import Secrets
from sim.rigs.rig import Side

SIZES_EVERY_S = 5.0
"""Assumption: tables of a rehearsal grow by megabytes in five seconds; a look at their files takes milliseconds."""
ANSWER_S = 1.0
"""Assumption: a Postgres that takes longer has other things to do than to be looked at."""

_NOW = """
SELECT count(*) FILTER (WHERE usename = 'hydra') AS connections,
       count(*) FILTER (WHERE wait_event_type = 'Lock') AS waiting,
       coalesce(extract(epoch FROM max(now() - xact_start) FILTER (WHERE usename = 'hydra')), 0)::float8 AS oldest_s,
       pg_wal_lsn_diff(pg_current_wal_lsn(), '0/0')::int8 AS wal_bytes,
       (SELECT temp_bytes FROM pg_stat_database WHERE datname = current_database())
         + (SELECT coalesce(sum(size), 0) FROM pg_ls_tmpdir())::int8 AS temp_bytes
FROM pg_stat_activity WHERE datname = 'hydra'
"""

_WAITS = f"""
WITH waiting AS MATERIALIZED (
    SELECT a.pid, coalesce(nullif(a.application_name, ''), a.usename) AS who, a.query AS wants,
           l.relation, l.locktype, l.mode,
           extract(epoch FROM clock_timestamp() - coalesce(l.waitstart, a.query_start))::float8 AS for_s
      FROM pg_locks l JOIN pg_stat_activity a ON a.pid = l.pid
     WHERE NOT l.granted AND a.datname = current_database()
     ORDER BY for_s DESC LIMIT {NAMED})
SELECT w.who, w.wants, w.mode, w.for_s, coalesce(c.relname::text, w.locktype) AS lock,
       h.who AS holder, h.query AS holder_does, h.state AS holder_state, h.since_s AS holder_since_s,
       h.waits AS holder_waits,
       ARRAY(SELECT DISTINCT m.mode FROM pg_locks m
              WHERE m.pid = h.pid AND m.granted AND m.relation = w.relation) AS held
  FROM waiting w
  LEFT JOIN pg_class c ON c.oid = w.relation
  LEFT JOIN LATERAL (
       SELECT a.pid, coalesce(nullif(a.application_name, ''), a.usename) AS who, a.query, a.state,
              extract(epoch FROM clock_timestamp() - a.xact_start)::float8 AS since_s,
              coalesce(a.wait_event_type = 'Lock', false) AS waits
         FROM unnest(pg_blocking_pids(w.pid)) b JOIN pg_stat_activity a ON a.pid = b
        ORDER BY waits, a.xact_start LIMIT 1) h ON true
 ORDER BY w.for_s DESC"""

_SIZES = """
WITH place AS (SELECT 'base/' || oid AS folder FROM pg_database WHERE datname = current_database()),
     files AS (SELECT substring(name FROM '^[0-9]+')::oid AS node,
                      coalesce((pg_stat_file(folder || '/' || name, true)).size, 0) AS bytes
                 FROM place, pg_ls_dir(folder) name WHERE name ~ '^[0-9]'),
     nodes AS (SELECT node, sum(bytes) AS bytes FROM files GROUP BY node),
     tables AS (SELECT c.oid, c.reltoastrelid AS toast,
                       CASE n.nspname WHEN 'public' THEN '' ELSE n.nspname || '.' END || c.relname AS name
                  FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
                 WHERE c.relkind = 'r' AND n.nspname NOT IN ('pg_catalog', 'information_schema')),
     parts AS (SELECT name, oid FROM tables UNION ALL SELECT name, toast FROM tables WHERE toast <> 0
               UNION ALL SELECT t.name, i.indexrelid FROM tables t JOIN pg_index i ON i.indrelid IN (t.oid, t.toast))
SELECT p.name, sum(n.bytes)::int8 AS bytes FROM parts p JOIN nodes n ON n.node = pg_relation_filenode(p.oid)
 GROUP BY p.name
UNION ALL SELECT NULL, sum(bytes)::int8 FROM nodes"""

_LITERAL = re.compile(r"'(?:[^']|'')*'")


class PostgresGauge:
    """Remembers where WAL and temp files stood at the first look, and when sizes were taken last."""

    def __init__(self, engine: Engine, secrets: Secrets) -> None:
        self._engine, self._secrets = engine, secrets
        self._first: dict[Side, dict[str, int]] = {}
        self._sized_s: dict[Side, float] = {}

    async def read(self, side: Side) -> dict[str, Any]:
        """{connections, waiting, oldest_s, wal_bytes, temp_bytes} and, when there is something to tell, more.

        wal_bytes and temp_bytes are what was written since the first look. While somebody waits for a lock,
        waits: [{who, wants, lock, mode, for_s, holder, holder_does, …}], the longest first. Every few seconds
        size_bytes and tables: {table: bytes with its indexes and TOAST}.
        """
        async with database(self._engine, self._secrets, side, command_s=ANSWER_S) as connection:
            told = self._since_first(side, dict(await connection.fetchrow(_NOW)))
            if told["waiting"]:
                waits = [wait(row) for row in await connection.fetch(_WAITS)]
                told |= {"waits": waits} if waits else {}
            if time.monotonic() - self._sized_s.get(side, -SIZES_EVERY_S) >= SIZES_EVERY_S:
                told |= await _sizes(connection)
                self._sized_s[side] = time.monotonic()
        return told

    def _since_first(self, side: Side, row: dict[str, Any]) -> dict[str, Any]:
        """The row with WAL and temp files counted from the first look; one dropped and made anew begins at 0."""
        first = self._first.setdefault(side, {key: int(row[key]) for key in ("wal_bytes", "temp_bytes")})
        for key, began in first.items():
            if row[key] < began:
                first[key] = began = 0
            row[key] = int(row[key]) - began
        return {**row, "oldest_s": round(row["oldest_s"], 3)}


def wait(row: Mapping[str, Any]) -> dict[str, Any]:
    """One who waits, as the gauge tells it; statements without comments and literals, shortened."""
    told = {"who": row["who"], "wants": statement(row["wants"]), "lock": row["lock"], "mode": _mode(row["mode"]),
            "for_s": round(max(0.0, row["for_s"] or 0.0), 3)}
    if row["holder"] is not None:
        told |= {"holder": row["holder"], "holder_does": statement(row["holder_does"]),
                 "holder_state": row["holder_state"], "holder_since_s": round(row["holder_since_s"] or 0.0, 3),
                 "holder_waits": row["holder_waits"], "held": sorted(_mode(mode) for mode in row["held"])}
    return told


def statement(query: str | None) -> str:
    """On one line; what stands in quotes may be somebody's, and is left out."""
    words = " ".join(line for line in (query or "").splitlines() if not line.lstrip().startswith("--"))
    return " ".join(_LITERAL.sub("'…'", words).split())[:STATEMENT_CHARS]


def _mode(mode: str) -> str:
    return mode.removesuffix("Lock")


async def _sizes(connection: Connection) -> dict[str, Any]:
    rows = {row["name"]: int(row["bytes"] or 0) for row in await connection.fetch(_SIZES)}
    return {"size_bytes": rows.pop(None, 0), "tables": rows}
