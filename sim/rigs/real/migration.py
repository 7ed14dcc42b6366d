"""Runs the stock migration on green's database, and believes only what stands in it.

Green's database is the copy, or blue's own where both share one: then the traffic's waits for
locks are sampled meanwhile.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, nullcontext
from typing import Any

from sim.errors import StepFailed
from sim.rigs.real.databases import Connection, database, has_table
from sim.rigs.real.engines.engine import Engine
from sim.rigs.real.locks import Waits, watching_locks
from sim.rigs.real.migrator import Listed, Listening, applied, ask_list, watch
from sim.rigs.real.online import Online
from sim.rigs.real.preflight import find_culprits
from sim.rigs.real.remembering import COUNTERS, remember_copy
from sim.rigs.real.secrets import Secrets
from sim.rigs.real.spoiling import spoil
from sim.rigs.rig import Progress

DEADLINE_S = 3600.0
"""Assumption: the step's own deadline comes long before; this only ends a job that nobody waits for."""
NAMED = 20
"""Rows named in a failure at most."""
SLOWEST = 5
DIGITS = 20
"""Source: versions in the lists of 1.11.10 and 2.3.0."""
_FIRST_2X = "20150101000001000000"
"""Source: `networks`, the first of 2.3.0's list that 1.11.10 does not have."""

_MARKS = """
    SELECT (SELECT count(*) FROM hydra_oauth2_flow WHERE state = 128) AS state_128,
           (SELECT count(*) FROM hydra_oauth2_flow WHERE subject = '') AS subject_empty,
           (SELECT count(*) FROM (SELECT request_id, challenge_id FROM hydra_oauth2_access
               UNION ALL SELECT request_id, challenge_id FROM hydra_oauth2_refresh
               UNION ALL SELECT request_id, challenge_id FROM hydra_oauth2_code) t
             JOIN rehearsal.grant g USING (request_id) WHERE g.owned AND t.challenge_id IS NULL) AS challenge_null"""


async def _marks(green: Connection) -> dict[str, int]:
    """What a migration to 2.x marks wrongly; nothing where there is no flow, or nothing was remembered."""
    if not await has_table(green, "hydra_oauth2_flow") or not await has_table(green, "rehearsal.grant"):
        return {}
    return dict(await green.fetchrow(_MARKS))


def _drops_consents(listed: Listed) -> bool:
    """Whether a migration to 2.x is pending, after which nothing knows the consents' subjects."""
    return _FIRST_2X in set(listed.names) - listed.applied


class Migration:
    """The migrate step; remembers the program's list."""

    def __init__(self, engine: Engine, secrets: Secrets) -> None:
        self._engine, self._secrets = engine, secrets
        self._list: Listed | None = None

    async def migrate(self, *, by: str = "stock", analyze: bool, progress: Progress) -> dict[str, Any]:
        """Apply every migration that the program lists and green lacks.

        `by` is stock or online (see `sim.rigs.real.online`).

        Returns {files, exit_code, marks: {state_128, subject_empty, challenge_null}, slowest: [{version, name,
        elapsed_s}], files_s: {version: s}, rows_updated, rows_inserted, rows_deleted, temp_bytes, commits,
        size_bytes, migrate_s, analyze_s, by, locks, elapsed_s}; locks (of a shared database) as
        `Waits.figures`, more of an online one as `Online.apply`. Raises StepFailed with file, SQLSTATE and
        the offending rows if a migration is missing afterwards, whatever the program said.
        """
        began = time.monotonic()
        shared = self._engine.database("green") == self._engine.database("blue")
        async with database(self._engine, self._secrets, "green") as green:
            listed = await self._ask()
            if not shared or _drops_consents(listed):
                await remember_copy(green)
            before = dict(await green.fetchrow(COUNTERS))
            listening, waits = Listening(), Waits()
            ran = time.monotonic()
            async with self._watched(listed, waits, progress, shared=shared):
                if by == "online":
                    exit_code, told = 0, await Online(self._engine, self._secrets).apply(listed, progress)
                else:
                    exit_code, told = await self._stock(listening), {}
            migrate_s = time.monotonic() - ran
            missing = sorted(set(listed.names) - await applied(green))
            if missing:
                raise await self._failed(green, listed, missing, listening, exit_code)
            await spoil(green, "lose-index")
            pending = [v for v in listed.names if v not in listed.applied]
            progress({"done": len(pending), "total": len(pending), "now": "ANALYZE" if analyze else "marks"})
            analyzed = time.monotonic()
            if analyze:
                await green.execute("ANALYZE")
            analyze_s = time.monotonic() - analyzed
            marks = await _marks(green)
            after = dict(await green.fetchrow(COUNTERS))
            size = int(await green.fetchval("SELECT pg_database_size(current_database())"))
        slowest = sorted(listening.took_s.items(), key=lambda item: -item[1])[:SLOWEST]
        return {"files": len(pending), "exit_code": exit_code, "marks": marks, "by": by, **told,
                "slowest": [{"version": v, "name": listed.names.get(v, ""), "elapsed_s": s} for v, s in slowest],
                "files_s": listening.took_s, **{k: int(after[k]) - int(before[k]) for k in after},
                "size_bytes": size, "migrate_s": round(migrate_s, 3), "analyze_s": round(analyze_s, 3),
                **({"locks": waits.figures()} if shared else {}),
                "elapsed_s": round(time.monotonic() - began, 3)}

    async def _stock(self, listening: Listening) -> int:
        result = await self._engine.job("migrator", ["migrate", "sql", "-e", "--yes"], on_line=listening,
                                        deadline_s=DEADLINE_S)
        return result.exit_code

    @asynccontextmanager
    async def _watched(self, listed: Listed, waits: Waits, progress: Progress, *, shared: bool) -> AsyncIterator[None]:
        """Progress, and on a shared database the waits for locks, while the body runs."""
        locks = watching_locks(self._engine, self._secrets, "green", waits, progress) if shared else nullcontext()
        async with locks:
            watching = asyncio.create_task(self._watch(listed, progress))
            try:
                yield
            finally:
                watching.cancel()
                await asyncio.gather(watching, return_exceptions=True)

    async def listed(self) -> dict[str, Any]:
        """{expected, applied, missing: [version…], unexpected: [version…]}: the program's list and green's."""
        listed = self._list or await self._ask()
        async with database(self._engine, self._secrets, "green") as green:
            there = await applied(green)
        expected = set(listed.names)
        # Versions of 14 digits are what 1.8 wrote; its successors keep them beside their own of 20.
        return {"expected": len(expected), "applied": len(there & expected), "missing": sorted(expected - there),
                "unexpected": sorted(v for v in there - expected if v.ljust(DIGITS, "0") not in expected)}

    async def _ask(self) -> Listed:
        """The program's own list. Raises StepFailed if it gives none."""
        self._list = await ask_list(self._engine)
        return self._list

    async def _watch(self, listed: Listed, progress: Progress) -> None:
        async with database(self._engine, self._secrets, "green", command_s=2.0) as green:
            await watch(green, listed, progress)

    async def _failed(self, green: Connection, listed: Listed, missing: list[str], listening: Listening,
                      exit_code: int) -> StepFailed:
        version, trouble = missing[0], listening.trouble
        seen = [f"{trouble.message} (SQLSTATE {trouble.sqlstate})" if trouble.sqlstate else "no error was printed",
                f"exit code {exit_code}", f"{len(missing)} of {len(listed.names)} migrations missing"]
        rows = await find_culprits(green, version)
        named = [f"{r.table} {r.key}: {r.why}" for r in rows[:NAMED]]
        more = [f"and {len(rows) - NAMED} more rows"] if len(rows) > NAMED else []
        return StepFailed(f"the migration stopped at {trouble.file or f'{version} {listed.names[version]}'}",
                          where="migrator", seen="; ".join([*seen, *named, *more]),
                          todo="cleanup with rows: known mends the classes we know; the copy must be made again "
                               "if a later file had begun")
