"""The fence on a real Postgres under a real Hydra: writes are refused, reads go on, undone."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path

import aiohttp
import asyncpg
import pytest
from rigs import opened

from sim.errors import StepFailed
from sim.rigs.real.databases import database
from sim.rigs.real.engines import Engine
from sim.rigs.real.fence import Fence
from sim.rigs.real.hydra_api import HydraApi
from sim.rigs.real.loading import load
from sim.rigs.real.rows import Moment
from sim.rigs.real.secrets import secrets
from sim.rigs.rig import Answer, Client
from sim.traffic.minting import Minter
from sim.traffic.population import Population

pytestmark = pytest.mark.real


class Service:
    """A service client straight at blue's Hydra."""

    def __init__(self, engine: Engine, client: Client) -> None:
        host, port = engine.direct("blue-hydra", "public")
        self._url, self._client = f"http://{host}:{port}/oauth2/token", client

    async def token(self) -> Answer:
        async with aiohttp.ClientSession() as session, session.post(
                self._url, data={"grant_type": "client_credentials", "scope": "api.read"},
                headers={"Host": "auth.rehearse.test", "Authorization": aiohttp.encode_basic_auth(
                    self._client.client_id, self._client.secret or "")}) as answer:
            return Answer(answer.status, await answer.json())


class Writing:
    """Four that ask for tokens without a pause."""

    def __init__(self, service: Service) -> None:
        self._service = service
        self._acknowledged = 0
        self._stopping = asyncio.Event()
        self._tasks = [asyncio.create_task(self._one()) for _ in range(4)]

    async def _one(self) -> None:
        while not self._stopping.is_set():
            answer = await self._service.token()
            self._acknowledged += answer.status == 200

    async def stop(self) -> int:
        """Tokens that were issued."""
        self._stopping.set()
        await asyncio.gather(*self._tasks)
        return self._acknowledged


async def start(engine: Engine, population: Population) -> Service:
    """Blue with a small population."""
    own = secrets()
    await engine.start("toxiproxy", "blue-postgres")
    assert (await engine.job("blue-hydra", ["migrate", "sql", "-e", "--yes"], deadline_s=60)).exit_code == 0
    async with database(engine, own, "blue") as connection:
        await load(connection, population, Minter(own.system, population.seed),
                   Moment(time.time(), 3600.0, 720 * 3600.0, "http://auth.rehearse.test/"), hash_cost=4,
                   progress=lambda told: None)
    await engine.start("blue-hydra")
    return Service(engine, population.of_kind("service")[0])


async def rows(engine: Engine) -> int:
    """Access tokens on blue."""
    async with database(engine, secrets(), "blue") as connection:
        return int(await connection.fetchval("SELECT count(*) FROM hydra_oauth2_access"))


async def test_writes_are_refused_reads_go_on_and_all_is_undone(tmp_path: Path) -> None:
    population, own = Population.draw(4, 200, {"web": 2, "service": 1}), secrets()
    engine = await opened("process", tmp_path)
    try:
        service = await start(engine, population)
        fence = Fence(engine, own)
        grant = next(grant for grant in population.grants if grant.in_use and grant.state == "live")
        token = Minter(own.system, 4).access(grant, grant.generations - 1)
        async with HydraApi(engine.direct("blue-hydra", "admin")) as api:
            assert (await service.token()).status == 200
            for _ in range(2):  # start, undo, start, undo: and twice each must do no harm
                # While Hydra writes as fast as it can: what was acknowledged is there, nothing comes after.
                before = await rows(engine)
                writing = Writing(service)
                await asyncio.sleep(0.5)
                figures = await fence.close("blue")
                fenced = await rows(engine)
                await asyncio.sleep(0.3)
                acknowledged = await writing.stop()
                assert figures["refused"] == figures["tables"] == 17
                assert figures["ended"] == 0
                assert before < fenced == await rows(engine) == before + acknowledged
                assert (await service.token()).status >= 500
                for _ in range(20):
                    told = await api.introspect(token)
                    assert told["active"] and told["sub"] == grant.subject
                assert (await fence.close("blue"))["refused"] == 17
                # The harness' own role still writes: a return to blue replays revocations on it.
                async with database(engine, own, "blue") as connection:
                    await connection.execute("DELETE FROM hydra_oauth2_consent_request WHERE false")

                assert (await fence.open("blue"))["refused"] == 0
                assert (await service.token()).status == 200
                assert (await fence.open("blue"))["refused"] == 0
                async with database(engine, own, "blue") as connection:
                    assert await connection.fetchval("SELECT count(*) FROM pg_trigger WHERE NOT tgisinternal") == 0
                    assert not await connection.fetchval("SELECT to_regnamespace('rehearsal_fence') IS NOT NULL")
    finally:
        await engine.close()


async def test_a_transaction_that_never_ends_is_ended_and_what_it_wrote_is_gone(tmp_path: Path) -> None:
    population, own = Population.draw(4, 20, {"web": 1, "service": 1}), secrets()
    engine = await opened("process", tmp_path)
    try:
        await start(engine, population)
        async with database(engine, own, "blue", role="hydra") as hung:
            await hung.execute("BEGIN; DELETE FROM hydra_oauth2_access")
            figures = await Fence(engine, own).close("blue")
            assert figures["ended"] >= 1
            assert await rows(engine) > 0
            with pytest.raises((asyncpg.PostgresError, asyncpg.InterfaceError, OSError)):
                await hung.execute("COMMIT")
    finally:
        await engine.close()


async def test_an_empty_database_is_no_side_to_fence(tmp_path: Path) -> None:
    engine = await opened("process", tmp_path)
    try:
        await engine.start("green-postgres")
        with pytest.raises(StepFailed, match="no tables"):
            await Fence(engine, secrets()).close("green")
    finally:
        await engine.close()
