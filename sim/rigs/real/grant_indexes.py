"""Green finds a grant's rows by request_id for as long as revocations are carried to it.

2.3.0 has such an index for access and refresh tokens, none for codes, PKCE and OIDC: without one
every batch of the replay, and every revocation that the edge carries over after the switch, reads
these tables from end to end. They are built before anybody waits for green and dropped when the
way back is closed; the comparison with a fresh schema lists them as one's own.
"""

from __future__ import annotations

import time
from typing import Any, Final

from sim.rigs.real.databases import Connection, database, has_table
from sim.rigs.real.engines.engine import Engine
from sim.rigs.real.secrets import Secrets
from sim.services.rows import TOKEN_TABLES

PREFIX: Final = "rehearsal_grant_"
_WITHOUT = """
SELECT c.relname::text FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attname = 'request_id'
 WHERE c.relnamespace = 'public'::regnamespace AND c.relname = ANY($1)
   AND NOT EXISTS (SELECT FROM pg_index x WHERE x.indrelid = c.oid AND x.indkey[0] = a.attnum AND x.indisvalid)
 ORDER BY 1"""
_OURS = """
SELECT relname::text FROM pg_class
 WHERE relnamespace = 'public'::regnamespace AND relkind = 'i' AND starts_with(relname, $1) ORDER BY 1"""


class GrantIndexes:
    """Builds and drops them; both may be repeated."""

    def __init__(self, engine: Engine, secrets: Secrets) -> None:
        self._engine, self._secrets = engine, secrets

    async def build(self) -> dict[str, Any]:
        """One on each token table without any: {indexes: [name…], elapsed_s}. Nobody else may use green yet."""
        began = time.monotonic()
        async with database(self._engine, self._secrets, "green") as green:
            for table in [row[0] for row in await green.fetch(_WITHOUT, TOKEN_TABLES)]:
                await green.execute(f"CREATE INDEX {PREFIX}{table} ON {table} (request_id)")
            names = await _ours(green)
            if names and await has_table(green, "rehearsal.object"):
                await green.execute("INSERT INTO rehearsal.object SELECT 'index ' || relname, pg_get_indexdef(oid) "
                                    "FROM pg_class WHERE relname = ANY($1)", names)
        return {"indexes": names, "elapsed_s": round(time.monotonic() - began, 3)}

    async def drop(self) -> dict[str, Any]:
        """{dropped: [name…], elapsed_s}; green serves meanwhile and nobody waits."""
        began = time.monotonic()
        async with database(self._engine, self._secrets, "green") as green:
            names = await _ours(green)
            for name in names:
                await green.execute(f"DROP INDEX CONCURRENTLY IF EXISTS {name}")
        return {"dropped": names, "elapsed_s": round(time.monotonic() - began, 3)}


async def _ours(green: Connection) -> list[str]:
    return [row[0] for row in await green.fetch(_OURS, PREFIX)]
