"""Generated rows have the shape of those that real flows leave on a real 1.11.10."""

from __future__ import annotations

import re
import time
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from real_grants import People, Stand, people, stand

from sim.rigs.real.databases import Connection, database
from sim.rigs.real.loading import load
from sim.rigs.real.rows import COLUMNS, Moment, Rows
from sim.rigs.real.secrets import secrets
from sim.traffic.minting import Minter
from sim.traffic.population import Grant, Population

pytestmark = pytest.mark.real
FREE = {"request_url", "form_data", "scope", "requested_scope", "granted_scope", "remember_for", "session_id_token"}
"""Columns whose content is the app's; they are looked at by themselves."""
SHAPES = (
    ("hex32", re.compile(r"[0-9a-f]{32}")),
    ("uuid", re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")),
    ("token", re.compile(r"[\w-]{43}\.[\w-]{43}")),
    ("signature", re.compile(r"[\w-]{43}")),
    ("zulu", re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z")),
    ("json", re.compile(r"\{.*\}")),
)


def shape(value: Any) -> Any:
    """What kind of value it is; structure is kept, names and times are not."""
    if isinstance(value, dict):
        return {key: shape(one) for key, one in value.items()}
    if isinstance(value, list):
        return [shape(one) for one in value]
    if isinstance(value, str):
        if value in ("", "{}", "null", "0001-01-01T00:00:00Z", "public:hydra.openid.id-token"):
            return value
        return next((name for name, pattern in SHAPES if pattern.fullmatch(value)), "text")
    return value if value is None or isinstance(value, bool) else type(value).__name__


async def shapes(connection: Connection, minter: Minter, request_id: str) -> dict[str, list[Any]]:
    """Table → the shapes of a grant's rows, in a fixed order."""
    login, session = await connection.fetchrow(
        "SELECT login_challenge, login_session_id FROM hydra_oauth2_consent_request WHERE challenge = $1", request_id)
    found: dict[str, list[Any]] = {}
    for table in COLUMNS:
        key, value = "request_id", request_id
        if table.endswith("session"):
            key, value = "id", session
        elif "authentication_request" in table:
            key, value = "challenge", login
        elif "consent_request" in table:
            key = "challenge"
        rows = [dict(row) for row in await connection.fetch(f"SELECT * FROM {table} WHERE {key} = $1", value)]
        for row in rows:
            if "session_data" in row:
                row["session_data"] = minter.unseal(row["session_data"])
                claims = row["session_data"]["id_token"]["id_token_claims"]
                del claims["nonce"]  # the app's choice
                claims["ext"] = sorted(set(claims["ext"]) - {"email", "name"})
        found[table] = sorted(
            ({name: shape(one) for name, one in row.items() if name not in FREE} for row in rows), key=repr)
    return found


async def real_one(stood: Stand, one: People, subject: str, kind: str) -> str:
    """A grant of that kind made by real flows; its request_id."""
    if kind == "code":
        jar: dict[str, str] = {}
        consent = await one.login(await one.begin("app", jar), subject, jar, remember=True)
        await one.consent(consent, jar, remember=True)
        return consent
    request_id = await one.grant("app", subject)
    for _ in range(2):
        stood.grants[subject] = await one.token(
            "app", grant_type="refresh_token", refresh_token=stood.grants[subject]["refresh_token"])
    if kind == "revoked":
        await one.revoke("app", stood.grants[subject]["refresh_token"])
    elif kind == "logged out":
        await one.delete_logins(subject)
    return request_id


def generated_one(population: Population, kind: str) -> Grant:
    """A seeded grant of that kind that went the same way."""
    def fits(grant: Grant) -> bool:
        same_way = (grant.kind == "web" and grant.login_remembered and grant.remembered and not grant.consent_skipped
                    and not grant.login_skipped and grant.logged_out == (kind == "logged out"))
        state = {"code": "code", "revoked": "revoked"}.get(kind, "live")
        generations = 0 if kind == "code" else 3
        return (same_way and grant.state == state and grant.generations == generations
                and grant.revoked_by in (None, "token"))
    return next(grant for grant in population.grants if fits(grant))


async def test_generated_rows_look_as_real_ones(tmp_path: Path) -> None:
    population, own = Population.draw(5, 6000, {"web": 2, "service": 1}), secrets()
    minter = Minter(own.system, 5)
    kinds = ("live", "code", "revoked", "logged out")
    async with stand(tmp_path) as stood, people(stood) as one:
        await one.client("app")
        made = {kind: await real_one(stood, one, f"person-{n}", kind) for n, kind in enumerate(kinds)}
        async with database(stood.engine, own, "blue") as connection:
            real = {kind: await shapes(connection, minter, request_id) for kind, request_id in made.items()}
            real_service = await service_shape(connection, minter, "real", one)
            await connection.execute("TRUNCATE hydra_client, hydra_oauth2_authentication_session CASCADE")
            moment = Moment(time.time(), 3600.0, 720 * 3600.0, "http://auth.rehearse.test/")
            await load(connection, population, minter, moment, hash_cost=4, progress=lambda told: None)
            for kind in kinds:
                grant = generated_one(population, kind)
                generated = await shapes(connection, minter, grant.name)
                for table, rows in real[kind].items():
                    assert generated[table] == rows, (kind, table)
            assert await service_shape(connection, minter, "generated", one) == real_service


async def service_shape(connection: Connection, minter: Minter, whose: str, one: People) -> dict[str, Any]:
    """The shape of a token of client_credentials."""
    if whose == "real":
        await one.client("machine", grant_types=["client_credentials"], response_types=["token"], scope="api.read")
        await one.token("machine", grant_type="client_credentials", scope="api.read")
    row = dict(await connection.fetchrow("SELECT * FROM hydra_oauth2_access WHERE challenge_id IS NULL LIMIT 1"))
    row["session_data"] = minter.unseal(row["session_data"])
    return {name: shape(value) for name, value in row.items() if name not in FREE}


async def test_a_foreign_key_that_does_not_fit_stops_the_load(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Making the constraints again is the proof: a row without its consent must not get by."""
    population, own = Population.draw(5, 10, {"web": 1}), secrets()
    async with stand(tmp_path) as stood, database(stood.engine, own, "blue") as connection:
        moment = Moment(time.time(), 3600.0, 720 * 3600.0, "http://auth.rehearse.test/")
        lines = Rows(population, Minter(own.system, 5), moment).chunk(0, 10)["hydra_oauth2_refresh"]
        with pytest.raises(Exception, match="violates foreign key constraint"):
            await connection.copy_to_table("hydra_oauth2_refresh", source=BytesIO(lines),
                                           columns=COLUMNS["hydra_oauth2_refresh"].split(), format="text")
        monkeypatch.setattr("sim.rigs.real.loading._load_clients", no_clients)
        with pytest.raises(Exception, match="violates foreign key constraint"):
            await load(connection, population, Minter(own.system, 5), moment, hash_cost=4, progress=lambda told: None)
        assert await connection.fetchval("SELECT count(*) FROM hydra_oauth2_refresh") == 0
        assert await connection.fetchval(
            "SELECT count(*) FROM pg_indexes WHERE tablename = 'hydra_oauth2_refresh'") == 5


async def no_clients(*_: Any) -> int:
    """Clients that were forgotten."""
    return 0
