"""A running blue Postgres that holds the population, loaded or from the cache.

The cache keeps Postgres' whole data folder as a tar, under a key of everything the data depends
on: programs, versions, people, secrets, lifetimes, the writing code itself. Expiries lie inside
the rows, so a tar is good for a day at most. Before it is kept, the real Hydra starts on the
data, makes its signing keys (they belong to the data too) and must know a sample of the tokens.

Toxiproxy must run: the migration and Hydra's first start go through their own links.
"""

from __future__ import annotations

import asyncio
import json
import os
import time
from collections.abc import Mapping
from hashlib import sha256
from pathlib import Path
from typing import Any, Final

from sim.errors import BadInput, RehearsalError, StepFailed
from sim.paths import PROJECT, cache
from sim.rigs.real.databases import database
from sim.rigs.real.engines.engine import Engine
from sim.rigs.real.hydra_api import HydraApi
from sim.rigs.real.loading import load
from sim.rigs.real.own_sql import read_sql, run_sql
from sim.rigs.real.room import must_have_room
from sim.rigs.real.rows import KID, Moment
from sim.rigs.real.secrets import Secrets
from sim.rigs.rig import Progress
from sim.scenario import Scenario
from sim.traffic.minting import Minter
from sim.traffic.population import OLDEST, Population, rng

EXTRA: Final = "population.extra_sql"
ISSUER: Final = "http://auth.rehearse.test/"
FRESH_S: Final = 24 * 3600.0
"""Seconds a tar is good for, if the refresh tokens live long enough (see `fresh_s`)."""
KEPT: Final = 4
"""Assumption: tars kept at most, the last used ones; 20,000 grants take 0.24 GB [measured by hand]."""
MIGRATE_S: Final = 60.0
"""Assumption: 1.11.10 migrates an empty database in half a second."""
PROVEN: Final = 25
"""Assumption: refresh tokens Hydra must know before the data is used; one seed is right or wrong altogether."""
SCHEMA: Final = {"1.8.5": 47, "1.11.10": 55}
"""Source: rows of schema_migration after `migrate sql` of that version on an empty Postgres 15."""
_WRITERS: Final = ("traffic/population.py", "traffic/identities.py", "traffic/minting.py", "rigs/real/rows.py",
                   "rigs/real/sessions.py", "rigs/real/loading.py")
"""What decides the data's format: a change of any makes every cached tar another one."""


async def seed_blue(engine: Engine, scenario: Scenario, population: Population, secrets: Secrets,
                    progress: Progress) -> dict[str, Any]:
    """Start `blue-postgres` with the population in it.

    Returns {source: cache|loaded, key, grants, age_s, elapsed_s, rows: {table: n}, …}. `progress`
    gets {now, done, total}. The scenario's extra_sql is applied afterwards, to this run's blue alone: the
    cache never sees it. Raises StepFailed if Hydra does not take the data, BadInput if extra_sql fails.
    """
    must_have_room(engine.data_place(), len(population.grants))
    path = scenario.population.extra_sql
    extra_sql = await read_sql(path, EXTRA) if path else ""
    figures = await _seed(engine, scenario, population, secrets, progress)
    if extra_sql:
        progress({"now": "extra_sql", "done": len(population.grants), "total": len(population.grants)})
        async with database(engine, secrets, "blue") as connection:
            await run_sql(connection, extra_sql, str(path), EXTRA, BadInput)
            await connection.execute("ANALYZE")
    return figures


async def _seed(engine: Engine, scenario: Scenario, population: Population, secrets: Secrets,
                progress: Progress) -> dict[str, Any]:
    began = time.monotonic()
    key = await _key(engine, scenario, population, secrets)
    folder = cache("seeded")
    folder.mkdir(mode=0o700, exist_ok=True)
    kept = await asyncio.to_thread(find, folder, key, fresh_s(scenario.tokens.refresh))
    if kept is not None:
        tar, told = kept
        progress({"now": "unpack", "done": 0, "total": len(population.grants)})
        await engine.start("blue-postgres", data={"blue-postgres": tar})
        age_s = time.time() - float(told["made_at"])
        return {**told["figures"], "source": "cache", "age_s": round(age_s), "elapsed_s": _since(began)}
    made_at = time.time()
    progress({"now": "start", "done": 0, "total": len(population.grants)})
    await engine.start("blue-postgres")
    # What is loaded is not logged as well: half the writing, and no gigabytes of old log in the tar.
    await _settings(engine, secrets, "ALTER SYSTEM SET wal_level = minimal", "ALTER SYSTEM SET max_wal_senders = 0")
    await engine.restart("blue-postgres")
    await _migrate(engine, secrets, scenario.stack.blue.first)
    kid = await _signing_key(engine) if scenario.stack.blue.first == "1.8.5" else KID
    figures = {"key": key, "grants": len(population.grants),
               **await _fill(engine, scenario, population, secrets, kid, progress)}
    progress({"now": "first start", "done": len(population.grants), "total": len(population.grants)})
    await engine.start("blue-hydra")
    await _prove(engine, population, secrets)
    await engine.stop("blue-hydra")
    await _settings(engine, secrets, "ALTER SYSTEM RESET wal_level", "ALTER SYSTEM RESET max_wal_senders")
    await engine.stop("blue-postgres")
    progress({"now": "keep", "done": len(population.grants), "total": len(population.grants)})
    try:
        await keep(engine, folder, key, made_at, figures)
    except (RehearsalError, OSError) as error:
        progress({"now": f"not kept for the next run: {error}", "done": 0, "total": 0})
    await engine.start("blue-postgres")
    return {**figures, "source": "loaded", "age_s": 0, "elapsed_s": _since(began)}


def fresh_s(refresh_s: float) -> float:
    """How long a tar is good for: a day, or half of what the oldest live grant has left."""
    return min(FRESH_S, (1 - OLDEST) * refresh_s / 2)


def find(folder: Path, key: str, good_s: float) -> tuple[Path, dict[str, Any]] | None:
    """The tar of a key and what is told of it, if it is there and fresh; stale ones are removed."""
    found: tuple[Path, dict[str, Any]] | None = None
    for note in _newest_first(folder):
        tar, told = note.with_suffix(".tar"), json.loads(note.read_text())
        age_s = time.time() - float(told["made_at"])
        if not tar.exists() or not -60.0 <= age_s < min(FRESH_S, float(told["good_s"])):
            note.unlink(missing_ok=True)
            tar.unlink(missing_ok=True)
        elif note.stem == key and age_s < good_s:
            note.touch()  # the least used go first
            found = tar, told
    return found


async def keep(engine: Engine, folder: Path, key: str, made_at: float, figures: Mapping[str, Any]) -> None:
    """Put the stopped Postgres' data into the cache; only the newest few are kept."""
    part = folder / f"{key}.{os.getpid()}.part"
    note = part.with_suffix(".note")
    try:
        await engine.save_data("blue-postgres", part)
        good_s = fresh_s(float(figures["refresh_s"]))
        note.touch(mode=0o600)
        note.write_text(json.dumps({"made_at": made_at, "good_s": good_s, "figures": dict(figures)}))
        part.replace(folder / f"{key}.tar")
        note.replace(folder / f"{key}.json")
    finally:
        part.unlink(missing_ok=True)
        note.unlink(missing_ok=True)
    for old in _newest_first(folder)[KEPT:]:
        old.with_suffix(".tar").unlink(missing_ok=True)
        old.unlink(missing_ok=True)


def _newest_first(folder: Path) -> list[Path]:
    return sorted(folder.glob("*.json"), key=lambda path: path.stat().st_mtime, reverse=True)


async def _key(engine: Engine, scenario: Scenario, population: Population, secrets: Secrets) -> str:
    """16 hex digits of everything the data depends on."""
    job = await engine.job("copier", ["postgres", "--version"], deadline_s=MIGRATE_S)
    writers = sha256()
    for name in _WRITERS:
        writers.update((PROJECT / "sim" / name).read_bytes())
    depends_on = {
        "engine": engine.kind, "postgres": job.tail.strip(), "hydra": scenario.stack.blue.first,
        "population": population.fingerprint(), "hash_cost": scenario.population.hash_cost, "issuer": ISSUER,
        "access_s": scenario.tokens.access, "refresh_s": scenario.tokens.refresh, "secrets": secrets.fingerprint,
        "format": writers.hexdigest()}
    return sha256(json.dumps(depends_on, sort_keys=True).encode()).hexdigest()[:16]


async def _settings(engine: Engine, secrets: Secrets, *statements: str) -> None:
    """Settings that count from the next start on."""
    async with database(engine, secrets, "blue") as connection:
        for statement in statements:
            await connection.execute(statement)


async def _migrate(engine: Engine, secrets: Secrets, hydra: str) -> None:
    """Blue's own schema. 1.x says "success" and 0 whatever happened, so the schema itself is asked."""
    job = await engine.job("blue-hydra", ["migrate", "sql", "-e", "--yes"], deadline_s=MIGRATE_S)
    async with database(engine, secrets, "blue") as connection:
        done = 0
        if await connection.fetchval("SELECT to_regclass('schema_migration') IS NOT NULL"):
            done = await connection.fetchval("SELECT count(*) FROM schema_migration")
    if done != SCHEMA[hydra]:
        raise StepFailed(f"blue's schema is not {hydra}'s: {done} of {SCHEMA[hydra]} migrations are there",
                         where="blue-postgres", seen=job.tail[-400:])


async def _signing_key(engine: Engine) -> str:
    """The key that a 1.8.5 draws when it first starts: the sessions of its ID tokens name it."""
    await engine.start("blue-hydra")
    try:
        async with HydraApi(engine.direct("blue-hydra", "admin")) as api:
            return await api.signing_key()
    finally:
        await engine.stop("blue-hydra")


async def _fill(engine: Engine, scenario: Scenario, population: Population, secrets: Secrets, kid: str,
                progress: Progress) -> dict[str, Any]:
    began = time.monotonic()
    moment = Moment(time.time(), scenario.tokens.access, scenario.tokens.refresh, ISSUER, scenario.stack.blue.first,
                    kid)
    minter = Minter(secrets.system, population.seed)
    async with database(engine, secrets, "blue") as connection:
        figures = await load(connection, population, minter, moment, hash_cost=scenario.population.hash_cost,
                             progress=progress)
        progress({"now": "analyze", "done": len(population.grants), "total": len(population.grants)})
        # Hint bits and statistics now, or they are made in the middle of a measurement.
        await connection.execute("VACUUM ANALYZE")
        await connection.execute("CHECKPOINT")
        size_bytes = await connection.fetchval("SELECT pg_database_size('hydra')")
    return {**figures, "refresh_s": scenario.tokens.refresh, "size_bytes": size_bytes, "load_s": _since(began)}


async def _prove(engine: Engine, population: Population, secrets: Secrets) -> None:
    """The real Hydra knows a sample of the live refresh tokens; asking does not use them up."""
    minter = Minter(secrets.system, population.seed)
    live = [n for some in population.live_grants_by_kind().values() for n in some]
    wrong: list[str] = []
    async with HydraApi(engine.direct("blue-hydra", "admin")) as api:
        for n in rng(population.seed, "proof").sample(live, min(PROVEN, len(live))):
            grant = population.grants[n]
            told = await api.introspect(minter.refresh(grant, grant.generations - 1))
            if not told.get("active") or told.get("sub") != grant.subject or told.get("client_id") != grant.client_id:
                wrong.append(grant.name)
    if wrong:
        raise StepFailed("Hydra does not know what was loaded into its database", where="blue-hydra",
                         seen=f"{len(wrong)} of {min(PROVEN, len(live))} live refresh tokens are not active as they "
                              f"should be: {', '.join(wrong[:3])}")


def _since(began: float) -> float:
    return round(time.monotonic() - began, 3)
