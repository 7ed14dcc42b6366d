"""The online migration on a real Postgres in use: equal to the stock one, interrupted anywhere, never silent."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from asyncpg.exceptions import LockNotAvailableError
from in_place import population, scenario_of, seeded

from sim.errors import StepFailed
from sim.rigs.real import online, seed
from sim.rigs.real.catalog import INVALID, differences, read_catalog
from sim.rigs.real.databases import Connection, database
from sim.rigs.real.engines import Engine
from sim.rigs.real.explicit import name_columns
from sim.rigs.real.hydra_api import HydraApi
from sim.rigs.real.migration import Migration
from sim.rigs.real.recording import SCRATCH
from sim.rigs.real.secrets import secrets
from sim.traffic.minting import Minter

pytestmark = pytest.mark.real
NOTED = "SELECT count(DISTINCT rpad(version, 20, '0')) FROM schema_migration"
"""1.8's versions have 14 digits and stay beside those of 20."""


@pytest.fixture(autouse=True)
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(seed, "cache", lambda *parts: tmp_path.joinpath(*parts))


def quiet(_: dict[str, Any]) -> None:
    """Progress nobody looks at."""


async def migrate(engine: Engine) -> dict[str, Any]:
    """Online, to its end."""
    return await Migration(engine, secrets()).migrate(by="online", analyze=False, progress=quiet)


@asynccontextmanager
async def live(folder: Path, **more: Any) -> AsyncIterator[tuple[Engine, Connection]]:
    """A seeded 1.8.5 database and a connection to it."""
    async with seeded(folder, scenario_of(folder, grants=300, **more)) as engine, \
            database(engine, secrets(), "green") as connection:
        yield engine, connection


async def nothing_of_ours_is_left(connection: Connection) -> None:
    """Neither plan, nor scratch copy, nor invalid index."""
    assert not await connection.fetchval("SELECT to_regnamespace($1) IS NOT NULL", online.SCHEMA)
    assert not await connection.fetchval("SELECT EXISTS (SELECT FROM pg_database WHERE datname = $1)", SCRATCH)
    assert await connection.fetch(INVALID) == []


async def test_the_schema_is_the_stock_one_and_the_old_hydra_serves_on(tmp_path: Path) -> None:
    people, minter = population(300), Minter(secrets().system, 7)
    used = [g for g in people.grants if g.state == "live" and g.in_use][:20]
    async with seeded(tmp_path, scenario_of(tmp_path, grants=300), explicit=True) as engine, \
            database(engine, secrets(), "green") as connection:
        await name_columns(engine, secrets())
        await engine.start("blue-hydra")
        figures = await migrate(engine)
        assert figures["differences"] == [] and figures["files"] == 8
        assert await connection.fetchval(NOTED) == 55
        await nothing_of_ours_is_left(connection)
        async with HydraApi(engine.direct("blue-hydra", "admin")) as api:
            for grant in used:
                told = await api.introspect(minter.access(grant, grant.generations - 1))
                assert told["active"] and told["sub"] == grant.subject
        await engine.start("green-hydra")
        async with HydraApi(engine.direct("green-hydra", "admin")) as api:
            assert await api.ready()
            for grant in used:
                told = await api.introspect(minter.access(grant, grant.generations - 1))
                assert told["active"] and told["sub"] == grant.subject
        online_catalog = await read_catalog(connection)
    async with live(tmp_path) as (engine, connection):
        await Migration(engine, secrets()).migrate(by="stock", analyze=False, progress=quiet)
        assert differences(await read_catalog(connection), online_catalog) == []


async def test_interrupted_at_every_statement_it_goes_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each act's end is lost once: what ran in a transaction is undone, what ran outside is done and not noted."""
    ticked, real = set(), online._tick

    async def lost(connection: Connection, n: int) -> None:
        if n not in ticked:
            ticked.add(n)
            raise ConnectionError(f"cut at {n}")
        await real(connection, n)

    monkeypatch.setattr(online, "_tick", lost)
    async with live(tmp_path) as (engine, connection):
        cuts = 0
        while True:
            try:
                figures = await migrate(engine)
                break
            except ConnectionError:
                cuts += 1
                assert await connection.fetchval("SELECT count(*) FROM schema_migration") == 47
        assert cuts == figures["acts"] == len(ticked) > 20
        assert figures["resumed"] and figures["differences"] == []
        await nothing_of_ours_is_left(connection)


async def test_an_invalid_index_is_found_and_built_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async def cut(connection: Connection, n: int) -> None:
        raise ConnectionError("cut")

    async with live(tmp_path) as (engine, connection):
        with monkeypatch.context() as once:
            once.setattr(online, "_tick", cut)
            with pytest.raises(ConnectionError):
                await migrate(engine)
        planned = "hydra_oauth2_code_request_id_idx"
        for name, table in ((planned, "hydra_oauth2_code"), ("somebody_elses_idx", "hydra_oauth2_refresh")):
            await half_built(engine, name, table)
        assert {row[0] for row in await connection.fetch(INVALID)} == {planned, "somebody_elses_idx"}
        with pytest.raises(StepFailed, match="not the stock one") as refused:
            await migrate(engine)  # the other's index is mended, and is not of the stock schema
        assert "somebody_elses_idx" in refused.value.seen
        assert await connection.fetch(INVALID) == []
        assert await connection.fetchval("SELECT count(*) FROM schema_migration") == 47
        await connection.execute("DROP INDEX somebody_elses_idx")
        assert (await migrate(engine))["differences"] == []
        await nothing_of_ours_is_left(connection)


async def half_built(engine: Engine, name: str, table: str) -> None:
    """A concurrent build that gave up, as a cut one leaves it."""
    async with database(engine, secrets(), "green") as holder, database(
            engine, secrets(), "green", role="hydra") as builder, holder.transaction():
        await holder.execute(f"DELETE FROM {table} WHERE false; SELECT txid_current()")
        await builder.execute("SET lock_timeout = '200ms'")
        with pytest.raises(LockNotAvailableError):
            await builder.execute(f"CREATE INDEX CONCURRENTLY {name} ON {table} (request_id)")


async def test_nobody_waits_while_a_lock_can_not_be_had(tmp_path: Path) -> None:
    """A reader that stays in its transaction holds the migration up, and the migration nobody else."""
    async with live(tmp_path) as (engine, _):
        longest_s = 0.0

        async def read() -> None:
            nonlocal longest_s
            async with database(engine, secrets(), "green", role="hydra") as reader:
                await reader.execute("SET application_name = 'traffic'")
                while True:
                    began = time.monotonic()
                    await reader.fetchval("SELECT count(*) FROM hydra_client")
                    longest_s = max(longest_s, time.monotonic() - began)
                    await asyncio.sleep(0.005)

        async with database(engine, secrets(), "green") as holder:
            held = holder.transaction()
            await held.start()
            await holder.execute("SELECT count(*) FROM hydra_client")
            reading, working = asyncio.create_task(read()), asyncio.create_task(migrate(engine))
            for _ in range(600):
                await asyncio.sleep(0.1)
                if longest_s >= online.LOCK_S / 2:
                    break
            await asyncio.sleep(0.5)
            assert not working.done()
            await held.rollback()
            figures = await working
            reading.cancel()
        assert figures["retries"] > 0 and figures["differences"] == []
        # The lock timeout is 50 ms, and the reader held its lock for seconds; the rest is a busy machine's.
        assert longest_s < 1.0
        assert figures["locks"]["longest_block_s"] < 1.0


async def test_what_can_not_be_made_online_is_listed_and_nothing_is_touched(tmp_path: Path) -> None:
    async with live(tmp_path, blue="1.11.10", green="2.3.0") as (engine, connection):
        before = await read_catalog(connection)
        with pytest.raises(StepFailed, match="can't be made online; nothing was changed") as refused:
            await migrate(engine)
        assert "writes every row" in refused.value.seen or "changes rows" in refused.value.seen
        assert await read_catalog(connection) == before
        await nothing_of_ours_is_left(connection)
