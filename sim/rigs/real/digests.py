"""Are two databases the same, table by table? Counts and order-independent hashes, then keys.

Rows are hashed as text with the server's own 64-bit hash and summed, so order is no matter.
Only tables that differ are read by key.
"""

from __future__ import annotations

from typing import Any

import msgspec

from sim.rigs.real.databases import Connection

_TABLES = """
    SELECT c.relname, coalesce(array_agg(a.attname ORDER BY array_position(i.indkey::int2[], a.attnum))
             FILTER (WHERE a.attname IS NOT NULL), '{}')::text[] AS key
      FROM pg_class c
      JOIN pg_namespace n ON n.oid = c.relnamespace AND n.nspname = 'public'
      LEFT JOIN pg_index i ON i.indrelid = c.oid AND i.indisprimary
      LEFT JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum = ANY(i.indkey::int2[])
     WHERE c.relkind = 'r' GROUP BY c.relname ORDER BY c.relname"""
_DIGEST = "SELECT count(*), coalesce(sum(hashtextextended(t::text, 0)), 0)::text FROM public.{table} t"


class Digest(msgspec.Struct, frozen=True):
    """One table's rows: how many, and their hash."""

    rows: int
    hash: str


async def digests(connection: Connection) -> dict[str, Digest]:
    """Table → digest, of every table of the schema `public`, under the connection's snapshot."""
    found = {}
    for table, _ in await connection.fetch(_TABLES):
        rows, total = await connection.fetchrow(_DIGEST.format(table=quoted(table)))
        found[table] = Digest(rows, total)
    return found


async def equality(blue: Connection, green: Connection, of_blue: dict[str, Digest]) -> dict[str, Any]:
    """{tables: {table: {blue, green, equal}}, keys, different}: rows a side, rows compared, rows that differ.

    `blue` still holds the snapshot that `of_blue` was read under. A row that stands on one side
    only, or has one key and two contents, counts once.
    """
    of_green = await digests(green)
    tables: dict[str, dict[str, Any]] = {}
    different = 0
    keys = {str(table): list(key) for table, key in [*await green.fetch(_TABLES), *await blue.fetch(_TABLES)]}
    none = Digest(0, "0")
    for table in sorted({*of_blue, *of_green}):
        b, g = of_blue.get(table), of_green.get(table)
        tables[table] = {"blue": (b or none).rows, "green": (g or none).rows, "equal": b == g}
        if b is None or g is None:
            different += max((b or g or none).rows, 1)
        elif b != g:
            different += await _different(blue, green, table, keys[table])
    return {"tables": tables, "keys": sum(d.rows for d in of_blue.values()), "different": different}


async def _different(blue: Connection, green: Connection, table: str, key: list[str]) -> int:
    name = f"ROW({', '.join(f't.{quoted(c)}' for c in key)})::text" if key else "t::text"
    query = f"SELECT {name}, hashtextextended(t::text, 0) FROM public.{quoted(table)} t"
    on_blue = {(k, h) for k, h in await blue.fetch(query)}
    on_green = {(k, h) for k, h in await green.fetch(query)}
    return max(len({k for k, _ in on_blue ^ on_green}), 1)


def quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'
