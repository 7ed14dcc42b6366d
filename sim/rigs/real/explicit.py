"""Explicit columns for an old Hydra that nobody patches: views that hold what it knows.

An old binary reads with SELECT *: a new column makes it fail on every open connection and then
on every row. Views with today's columns stand in a schema of their own, which its DSN puts first
in the search path; they pass reads and writes through, and what the migration adds behind them
does not show. Other programs, the new Hydra and the migrator among them, see the tables.
"""

from __future__ import annotations

from typing import Any, Final

from sim.rigs.real.databases import OWNER, database
from sim.rigs.real.engines.engine import Engine
from sim.rigs.real.secrets import Secrets

SCHEMA: Final = "old_columns"
DSN_END: Final = f"&search_path={SCHEMA},public"
"""What comes at the end of the old Hydra's DSN."""

_TABLES = """
    SELECT c.relname::text AS table, string_agg(quote_ident(a.attname), ', ' ORDER BY a.attnum) AS columns
      FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
     WHERE c.relnamespace = 'public'::regnamespace AND c.relkind = 'r' AND c.relname NOT LIKE 'schema_migration%'
     GROUP BY c.relname ORDER BY c.relname"""


async def name_columns(engine: Engine, secrets: Secrets) -> dict[str, Any]:
    """Make a view of every table of blue's database with the columns of now; returns {views}.

    Before the old Hydra starts: a statement it has prepared keeps the table it was planned for.
    """
    async with database(engine, secrets, "blue") as connection, connection.transaction():
        tables = await connection.fetch(_TABLES)
        await connection.execute(f"CREATE SCHEMA {SCHEMA} AUTHORIZATION {OWNER}")
        for table, columns in tables:
            await connection.execute(f'CREATE VIEW {SCHEMA}."{table}" AS SELECT {columns} FROM public."{table}"')
            await connection.execute(f'ALTER VIEW {SCHEMA}."{table}" OWNER TO {OWNER}')
    return {"views": len(tables)}


async def drop_columns(engine: Engine, secrets: Secrets) -> None:
    """Drop the views, once no old Hydra reads through them; a later migration can't drop tables that they hold."""
    async with database(engine, secrets, "blue") as connection:
        await connection.execute(f"DROP SCHEMA {SCHEMA} CASCADE")
