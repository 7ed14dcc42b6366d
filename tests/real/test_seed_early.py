"""A population as Hydra 1.8.5 keeps it: its own tokens to 1.8.5, and to the 1.11.10 that takes over."""

from __future__ import annotations

from pathlib import Path

import aiohttp
import pytest
from in_place import population, scenario_of, seeded

from sim.rigs.real import seed
from sim.rigs.real.databases import database
from sim.rigs.real.engines import Engine
from sim.rigs.real.migration import Migration
from sim.rigs.real.secrets import secrets
from sim.traffic.minting import Minter
from sim.traffic.population import Grant

pytestmark = pytest.mark.real
NOTED = "SELECT count(DISTINCT rpad(version, 20, '0')) FROM schema_migration"
"""1.8's versions have 14 digits and stay beside those of 20."""
SAMPLE = 60


@pytest.fixture(autouse=True)
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(seed, "cache", lambda *parts: tmp_path.joinpath(*parts))


async def post(engine: Engine, service: str, port: str, path: str, form: dict[str, str],
               basic: tuple[str, str] | None = None) -> tuple[int, dict]:
    """A form to one Hydra, direct."""
    host, number = engine.direct(service, port)
    headers = {"Host": "auth.rehearse.test"}
    if basic is not None:
        headers["Authorization"] = aiohttp.encode_basic_auth(*basic)
    async with aiohttp.ClientSession() as http, http.post(
            f"http://{host}:{number}{path}", data=form, headers=headers) as answer:
        return answer.status, (await answer.json(content_type=None)) or {}


async def refreshed(engine: Engine, service: str, people, grant: Grant, token: str) -> dict:
    """Refresh, and introspect what came: the answer of both."""
    client = people.client(grant.client_id)
    form = {"grant_type": "refresh_token", "refresh_token": token}
    basic = None
    if client.secret is None:
        form["client_id"] = client.client_id
    else:
        basic = (client.client_id, client.secret)
    status, body = await post(engine, service, "public", "/oauth2/token", form, basic)
    assert status == 200, body
    _, told = await post(engine, service, "admin", "/oauth2/introspect", {"token": body["access_token"]})
    assert told["active"] and told["sub"] == grant.subject
    return body


async def test_a_sample_introspects_refreshes_and_revokes_on_both_versions(tmp_path: Path) -> None:
    people, minter, scenario = population(), Minter(secrets().system, 7), scenario_of(tmp_path)
    live = [grant for grant in people.grants if grant.state == "live"]
    async with seeded(tmp_path, scenario) as engine:
        await engine.start("blue-hydra")
        for grant in [g for g in live if g.in_use][:SAMPLE]:
            _, told = await post(engine, "blue-hydra", "admin", "/oauth2/introspect",
                                 {"token": minter.access(grant, grant.generations - 1)})
            assert told["active"] and told["sub"] == grant.subject and told["client_id"] == grant.client_id
        for grant in [g for g in people.grants if g.state in ("revoked", "expired")][:SAMPLE]:
            _, told = await post(engine, "blue-hydra", "admin", "/oauth2/introspect",
                                 {"token": minter.refresh(grant, grant.generations - 1)})
            assert not told["active"]
        first = [await refreshed(engine, "blue-hydra", people, g, minter.refresh(g, g.generations - 1))
                 for g in live[:SAMPLE]]
        gone, client = first[0]["refresh_token"], people.client(live[0].client_id)
        form = {"token": gone} if client.secret else {"token": gone, "client_id": client.client_id}
        status, _ = await post(engine, "blue-hydra", "public", "/oauth2/revoke", form,
                               (client.client_id, client.secret) if client.secret else None)
        assert status == 200
        for token in (gone, first[0]["access_token"]):
            _, told = await post(engine, "blue-hydra", "admin", "/oauth2/introspect", {"token": token})
            assert not told["active"]

        figures = await Migration(engine, secrets()).migrate(by="stock", analyze=False, progress=lambda told: None)
        assert figures["files"] == 8
        assert figures["locks"]["samples"] > 0
        async with database(engine, secrets(), "green") as connection:
            assert await connection.fetchval(NOTED) == 55
        await engine.start("green-hydra")
        for grant, tokens in zip(live[1:SAMPLE], first[1:], strict=True):  # refreshed on 1.8.5 before
            await refreshed(engine, "green-hydra", people, grant, tokens["refresh_token"])
        for grant in live[SAMPLE:2 * SAMPLE]:  # as seeded
            await refreshed(engine, "green-hydra", people, grant, minter.refresh(grant, grant.generations - 1))
        _, told = await post(engine, "green-hydra", "admin", "/oauth2/introspect", {"token": gone})
        assert not told["active"]
        # The unpatched old binary, still up, says no to a good token from the moment the columns are there.
        grant = next(g for g in live[2 * SAMPLE:] if g.in_use)
        token = {"token": minter.access(grant, grant.generations - 1)}
        assert (await post(engine, "green-hydra", "admin", "/oauth2/introspect", token))[1]["active"]
        assert not (await post(engine, "blue-hydra", "admin", "/oauth2/introspect", token))[1]["active"]
