"""Takes a row out of a database of 1.x, or a value out of a row, so that it can be put back.

What was there is kept in `rehearsal.rehearsal_set_aside` first, with every row that goes along
because a foreign key says so, or that loses its reference. Any table will do, known here or not.
"""

from __future__ import annotations

import json
from hashlib import sha256
from typing import NamedTuple

from sim.rigs.real.databases import Connection
from sim.rigs.real.digests import quoted
from sim.rigs.real.populations import Placed, Table, tables

_KEEP = "INSERT INTO rehearsal.rehearsal_set_aside (class, table_name, key, action, before) VALUES ($1, $2, $3, $4, $5)"
_SPEAKING = {"hydra_client": "id", "hydra_oauth2_consent_request": "challenge",
             "hydra_oauth2_consent_request_handled": "challenge", "hydra_oauth2_authentication_request": "challenge",
             "hydra_oauth2_authentication_request_handled": "challenge", "hydra_jwk": "kid"}
"""Columns that name a row to people and are no secret and nobody's data; elsewhere a hash does."""
_REFERENCES = """
    SELECT c.conrelid::regclass::text, c.confdeltype::text,
           ARRAY(SELECT attname::text FROM unnest(c.conkey) WITH ORDINALITY k(n, o)
                   JOIN pg_attribute ON attrelid = c.conrelid AND attnum = k.n ORDER BY o),
           ARRAY(SELECT attname::text FROM unnest(c.confkey) WITH ORDINALITY k(n, o)
                   JOIN pg_attribute ON attrelid = c.confrelid AND attnum = k.n ORDER BY o)
      FROM pg_constraint c WHERE c.contype = 'f' AND c.confrelid = $1::text::regclass ORDER BY 1"""


class Going(NamedTuple):
    """A row that goes (`set_aside`), or loses a reference (`mended`)."""

    table: str
    shown: str
    """Its name for people: see `shown_key`."""
    before: str
    """All of it, as JSON."""
    action: str


def shown_key(table: str, row: dict[str, object], key: str) -> str:
    """A name of a row that may stand in a history: nobody's data, no token's signature."""
    speaking = row.get(_SPEAKING.get(table, ""))
    return str(speaking) if speaking is not None else "sha256:" + sha256(key.encode()).hexdigest()[:16]


async def going(connection: Connection, placed: Placed) -> list[Going]:
    """A row and everything that goes with it, in an order in which it can be taken: the row itself last."""
    known = await tables(connection)
    found: list[Going] = []
    seen: set[tuple[str, str]] = set()

    async def walk(table: Table, key: str) -> None:
        if (table.name, key) in seen:
            return
        seen.add((table.name, key))
        row = await connection.fetchrow(f"SELECT to_jsonb(t) AS whole FROM {_public(table.name)} t "
                                        f"WHERE {table.of_key} = $1", key)
        if row is None:
            return
        for child, action, columns, referenced in await connection.fetch(_REFERENCES, _public(table.name)):
            below = known.get(child.removeprefix("public.").strip('"'))
            if below is None:
                continue
            same = " AND ".join(f"t.{quoted(c)} = p.{quoted(r)}" for c, r in zip(columns, referenced, strict=True))
            keys = await connection.fetch(
                f"SELECT {below.of_key}, to_jsonb(t) FROM {_public(below.name)} t, {_public(table.name)} p "
                f"WHERE {same} AND {table.of_key_as('p')} = $1", key)
            for below_key, whole in keys:
                if action == "c":
                    await walk(below, below_key)
                elif action in ("n", "d"):
                    found.append(Going(below.name, _shown(below.name, whole, below_key), whole, "mended"))
        found.append(Going(table.name, _shown(table.name, row["whole"], key), row["whole"], "set_aside"))

    await walk(known[placed.table], placed.key)
    return found


async def set_aside(connection: Connection, placed: Placed, reason: str) -> list[Going]:
    """Keep a row and what goes with it, then delete it; [] if it is not there."""
    table = (await tables(connection)).get(placed.table)
    if table is None:
        return []
    async with connection.transaction():
        gone = await going(connection, placed)
        for one in gone:
            await connection.execute(_KEEP, reason, one.table, one.shown, one.action, one.before)
        await connection.execute(f"DELETE FROM {_public(table.name)} t WHERE {table.of_key} = $1", placed.key)
    return gone


async def neutralize(connection: Connection, placed: Placed, values: dict[str, str], reason: str) -> list[Going]:
    """Keep a row as it is, then write neutral values into some of its columns; [] if it is not there."""
    table = (await tables(connection)).get(placed.table)
    if table is None:
        return []
    async with connection.transaction():
        row = await connection.fetchrow(f"SELECT to_jsonb(t) AS whole FROM {_public(table.name)} t "
                                        f"WHERE {table.of_key} = $1", placed.key)
        if row is None:
            return []
        kept = Going(table.name, _shown(table.name, row["whole"], placed.key), row["whole"], "mended")
        await connection.execute(_KEEP, reason, kept.table, kept.shown, kept.action, kept.before)
        changes = ", ".join(f"{quoted(column)} = ${n}" for n, column in enumerate(values, start=2))
        await connection.execute(f"UPDATE {_public(table.name)} t SET {changes} WHERE {table.of_key} = $1",
                                 placed.key, *values.values())
    return [kept]


def _public(name: str) -> str:
    return f"public.{quoted(name)}"


def _shown(table: str, whole: str, key: str) -> str:
    return shown_key(table, json.loads(whole), key)
