"""The authorization service's own grants and its cleanup job, as their operator sees them.

Its table begins with what blue's database holds, as the service would have learnt it over the years.
What the job deleted is compared with green's rows by key: whose refresh token is good there.
"""

from __future__ import annotations

from typing import Any

from sim.rigs.real.controls import Controls
from sim.rigs.real.databases import database
from sim.rigs.real.engines.engine import Engine
from sim.rigs.real.secrets import Secrets
from sim.scenario import CleanupJob

PIECE = 300
"""Grants told in one call: some 20 kB of the listener's 64."""
RESTORE_S = 30.0

_GRANTED = """
    SELECT DISTINCT r.subject, r.client_id FROM hydra_oauth2_consent_request r
      JOIN hydra_oauth2_consent_request_handled h ON h.challenge = r.challenge
     WHERE h.was_used AND h.error = '{}' AND NOT r.skip"""
"""What 1.x lists: consents given, seen and used."""
_ALIVE = """
    SELECT DISTINCT r.request_id FROM hydra_oauth2_refresh r
      JOIN unnest($1::text[], $2::text[], $3::float8[]) AS d(subject, client, at_s)
        ON d.subject = r.subject AND d.client = r.client_id
     WHERE r.active AND r.requested_at > now() AT TIME ZONE 'UTC' - $4 * interval '1 second'
       AND (SELECT min(o.requested_at) FROM hydra_oauth2_refresh o WHERE o.request_id = r.request_id)
             < to_timestamp(d.at_s) AT TIME ZONE 'UTC'"""
"""Grants that were there when their line was deleted, and whose refresh token is good now."""


class Authorizing:
    """Starts, keeps, restores and reads; does nothing if the scenario has no cleanup job."""

    def __init__(self, engine: Engine, secrets: Secrets, authz: Controls, job: CleanupJob | None,
                 refresh_s: float) -> None:
        self._engine, self._secrets, self._authz = engine, secrets, authz
        self._job, self._refresh_s = job, refresh_s
        self._restored: dict[str, Any] = {}
        self._told: set[tuple[str, str]] = set()

    async def begin(self) -> int:
        """Fill authz' table from blue and start the job; returns how many grants it knows."""
        if self._job is None:
            return 0
        known = await self._learn()
        guard = self._job.guard
        await self._authz.ask("PUT", "/cleanup", {
            "every_s": self._job.every, "subjects": self._job.subjects, "dry_run": self._job.dry_run,
            "guard": None if guard is None else {"ceiling": guard.ceiling, "cross_check": guard.cross_check}})
        return known

    async def keep(self) -> dict[str, Any]:
        """Make the kept copy, with what was granted in the run: {kept}."""
        if self._job is None:
            return {}
        await self._learn()
        return await self._authz.ask("POST", "/keep", {}, deadline_s=RESTORE_S)

    async def _learn(self) -> int:
        """Tell authz of grants on blue that it was not told of; returns how many it knows."""
        async with database(self._engine, self._secrets, "blue") as blue:
            pairs = {(str(subject), str(client)) for subject, client in await blue.fetch(_GRANTED)}
        new = sorted(pairs - self._told)
        self._told |= pairs
        known = 0
        for first in range(0, max(1, len(new)), PIECE):
            told = await self._authz.ask("POST", "/grants", {"grants": new[first:first + PIECE]}, quiet=True)
            known = int(told["known"])
        return known

    async def restore(self) -> dict[str, Any]:
        """Stop the job and put back what the kept copy has: {restored, written_since, missing}."""
        self._restored = await self._authz.ask("POST", "/restore", {}, deadline_s=RESTORE_S)
        return self._restored

    async def status(self) -> dict[str, Any]:
        """What the job did so far (`Cleanup.told`); {} without one."""
        return await self._authz.ask("GET", "/cleanup") if self._job is not None else {}

    async def cleaned(self) -> dict[str, Any]:
        """{job, looked, deleted, spared, held_runs, restored, missing_count, count, grants}.

        `grants` are the request_ids of living grants whose line the job deleted.
        """
        told = await self.status()
        gone: list[tuple[str, str, float]] = []
        after = 0
        while rows := (await self._authz.ask("POST", "/deleted", {"after": after}, quiet=True))["rows"]:
            gone += [(subject, client, at_s) for _, subject, client, at_s in rows]
            after = int(rows[-1][0])
        alive: set[str] = set()
        if gone:
            async with database(self._engine, self._secrets, "green") as green:
                alive = {row[0] for row in await green.fetch(_ALIVE, [g[0] for g in gone], [g[1] for g in gone],
                                                             [g[2] for g in gone], self._refresh_s)}
        return {"job": "authz", "looked": told["looked"], "deleted": len(gone), "spared": told["spared"],
                "held_runs": told["held_runs"], "why_held": told["last"], "restored": self._restored.get("restored", 0),
                "missing_count": self._restored.get("missing", 0), "grants": sorted(alive), "count": len(alive)}
