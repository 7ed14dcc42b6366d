"""Grants whose rows lost their subject, read by key.

An old Hydra that refreshes what a newer one issued can't read the session: it answers 200 and
writes rows for nobody, with no consent. The damage stays in the database, whoever serves next.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sim.rigs.real.databases import database
from sim.rigs.real.engines.engine import Engine
from sim.rigs.real.secrets import Secrets

NAMED = 1000

_ROWS = """
    SELECT request_id, min(kind) AS kind FROM (
        SELECT request_id, 'refresh' AS kind FROM hydra_oauth2_refresh WHERE subject = '' AND active
        UNION ALL SELECT request_id, 'access' FROM hydra_oauth2_access WHERE subject = '' AND active) rows
     GROUP BY request_id"""
_SIGNATURES = """
    SELECT signature, request_id FROM hydra_oauth2_refresh WHERE request_id = ANY($1)"""


async def poisoned(engine: Engine, secrets: Secrets, signatures: Mapping[str, str]) -> dict[str, Any]:
    """{count, grants: [name…]}; names as in the history, `signatures` is refresh signature → name."""
    async with database(engine, secrets, "green") as connection:
        found = {row[0] for row in await connection.fetch(_ROWS)}
        rows = await connection.fetch(_SIGNATURES, list(found))
    names = {request_id: signatures[signature] for signature, request_id in rows if signature in signatures}
    return {"count": len(found), "grants": sorted(names.get(request_id, request_id) for request_id in found)[:NAMED]}
