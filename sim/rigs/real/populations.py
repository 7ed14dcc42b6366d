"""A copy of 1.x cut into units, so that any part of it can be tried alone.

A unit is what belongs to one login: its request and answer, the consents, all their tokens. Clients,
browser sessions and keys are units too, and come along with the units that need them: a part is
always one that could exist. Rows of tables nobody knows here are a unit each.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from sim.rigs.real.databases import Connection
from sim.rigs.real.digests import quoted

CLIENT = "hydra_client"
SESSION = "hydra_oauth2_authentication_session"
_TOKENS = ("access", "refresh", "code", "oidc", "pkce")
_CONSENT = "LEFT JOIN hydra_oauth2_consent_request c ON c.challenge = {}"
_FAMILY = "coalesce(c.login_challenge, c.challenge, {})"

# Table → (SQL of the unit's name, join for it).
_UNITS: dict[str, tuple[str, str]] = {
    CLIENT: ("'client ' || t.id", ""),
    SESSION: ("'session ' || t.id", ""),
    "hydra_jwk": ("'key ' || t.sid || ' ' || t.kid", ""),
    "hydra_oauth2_trusted_jwt_bearer_issuer": ("'key ' || t.key_set || ' ' || t.key_id", ""),
    "hydra_oauth2_authentication_request": ("t.challenge", ""),
    "hydra_oauth2_authentication_request_handled": ("t.challenge", ""),
    "hydra_oauth2_consent_request": ("coalesce(t.login_challenge, t.challenge)", ""),
    "hydra_oauth2_consent_request_handled": (_FAMILY.format("t.challenge"), _CONSENT.format("t.challenge")),
    **{f"hydra_oauth2_{name}": (_FAMILY.format("t.challenge_id, t.request_id"),
                                _CONSENT.format("coalesce(t.challenge_id, t.request_id)")) for name in _TOKENS},
}
_NOT_ROWS = ("schema_migration", "schema_migration_pop_legacy")
"""What the migrator itself keeps: no population."""

_TABLES = """
    SELECT c.relname::text,
           coalesce(array_agg(a.attname ORDER BY array_position(i.indkey::int2[], a.attnum))
                      FILTER (WHERE a.attname IS NOT NULL), '{}')::text[],
           ARRAY(SELECT attname::text FROM pg_attribute WHERE attrelid = c.oid AND attnum > 0 AND NOT attisdropped)
      FROM pg_class c
      LEFT JOIN pg_index i ON i.indrelid = c.oid AND i.indisprimary
      LEFT JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum = ANY(i.indkey::int2[])
     WHERE c.relnamespace = 'public'::regnamespace AND c.relkind = 'r' AND c.relname <> ALL($1)
     GROUP BY c.oid, c.relname ORDER BY c.relname"""


class Table(NamedTuple):
    """A table of the population."""

    name: str
    key: tuple[str, ...]
    """Columns of its primary key; () = none."""
    columns: tuple[str, ...]

    @property
    def of_key(self) -> str:
        """SQL that names a row `t`: its primary key, else a hash of all of it."""
        return self.of_key_as("t")

    def of_key_as(self, row: str) -> str:
        """The same of a row by another name."""
        return f"ROW({', '.join(f'{row}.{quoted(c)}' for c in self.key)})::text" if self.key else f"md5({row}::text)"


class Placed(NamedTuple):
    """A row and where it is found again."""

    table: str
    key: str
    """As `Table.of_key` names it."""


async def tables(connection: Connection) -> dict[str, Table]:
    """Every table of the population, by name."""
    return {name: Table(name, tuple(key), tuple(columns))
            for name, key, columns in await connection.fetch(_TABLES, list(_NOT_ROWS))}


async def cut(connection: Connection) -> int:
    """Write down which unit each row belongs to (`rehearsal.unit`, `rehearsal.needs`); returns how many there are.

    `connection` is a superuser's on a copy of 1.x.
    """
    known = await tables(connection)
    await connection.execute("""
        CREATE SCHEMA IF NOT EXISTS rehearsal;
        DROP TABLE IF EXISTS rehearsal.unit, rehearsal.needs;
        CREATE TABLE rehearsal.unit (tab text NOT NULL, key text NOT NULL, name text NOT NULL, unit int);
        CREATE TABLE rehearsal.needs (unit int NOT NULL, needed int NOT NULL)""")
    for table in known.values():
        name, join = _UNITS.get(table.name, (f"'row ' || '{table.name} ' || {table.of_key}", ""))
        await connection.execute(f"INSERT INTO rehearsal.unit SELECT '{table.name}', {table.of_key}, {name} "
                                 f"FROM public.{quoted(table.name)} t {join}")
    # What others need stands first, so that a fault of its own is found in it and not in who needs it.
    await connection.execute("""
        CREATE TEMP TABLE numbered AS
        SELECT name, (row_number() OVER (ORDER BY name NOT LIKE 'client %', name NOT LIKE '% %', name))::int AS unit
          FROM (SELECT DISTINCT name FROM rehearsal.unit) u;
        CREATE UNIQUE INDEX ON numbered (name);
        UPDATE rehearsal.unit u SET unit = n.unit FROM numbered n WHERE n.name = u.name""")
    for table in known.values():
        for column, prefix in (("client_id", "client "), ("login_session_id", "session ")):
            if column in table.columns:
                await connection.execute(f"""
                    INSERT INTO rehearsal.needs SELECT DISTINCT u.unit, n.unit
                      FROM public.{quoted(table.name)} t
                      JOIN rehearsal.unit u ON u.tab = '{table.name}' AND u.key = {table.of_key}
                      JOIN numbered n ON n.name = '{prefix}' || t.{column} WHERE n.unit <> u.unit""")
    count = int(await connection.fetchval("SELECT count(*) FROM numbered"))
    await connection.execute("""
        DROP TABLE numbered; CREATE INDEX ON rehearsal.unit (tab, key);
        ANALYZE rehearsal.unit; ANALYZE rehearsal.needs""")
    return count


async def keep(connection: Connection, units: Sequence[int]) -> int:
    """Delete every row that belongs to other units than these and what they need; returns how many rows are left."""
    async with connection.transaction():
        # Nobody's trigger and no foreign key: what is left is whole, because whole units go.
        await connection.execute("SET LOCAL session_replication_role = replica")
        await connection.execute("CREATE TEMP TABLE kept (unit int PRIMARY KEY) ON COMMIT DROP")
        await connection.execute("INSERT INTO kept SELECT unnest($1::int[])", list(units))
        await connection.execute("INSERT INTO kept SELECT DISTINCT needed FROM rehearsal.needs JOIN kept USING (unit) "
                                 "ON CONFLICT DO NOTHING")
        await connection.execute("ANALYZE kept")
        for table in (await tables(connection)).values():
            await connection.execute(f"""
                DELETE FROM public.{quoted(table.name)} t USING rehearsal.unit u
                 WHERE u.tab = '{table.name}' AND u.key = {table.of_key}
                   AND NOT EXISTS (SELECT FROM kept k WHERE k.unit = u.unit)""")
        await connection.execute("DELETE FROM rehearsal.unit u WHERE NOT EXISTS "
                                 "(SELECT FROM kept k WHERE k.unit = u.unit)")
        await connection.execute("DELETE FROM rehearsal.needs n WHERE NOT EXISTS "
                                 "(SELECT FROM kept k WHERE k.unit = n.unit)")
    return int(await connection.fetchval("SELECT count(*) FROM rehearsal.unit"))


async def shrink(connection: Connection) -> None:
    """Give the space of deleted rows back, so that the next copy of this database is small."""
    for name in [*(f"public.{quoted(t)}" for t in await tables(connection)), "rehearsal.unit", "rehearsal.needs"]:
        await connection.execute(f"VACUUM (FULL, ANALYZE) {name}")


async def rows_of(connection: Connection, units: Sequence[int]) -> list[Placed]:
    """The rows of units, without those they only need."""
    return [Placed(*row) for row in await connection.fetch(
        "SELECT tab, key FROM rehearsal.unit WHERE unit = ANY($1::int[]) ORDER BY tab, key", list(units))]
