"""Two real Postgres, a real Hydra 1.11.10 on blue, and grants made through its own API."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import aiohttp

from sim.rigs.real.acquire import Parts, acquire
from sim.rigs.real.engines import open_engine
from sim.rigs.real.engines.engine import Engine
from sim.rigs.real.secrets import Secrets, secrets
from sim.rigs.real.stack import load_stack

REDIRECT = "http://127.0.0.1:9/callback"
SCOPE = "openid offline"


@dataclass
class Stand:
    """Both databases, and blue's Hydra if it was started."""

    engine: Engine
    secrets: Secrets
    parts: Parts
    grants: dict[str, dict[str, Any]] = field(default_factory=dict)
    """Subject → {access_token, refresh_token, …}."""


@asynccontextmanager
async def stand(folder: Path) -> AsyncIterator[Stand]:
    """Toxiproxy, both Postgres, blue migrated to 1.11.10 and served by it."""
    parts = await acquire("process", hydra=["1.11.10", "2.3.0"], postgres=15)
    (folder / "logs").mkdir(parents=True, exist_ok=True)
    own = secrets()
    engine = await open_engine("process", run_id=folder.name, run_dir=folder, stack=load_stack(), parts=parts,
                               secrets=own, variables={})
    try:
        await engine.start("toxiproxy", "blue-postgres", "green-postgres")
        host, port = engine.direct("blue-postgres", "sql")
        await _migrate(parts.binary("hydra-1.11.10"),
                       f"postgres://hydra:{own.database}@{host}:{port}/hydra?sslmode=disable")
        await engine.start("blue-hydra")
        yield Stand(engine, own, parts)
    finally:
        await engine.close()


async def _migrate(binary: Path, dsn: str) -> None:
    process = await asyncio.create_subprocess_exec(
        str(binary), "migrate", "sql", "-e", "--yes", env={**os.environ, "DSN": dsn, "SQA_OPT_OUT": "true"},
        stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.DEVNULL)
    assert await process.wait() == 0


class People:
    """A login app and a client in one: makes clients and grants on blue as people would."""

    def __init__(self, stand: Stand, session: aiohttp.ClientSession) -> None:
        self._stand, self._session = stand, session
        host, port = stand.engine.direct("blue-hydra", "public")
        self._public = f"http://{host}:{port}"
        host, port = stand.engine.direct("blue-hydra", "admin")
        self._admin = f"http://{host}:{port}"

    async def client(self, client_id: str, **more: Any) -> None:
        """Register a client."""
        body = {"client_id": client_id, "client_secret": "a-secret-of-a-test", "redirect_uris": [REDIRECT],
                "grant_types": ["authorization_code", "refresh_token", "client_credentials"],
                "response_types": ["code"], "scope": SCOPE, **more}
        async with self._session.post(f"{self._admin}/clients", json=body) as answer:
            assert answer.status == 201, await answer.text()

    async def begin(self, client_id: str, jar: dict[str, str], scope: str = SCOPE) -> str:
        """Ask for authorization; returns the login challenge."""
        place = await self._follow(f"{self._public}/oauth2/auth", jar, {
            "client_id": client_id, "response_type": "code", "scope": scope, "redirect_uri": REDIRECT,
            "state": "a-state-long-enough", "nonce": "a-nonce-long-enough"})
        return _parameter(place, "login_challenge")

    async def login(self, challenge: str, subject: str, jar: dict[str, str], *, remember: bool) -> str:
        """Log in; returns the consent challenge."""
        place = await self._accept("login", challenge, {"subject": subject, "remember": remember, "remember_for": 0})
        return _parameter(await self._follow(place, jar), "consent_challenge")

    async def consent(self, challenge: str, jar: dict[str, str], *, scope: str = SCOPE, remember: bool) -> str:
        """Say yes; returns the code."""
        place = await self._accept("consent", challenge, {
            "grant_scope": scope.split(), "remember": remember, "remember_for": 0})
        return _parameter(await self._follow(place, jar), "code")

    async def grant(self, client_id: str, subject: str, *, remember: bool = True, scope: str = SCOPE,
                    jar: dict[str, str] | None = None) -> str:
        """The whole way to tokens; returns the grant's request_id, the consent challenge."""
        jar = {} if jar is None else jar
        consent = await self.login(await self.begin(client_id, jar, scope), subject, jar, remember=remember)
        code = await self.consent(consent, jar, scope=scope, remember=remember)
        self._stand.grants[subject] = await self.token(client_id, grant_type="authorization_code", code=code,
                                                       redirect_uri=REDIRECT)
        return consent

    async def token(self, client_id: str, **form: str) -> dict[str, Any]:
        """The token endpoint."""
        async with self._session.post(f"{self._public}/oauth2/token", data=form,
                                      headers={"Authorization": aiohttp.encode_basic_auth(
                                          client_id, "a-secret-of-a-test")}) as answer:
            body: dict[str, Any] = await answer.json()
            assert answer.status == 200, body
            return body

    async def delete_logins(self, subject: str) -> None:
        """What logout everywhere does: every login session of the subject."""
        async with self._session.delete(f"{self._admin}/oauth2/auth/sessions/login",
                                        params={"subject": subject}) as answer:
            assert answer.status == 204

    async def revoke(self, client_id: str, token: str) -> None:
        """The revocation endpoint."""
        async with self._session.post(f"{self._public}/oauth2/revoke", data={"token": token}, headers={
                "Authorization": aiohttp.encode_basic_auth(client_id, "a-secret-of-a-test")}) as answer:
            assert answer.status == 200

    async def revoke_consent(self, subject: str, client_id: str) -> None:
        """Take back what a person granted a client."""
        async with self._session.delete(f"{self._admin}/oauth2/auth/sessions/consent",
                                        params={"subject": subject, "client": client_id}) as answer:
            assert answer.status == 204

    async def _accept(self, what: str, challenge: str, body: dict[str, Any]) -> str:
        async with self._session.put(f"{self._admin}/oauth2/auth/requests/{what}/accept",
                                     params={f"{what}_challenge": challenge}, json=body) as answer:
            told = await answer.json()
            assert answer.status == 200, told
            return str(told["redirect_to"])

    async def _follow(self, place: str, jar: dict[str, str], query: dict[str, str] | None = None) -> str:
        """One hop at Hydra with a browser's cookies; returns where it sends us."""
        parts = urlsplit(place)
        async with self._session.get(f"{self._public}{parts.path}", params=query or parse_qs(parts.query),
                                     allow_redirects=False, headers={
                "Host": "auth.rehearse.test", "Cookie": "; ".join(f"{k}={v}" for k, v in jar.items())}) as answer:
            jar.update({name: morsel.value for name, morsel in answer.cookies.items()})
            return answer.headers["Location"]


@asynccontextmanager
async def people(stand: Stand) -> AsyncIterator[People]:
    """A session of its own; no cookies are kept but a browser's own."""
    async with aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar()) as session:
        yield People(stand, session)


def _parameter(place: str, name: str) -> str:
    values = parse_qs(urlsplit(place).query).get(name)
    assert values, place
    return values[0]
