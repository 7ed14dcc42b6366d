"""Seeded grants are Hydra's own: they introspect, refresh and redeem, before and after a migration."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from random import Random
from typing import Any

import aiohttp
import pytest
from rigs import opened

from sim.errors import BadInput
from sim.rigs.real import seed
from sim.rigs.real.copying import Copying
from sim.rigs.real.databases import database
from sim.rigs.real.engines import Engine, Kind
from sim.rigs.real.migration import Migration
from sim.rigs.real.secrets import secrets
from sim.rigs.rig import Client
from sim.scenario import Scenario, load_scenario
from sim.traffic.minting import Minter
from sim.traffic.population import Grant, Population

CLIENTS = {"web": 4, "cli": 3, "mcp": 3, "service": 2}
LIFETIMES = {"ACCESS_TTL": "3600s", "REFRESH_TTL": "2592000s"}
SAMPLE = 500


def scenario_of(folder: Path, grants: int, **population: Any) -> Scenario:
    """The smallest scenario with a population of this size, access tokens living an hour."""
    text = f"""
format: 1
title: a population
asks: is it real?
seed: 7
tokens: {{access: 1h}}
population: {{grants: {grants}, clients: {{web: 4, cli: 3, mcp: 3, service: 2}}
  {"".join(f", {key}: {value}" for key, value in population.items())}}}
runbook: [baseline: {{for: 5s}}]
"""
    path = folder / "scenario.yaml"
    path.write_text(text)
    return load_scenario(path)


@asynccontextmanager
async def hydra(engine: Engine, side: str) -> AsyncIterator[Asking]:
    """Requests to one side's Hydra, direct."""
    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=20)) as session:
        yield Asking(engine, side, session)


class Asking:
    """What clients and resource servers ask, straight at a Hydra."""

    def __init__(self, engine: Engine, side: str, session: aiohttp.ClientSession) -> None:
        self._session = session
        public, admin = engine.direct(f"{side}-hydra", "public"), engine.direct(f"{side}-hydra", "admin")
        self._token = f"http://{public[0]}:{public[1]}/oauth2/token"
        prefix = "/admin" if side == "green" else ""
        self._introspect = f"http://{admin[0]}:{admin[1]}{prefix}/oauth2/introspect"

    async def introspect(self, token: str) -> dict[str, Any]:
        async with self._session.post(self._introspect, data={"token": token}) as answer:
            assert answer.status == 200
            told: dict[str, Any] = await answer.json()
            return told

    async def token(self, client: Client, form: dict[str, str]) -> tuple[int, dict[str, Any]]:
        headers = {"Host": "auth.rehearse.test"}
        if client.secret is None:
            form = {**form, "client_id": client.client_id}
        else:
            headers["Authorization"] = aiohttp.encode_basic_auth(client.client_id, client.secret)
        async with self._session.post(self._token, data=form, headers=headers) as answer:
            return answer.status, await answer.json()


def of_state(population: Population, state: str) -> list[Grant]:
    """Its grants of one state."""
    return [grant for grant in population.grants if grant.state == state]


async def refresh(asking: Asking, population: Population, minter: Minter, grants: list[Grant]) -> Counter[str]:
    """Refresh each grant's newest token; counts `good`, `no id token`, `not active` and statuses."""
    seen: Counter[str] = Counter()
    for grant in grants:
        token = minter.refresh(grant, grant.generations - 1)
        status, body = await asking.token(population.client(grant.client_id),
                                          {"grant_type": "refresh_token", "refresh_token": token})
        if status != 200:
            seen[f"{status} {body.get('error')}"] += 1
            continue
        told = await asking.introspect(body["access_token"])
        right = told["active"] and told["sub"] == grant.subject and told["scope"].split() == grant.scope.split()
        seen["good" if right and ("id_token" in body) == grant.openid else "wrong"] += 1
    return seen


async def seeded(engine: Engine, folder: Path, population: Population, scenario: Scenario) -> dict[str, Any]:
    """Toxiproxy and a seeded blue Postgres."""
    await engine.start("toxiproxy")
    return await seed.seed_blue(engine, scenario, population, secrets(), lambda told: None)


@pytest.fixture
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A cache of seeded data for this test alone; the programs' cache stays."""
    monkeypatch.setattr(seed, "cache", lambda *parts: tmp_path.joinpath(*parts))
    return tmp_path / "seeded"


@pytest.mark.usefixtures("own_cache")
async def test_seeded_tokens_are_hydras_own_on_blue(kind: Kind, tmp_path: Path) -> None:
    population, minter = Population.draw(7, 3000, CLIENTS), Minter(secrets().system, 7)
    engine = await opened(kind, tmp_path, **LIFETIMES)
    try:
        figures = await seeded(engine, tmp_path, population, scenario_of(tmp_path, 3000))
        await engine.start("blue-hydra")
        assert figures["source"] == "loaded"
        async with hydra(engine, "blue") as asking:
            live = of_state(population, "live")
            for grant in [grant for grant in live if grant.in_use][:100]:
                told = await asking.introspect(minter.access(grant, grant.generations - 1))
                assert told["active"] and told["sub"] == grant.subject and told["client_id"] == grant.client_id
            for grant in of_state(population, "expired")[:20] + of_state(population, "revoked")[:20]:
                assert not (await asking.introspect(minter.refresh(grant, grant.generations - 1)))["active"]
                assert not (await asking.introspect(minter.access(grant, grant.generations - 1)))["active"]
            older = [grant for grant in live if grant.generations > 1][:20]
            assert not any([(await asking.introspect(minter.refresh(grant, 0)))["active"] for grant in older])
            fresh = [grant for grant in of_state(population, "code") if grant.in_use]
            assert fresh
            for grant in fresh:
                client = population.client(grant.client_id)
                status, body = await asking.token(client, {
                    "grant_type": "authorization_code", "code": minter.code(grant),
                    "redirect_uri": client.redirect_uri, "code_verifier": minter.verifier(grant)})
                assert status == 200, body
                assert (await asking.introspect(body["access_token"]))["sub"] == grant.subject
            assert await refresh(asking, population, minter, Random(1).sample(live, SAMPLE)) == {"good": SAMPLE}
            service = population.of_kind("service")[0]
            status, body = await asking.token(service, {"grant_type": "client_credentials", "scope": service.scope})
            assert status == 200, body
    finally:
        await engine.close()


async def test_what_the_cache_kept_is_the_same(kind: Kind, tmp_path: Path, own_cache: Path) -> None:
    population, minter = Population.draw(8, 600, CLIENTS), Minter(secrets().system, 8)
    scenario = scenario_of(tmp_path, 600)
    sources = []
    for _ in range(2):
        engine = await opened(kind, tmp_path, **LIFETIMES)
        try:
            figures = await seeded(engine, tmp_path, population, scenario)
            sources.append(figures["source"])
            async with database(engine, secrets(), "blue") as connection:
                counted = {table: await connection.fetchval(f"SELECT count(*) FROM {table}")
                           for table in figures["rows"]}
            assert counted == figures["rows"]
        except BaseException:
            await engine.close()
            raise
        if len(sources) == 1:
            await engine.close()
    try:
        assert sources == ["loaded", "cache"]
        assert len(sorted(os.listdir(own_cache))) == 2  # the tar and its note
        await engine.start("blue-hydra")
        async with hydra(engine, "blue") as asking:
            live = Random(2).sample(of_state(population, "live"), 50)
            assert await refresh(asking, population, minter, live) == {"good": 50}
    finally:
        await engine.close()


@pytest.mark.real
@pytest.mark.usefixtures("own_cache")
async def test_the_population_migrates_and_lives_on_green(tmp_path: Path) -> None:
    """Nothing aborts; only grants without a login (class 3) can't be refreshed on a plain 2.3.0."""
    population, minter, own = Population.draw(7, 3000, CLIENTS), Minter(secrets().system, 7), secrets()
    engine = await opened("process", tmp_path, **LIFETIMES)
    try:
        await engine.start("toxiproxy", "green-postgres")
        await seed.seed_blue(engine, scenario_of(tmp_path, 3000), population, own, lambda told: None)
        await Copying(engine, own).copy(jobs=1, on_snapshot=lambda: None, progress=lambda told: None)
        await Migration(engine, own).migrate(analyze=True, progress=lambda told: None)
        await engine.start("green-hydra")
        async with hydra(engine, "green") as asking:
            live = of_state(population, "live")
            for grant in [grant for grant in live if grant.in_use][:100]:
                told = await asking.introspect(minter.access(grant, grant.generations - 1))
                assert told["active"] and told["sub"] == grant.subject
            known = [grant for grant in live if not grant.logged_out]
            assert await refresh(asking, population, minter, Random(3).sample(known, SAMPLE)) == {"good": SAMPLE}
            logged_out = [grant for grant in live if grant.logged_out][:10]
            assert await refresh(asking, population, minter, logged_out) == {"500 server_error": len(logged_out)}
    finally:
        await engine.close()


@pytest.mark.real
@pytest.mark.usefixtures("own_cache")
async def test_rows_of_ones_own(tmp_path: Path) -> None:
    population, script = Population.draw(7, 50, CLIENTS), tmp_path / "odd.sql"
    script.write_text("UPDATE hydra_client SET client_name = 'odd' WHERE id = 'web-1';")
    scenario = scenario_of(tmp_path, 50, extra_sql="odd.sql")
    engine = await opened("process", tmp_path, **LIFETIMES)
    try:
        await seeded(engine, tmp_path, population, scenario)
        async with database(engine, secrets(), "blue") as connection:
            assert await connection.fetchval("SELECT client_name FROM hydra_client WHERE id = 'web-1'") == "odd"
    finally:
        await engine.close()
    script.write_text("UPDATE no_such_table SET a = 1;")
    engine = await opened("process", tmp_path, **LIFETIMES)
    try:
        with pytest.raises(BadInput, match="extra_sql"):
            await seeded(engine, tmp_path, population, scenario)
    finally:
        await engine.close()
