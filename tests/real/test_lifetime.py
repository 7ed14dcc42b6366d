"""The lifetime step on real Hydras: in force at once, outlives a restart and the switch, undone."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import pytest
from rigs import BASE, OURS, opened

from sim.rigs.real.controls import Controls
from sim.rigs.real.copying import Copying
from sim.rigs.real.databases import database
from sim.rigs.real.engines import Engine
from sim.rigs.real.lifetime import Lifetime
from sim.rigs.real.loading import load
from sim.rigs.real.migration import Migration
from sim.rigs.real.rows import Moment
from sim.rigs.real.secrets import secrets
from sim.rigs.real.sender import LINKS, Sender
from sim.rigs.real.stack import load_stack
from sim.traffic.minting import Minter
from sim.traffic.population import Population

OWN_S, RAISED_S = 60.0, 150.0
pytestmark = pytest.mark.real


@pytest.fixture
async def blue(tmp_path: Path) -> AsyncIterator[tuple[Engine, Sender, Population]]:
    """Blue with 200 grants, the edge, green's empty Postgres."""
    population, own = Population.draw(3, 200, {"web": 2, "cli": 1, "mcp": 1, "service": 1}), secrets()
    engine = await opened("process", tmp_path, ACCESS_TTL=f"{OWN_S:g}s")
    try:
        await engine.start(*BASE)
        assert (await engine.job("blue-hydra", ["migrate", "sql", "-e", "--yes"], deadline_s=60)).exit_code == 0
        async with database(engine, own, "blue") as connection:
            await load(connection, population, Minter(own.system, 3),
                       Moment(time.time(), OWN_S, 720 * 3600.0, "http://auth.rehearse.test/"), hash_cost=4,
                       progress=lambda told: None)
        await engine.start("blue-hydra")
        await engine.start(*OURS)
        async with Sender({link: engine.link(link) for link in LINKS}) as sender:
            yield engine, sender, population
    finally:
        await engine.close()


async def lives_s(sender: Sender, population: Population, n: int) -> float:
    """What a refresh through the edge gives: seconds its access token lives."""
    minter = Minter(secrets().system, 3)
    grant = [grant for grant in population.grants if grant.state == "live" and not grant.logged_out][n]
    answer = await sender.refresh(population.client(grant.client_id), minter.refresh(grant, grant.generations - 1),
                                  timeout_s=10)
    assert answer.status == 200, answer.body
    return float(answer.body["expires_in"])


async def test_raised_kept_over_restart_and_switch_and_put_back(
        blue: tuple[Engine, Sender, Population]) -> None:
    engine, sender, population = blue
    service = population.of_kind("service")[0]
    lifetime = Lifetime(engine, sender, service, OWN_S)
    assert OWN_S - 2 <= await lives_s(sender, population, 0) <= OWN_S

    figures = await lifetime.set(RAISED_S)
    assert (figures["side"], figures["clients"], figures["access_s"]) == ("blue", 5, RAISED_S)
    assert RAISED_S - 2 <= figures["verified_expires_in_s"] <= RAISED_S
    assert RAISED_S - 2 <= await lives_s(sender, population, 1) <= RAISED_S

    figures = await lifetime.set(None)
    assert OWN_S - 2 <= figures["verified_expires_in_s"] <= OWN_S
    assert OWN_S - 2 <= await lives_s(sender, population, 2) <= OWN_S

    await lifetime.set(RAISED_S)
    await engine.restart("blue-hydra")
    assert RAISED_S - 2 <= await lives_s(sender, population, 3) <= RAISED_S

    own = secrets()
    await Copying(engine, own).copy(jobs=1, on_snapshot=lambda: None, progress=lambda told: None)
    await Migration(engine, own).migrate(analyze=True, progress=lambda told: None)
    await engine.start("green-hydra")
    edge = Controls("edge", engine.direct("edge", "control"), own.control)
    try:
        await edge.ask("PUT", "/route", {"to": "green"})
    finally:
        await edge.close()
    assert RAISED_S - 2 <= await lives_s(sender, population, 4) <= RAISED_S
    figures = await lifetime.set(None)
    assert figures["side"] == "green"
    assert OWN_S - 2 <= figures["verified_expires_in_s"] <= OWN_S
    assert OWN_S - 2 <= await lives_s(sender, population, 5) <= OWN_S


async def test_a_running_hydra_takes_up_a_new_configuration(blue: tuple[Engine, Sender, Population]) -> None:
    """Why `lifetime` says so: the other way works too, but only until Hydra starts anew."""
    engine, sender, population = blue
    service = population.of_kind("service")[0]
    text = load_stack().config("blue-hydra", "hydra.yaml", {"ACCESS_TTL": "95s"})
    await engine.write_config("blue-hydra", "hydra.yaml", text)
    for _ in range(40):
        answer = await sender.client_credentials(service, timeout_s=5)
        if float(answer.body["expires_in"]) > OWN_S:
            break
        await asyncio.sleep(0.1)
    assert 93 <= float(answer.body["expires_in"]) <= 95
    await engine.restart("blue-hydra")
    assert float((await sender.client_credentials(service, timeout_s=5)).body["expires_in"]) <= OWN_S


async def test_secrets_stay_good(blue: tuple[Engine, Sender, Population]) -> None:
    """PUT lifespans must not hash a hash."""
    engine, sender, population = blue
    service = population.of_kind("service")[0]
    async with database(engine, secrets(), "blue") as connection:
        before = dict(await connection.fetch("SELECT id, client_secret FROM hydra_client"))
        lifetime = Lifetime(engine, sender, service, OWN_S)
        await lifetime.set(RAISED_S)
        await lifetime.set(None)
        assert dict(await connection.fetch("SELECT id, client_secret FROM hydra_client")) == before
    async with aiohttp.ClientSession() as session:
        host, port = engine.direct("blue-hydra", "admin")
        async with session.get(f"http://{host}:{port}/clients/{service.client_id}") as answer:
            told = await answer.json()
    assert [name for name, value in told.items() if name.endswith("_lifespan") and value is not None] == []
