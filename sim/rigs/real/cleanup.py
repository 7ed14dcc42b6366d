"""Rows of the copy that break the migration: found by class, mended or set aside, and named.

Whatever is changed is kept as it was in `rehearsal.rehearsal_set_aside`, so it can be put back
as long as the migration hasn't run, and be looked at afterwards.
"""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any

from sim.errors import StepFailed
from sim.rigs.real import preflight
from sim.rigs.real.databases import Connection, database, has_table
from sim.rigs.real.engines.engine import Engine
from sim.rigs.real.manifest import write_manifest
from sim.rigs.real.mending import MENDING
from sim.rigs.real.narrowing import REASON, Finding
from sim.rigs.real.own_sql import read_sql, run_sql
from sim.rigs.real.preflight import CLASSES, PREPARE, Row
from sim.rigs.real.remembering import remember_copy
from sim.rigs.real.secrets import Secrets
from sim.rigs.real.spoiling import spoil
from sim.rigs.rig import Progress

OWN = "the cleanup's SQL"
"""What messages call the user's own file."""
NAMED = 1000
"""Rows named in the figures at most; counts are never cut."""


class Cleanup:
    """Finds and mends on green, before the migration."""

    def __init__(self, engine: Engine, secrets: Secrets) -> None:
        self._engine, self._secrets = engine, secrets

    async def cleanup(self, *, rows: str, progress: Progress, findings: Sequence[Finding] = ()) -> dict[str, Any]:
        """`rows`: none (only look), known (mend every class we know), or the path of an SQL file.

        `findings` are rows that a preflight found by trying; `known` takes them too. Returns {found,
        classes: {class: {found, mended, set_aside, stand_ins, left}}, rows: [[table, key, why]…],
        manifest, elapsed_s}; `rows` names the first 1,000, the manifest is the run folder's file of everything
        changed. Raises StepFailed if green holds no tables of 1.x, or a class is left although it was to be
        mended; BadInput for a missing file.
        """
        began = time.monotonic()
        script = None if rows in ("none", "known") else await read_sql(rows, OWN)
        async with database(self._engine, self._secrets, "green") as green:
            await _must_be_1x(green)
            await remember_copy(green)
            found = await find_all(green)
            total = sum(map(len, found.values()))
            progress({"done": 0, "total": total, "now": "found"})
            done: dict[str, dict[str, int]] = {}
            tried = {"found": 0, "mended": 0, "set_aside": 0, "left": 0}
            if script is not None:
                await run_sql(green, script, rows, OWN, StepFailed)
            elif rows == "known":
                done = await mend(green, progress, total)
                tried = await _apply(green, findings)
            await spoil(green, "delete-unwritten")
            left = {odd.name: len(await preflight.find_left(green, odd)) for odd in CLASSES} if total else {}
            manifest = await write_manifest(green, self._engine.run_dir, findings)
        classes = {odd.name: {"found": len(found[odd.name]), **done.get(odd.name, {}), "left": left.get(odd.name, 0)}
                   for odd in CLASSES}
        if rows == "known" and any(left.values()):
            raise StepFailed("odd rows are left after the cleanup", where="cleanup",
                             seen=", ".join(f"{name}: {n}" for name, n in left.items() if n))
        named = [[r.table, r.key, r.why] for some in found.values() for r in some]
        named += [[f.table, f.shown, f"aborts {f.abort.file} (SQLSTATE {f.abort.sqlstate})"] for f in findings]
        if findings:
            classes[REASON] = tried
        return {"found": total + tried["found"], "classes": classes, "rows": named[:NAMED], "manifest": manifest,
                "elapsed_s": round(time.monotonic() - began, 3)}

    async def find(self) -> dict[str, list[Row]]:
        """Class → the odd rows that green holds now; only looks."""
        async with database(self._engine, self._secrets, "green") as green:
            await _must_be_1x(green)
            return await find_all(green)

    async def put_back(self) -> dict[str, int]:
        """Everything as it was before the cleanup: {mended, set_aside, stand_in}; only before the migration."""
        async with database(self._engine, self._secrets, "green") as green:
            await _must_be_1x(green)
            return await _put_back(green)


_NOT_VALID = """
    SELECT conrelid::regclass::text, quote_ident(conname), pg_get_constraintdef(oid) FROM pg_constraint
     WHERE contype = 'c' AND NOT convalidated AND connamespace = 'public'::regnamespace"""
"""Their definition says NOT VALID again."""


async def find_all(connection: Connection) -> dict[str, list[Row]]:
    """Class → its odd rows, on a database of 1.x."""
    await connection.execute(PREPARE)
    return {odd.name: await preflight.find(connection, odd) for odd in CLASSES}


async def _apply(green: Connection, findings: Sequence[Finding]) -> dict[str, int]:
    """Mend or set aside what the preflight found, as far as it is still there."""
    counts = {"found": 0, "mended": 0, "set_aside": 0, "left": 0}
    for finding in findings:
        gone = await finding.apply(green)
        counts["found"] += bool(gone)
        for one in gone:
            counts[one.action] += 1
    return counts


async def mend(green: Connection, progress: Progress, total: int) -> dict[str, dict[str, int]]:
    """Mend every class we know; class → {mended, set_aside, stand_ins}. `PREPARE` must have run."""
    done: dict[str, dict[str, int]] = {}
    touched = 0
    for odd in CLASSES:
        async with green.transaction():
            last = await green.fetchval("SELECT coalesce(max(n), 0) FROM rehearsal.rehearsal_set_aside")
            for statement in MENDING[odd.name]:
                await green.execute(statement)
            counts = {str(action): int(n) for action, n in await green.fetch(
                "SELECT action, count(*) FROM rehearsal.rehearsal_set_aside WHERE n > $1 GROUP BY action", last)}
        done[odd.name] = {"mended": counts.get("mended", 0), "set_aside": counts.get("set_aside", 0),
                          "stand_ins": counts.get("stand_in", 0)}
        touched += done[odd.name]["mended"] + done[odd.name]["set_aside"]
        progress({"done": min(touched, total), "total": total, "now": odd.name})
    return done


async def _must_be_1x(green: Connection) -> None:
    if not await has_table(green, "hydra_oauth2_consent_request"):
        raise StepFailed("green holds no tables of 1.x: there is no copy, or it is migrated already",
                         where="green-postgres", todo="copy before cleanup, and clean up before migrate")


async def _put_back(green: Connection) -> dict[str, int]:
    counts = {"mended": 0, "set_aside": 0, "stand_in": 0}
    if not await has_table(green, "rehearsal.rehearsal_set_aside"):
        return counts
    async with green.transaction(), _old_rows_may_return(green):
        for action, table, key, before in await green.fetch(
                "SELECT action, table_name, key, before FROM rehearsal.rehearsal_set_aside ORDER BY n DESC"):
            if action == "stand_in":
                await green.execute(f"DELETE FROM {table} WHERE challenge = $1", key)
            elif action == "set_aside":
                await green.execute(
                    f"INSERT INTO {table} SELECT * FROM jsonb_populate_record(NULL::{table}, $1)", before)
            else:
                await _write_back(green, table, before)
            counts[action] += 1
        await green.execute("TRUNCATE rehearsal.rehearsal_set_aside")
    return counts


@asynccontextmanager
async def _old_rows_may_return(green: Connection) -> AsyncIterator[None]:
    """Without the checks that were never validated: what they let stand they would not let back in."""
    checks = await green.fetch(_NOT_VALID)
    for table, name, _ in checks:
        await green.execute(f"ALTER TABLE {table} DROP CONSTRAINT {name}")
    yield
    for table, name, definition in checks:
        await green.execute(f"ALTER TABLE {table} ADD CONSTRAINT {name} {definition}")


async def _write_back(green: Connection, table: str, before: str) -> None:
    """A changed row as it was, found by its primary key."""
    columns = await green.fetchval(
        "SELECT string_agg(quote_ident(attname), ', ') FROM pg_attribute "
        "WHERE attrelid = $1::text::regclass AND attnum > 0 AND NOT attisdropped", table)
    key = await green.fetchval(
        "SELECT string_agg('t.' || quote_ident(attname) || ' = b.' || quote_ident(attname), ' AND ') "
        "FROM pg_index i JOIN pg_attribute a ON attrelid = indrelid AND attnum = ANY(indkey::int2[]) "
        "WHERE indrelid = $1::text::regclass AND indisprimary", table)
    await green.execute(
        f"UPDATE {table} t SET ({columns}) = (SELECT {columns} FROM jsonb_populate_record(NULL::{table}, $1)) "
        f"FROM jsonb_populate_record(NULL::{table}, $1) b WHERE {key}", before)
