"""Is the migrated schema the one a fresh installation would have?

The program's own migrations make a database from nothing beside green's; tables, columns, indexes
and constraints of both are compared by name and definition. What blue had of its own before, and
still has, is listed and is no difference.
"""

from __future__ import annotations

from typing import Any

from sim.errors import StepFailed
from sim.rigs.real.catalog import read_catalog
from sim.rigs.real.databases import OWNER, Connection, database, has_table
from sim.rigs.real.engines.engine import Engine
from sim.rigs.real.secrets import Secrets

FRESH = "fresh"
DEADLINE_S = 60.0
"""Assumption: 2.3.0 makes its schema from nothing in a second."""
NAMED = 100

KINDS = ("table", "column", "index", "constraint")
"""What is compared. Functions and triggers are nobody's but one's own, or our fence's."""


async def remember_objects(connection: Connection) -> None:
    """Write down what blue's schema had (`rehearsal.object`), before the migration."""
    await connection.execute("CREATE TABLE rehearsal.object (name text NOT NULL, definition text NOT NULL)")
    await connection.executemany("INSERT INTO rehearsal.object VALUES ($1, $2)",
                                 list((await _objects(connection)).items()))


async def _objects(connection: Connection) -> dict[str, str]:
    """Name → definition; a table's columns in no order."""
    return {name: definition.rpartition(" #")[0] if name.startswith("column ") else definition
            for name, definition in (await read_catalog(connection)).items() if name.split()[0] in KINDS}


class FreshSchema:
    """Compares green's schema with a fresh one."""

    def __init__(self, engine: Engine, secrets: Secrets) -> None:
        self._engine, self._secrets = engine, secrets

    async def compared(self) -> dict[str, Any]:
        """{objects, different_count, different: [what…], own: [name…]}; both lists are cut at 100.

        Raises StepFailed if no fresh schema could be made.
        """
        fresh = await self._fresh()
        async with database(self._engine, self._secrets, "green") as green:
            migrated = await _objects(green)
            before: dict[str, str] = {}
            if await has_table(green, "rehearsal.object"):
                before = dict(await green.fetch("SELECT name, definition FROM rehearsal.object"))
        own = {name for name in migrated.keys() - fresh.keys() if before.get(name) == migrated[name]}
        # Of a table of one's own everything is.
        different = ([f"{name} is missing" for name in fresh.keys() - migrated.keys()]
                     + [f"{name} is not in a fresh schema" for name in migrated.keys() - fresh.keys() - own]
                     + [f"{name} is {migrated[name]}, fresh {fresh[name]}"
                        for name in fresh.keys() & migrated.keys() if fresh[name] != migrated[name]])
        return {"objects": len(fresh), "different_count": len(different), "different": sorted(different)[:NAMED],
                "own": sorted(own)[:NAMED]}

    async def _fresh(self) -> dict[str, str]:
        async with database(self._engine, self._secrets, "green", name="postgres") as server:
            await server.execute(f"DROP DATABASE IF EXISTS {FRESH} WITH (FORCE)")
            await server.execute(f"CREATE DATABASE {FRESH} OWNER {OWNER} TEMPLATE template0")
            try:
                async with database(self._engine, self._secrets, "green", name=FRESH) as fresh:
                    await fresh.execute(f"ALTER SCHEMA public OWNER TO {OWNER}")
                    address = self._engine.inside("migrator->green-postgres")
                    result = await self._engine.job(
                        "migrator", ["migrate", "sql", "-e", "--yes"], deadline_s=DEADLINE_S,
                        environment={"DSN": f"postgres://{OWNER}:{self._secrets.database}@{address}/{FRESH}"
                                            f"?sslmode=disable"})
                    found = await _objects(fresh)
            finally:
                await server.execute(f"DROP DATABASE IF EXISTS {FRESH} WITH (FORCE)")
        if result.exit_code or not found:
            raise StepFailed("the migrator could not make a fresh schema to compare with", where="verify",
                             seen=result.tail[-300:])
        return found
