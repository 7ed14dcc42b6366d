"""Runs the new version's own janitor on green, and knows by key whose rows it took.

The janitor tells how many rows it deleted at most; what matters is which grants were alive before
and are gone after it, so both are read around it.
"""

from __future__ import annotations

import time
from typing import Any

from sim.errors import StepFailed
from sim.rigs.real.databases import Connection, database
from sim.rigs.real.engines.engine import Engine
from sim.rigs.real.secrets import Secrets

DEADLINE_S = 600.0
"""Assumption: ten thousand requests take seconds; the step's deadline comes first."""

_ALIVE = """
    SELECT DISTINCT request_id FROM hydra_oauth2_refresh
     WHERE active AND requested_at > now() AT TIME ZONE 'UTC' - $1 * interval '1 second'"""
"""Grants whose refresh token is good: rotated or not, unexpired."""
_TABLES = ("hydra_oauth2_flow", "hydra_oauth2_access", "hydra_oauth2_refresh", "hydra_oauth2_code",
           "hydra_oauth2_oidc", "hydra_oauth2_pkce")


class Janitor:
    """The janitor step; remembers what its last run took."""

    def __init__(self, engine: Engine, secrets: Secrets, refresh_s: float) -> None:
        self._engine, self._secrets, self._refresh_s = engine, secrets, refresh_s
        self._cleaned: dict[str, Any] | None = None

    async def run(self, *, what: list[str]) -> dict[str, Any]:
        """`hydra janitor --requests …`; returns {exit_code, rows: {table: {before, after}}, alive, killed, elapsed_s}.

        `what` are of requests, tokens, grants. Traffic goes on meanwhile, so a table may have grown.
        Raises StepFailed if the program fails.
        """
        began = time.monotonic()
        async with database(self._engine, self._secrets, "green") as green:
            before, alive = await _counts(green), await self._alive(green)
            result = await self._engine.job("migrator", ["janitor", *(f"--{one}" for one in what), "-e"],
                                            deadline_s=DEADLINE_S)
            if result.exit_code:
                raise StepFailed(f"the janitor ended with {result.exit_code}", where="janitor",
                                 seen=result.tail[-400:], todo="its log is logs/migrator.log in the run folder")
            after, left = await _counts(green), await self._alive(green)
        killed = alive - left
        rows = {table: {"before": before[table], "after": after[table]} for table in _TABLES}
        self._cleaned = {"job": "janitor", "looked": before["hydra_oauth2_flow"], "alive": len(alive),
                         "deleted": max(0, before["hydra_oauth2_flow"] - after["hydra_oauth2_flow"]),
                         "grants": sorted(killed), "count": len(killed)}
        return {"exit_code": result.exit_code, "rows": rows, "alive": len(alive), "killed": len(killed),
                "elapsed_s": round(time.monotonic() - began, 3)}

    def cleaned(self) -> dict[str, Any]:
        """{job, looked, deleted, alive, count, grants}: `grants` are the request_ids that were alive and are gone.

        Raises StepFailed if it never ran.
        """
        if self._cleaned is None:
            raise StepFailed("the janitor did not run", where="janitor")
        return self._cleaned

    async def _alive(self, green: Connection) -> set[str]:
        return {row[0] for row in await green.fetch(_ALIVE, self._refresh_s)}


async def _counts(green: Connection) -> dict[str, int]:
    return {table: int(await green.fetchval(f"SELECT count(*) FROM {table}")) for table in _TABLES}
