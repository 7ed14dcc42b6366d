"""What a client, a browser and an operator do with the parts of services_rig.py."""

from __future__ import annotations

import hashlib
import secrets
from base64 import urlsafe_b64encode
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, urlsplit

import aiohttp
import asyncpg
from services_rig import CONTROL, ISSUER_HOST, LOGIN_HOST, BlueGreen
from yarl import URL


@dataclass
class World:
    """One person's browser, one client and an operator. Use as an async context manager."""

    rig: BlueGreen
    subject: str = "ann"
    cookies: dict[str, dict[str, str]] = field(default_factory=dict)

    async def __aenter__(self) -> World:
        self.http = aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar(),
                                          timeout=aiohttp.ClientTimeout(total=15))
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.http.close()

    async def control(self, method: str, path: str, body: dict[str, Any] | None = None, *,
                      part: str = "edge") -> dict[str, Any]:
        async with self.http.request(method, self.rig.url(f"{part}-control") + path, json=body,
                                     headers={"Authorization": f"Bearer {CONTROL}"}) as answer:
            return {"status": answer.status, **await answer.json()}

    async def client(self, client_id: str, side: str = "blue", **more: Any) -> None:
        """Register a confidential web client with secret `secret-of-<id>`."""
        prefix = "" if side == "blue" else "/admin"
        async with self.http.post(self.rig.url(f"{side}-admin") + prefix + "/clients", json={
            "client_id": client_id, "client_secret": f"secret-of-{client_id}", "scope": "openid offline api.read",
            "redirect_uris": ["http://127.0.0.1:9/callback"], "response_types": ["code"],
            "grant_types": ["authorization_code", "refresh_token", "client_credentials"],
            "token_endpoint_auth_method": "client_secret_basic", **more,
        }) as answer:
            assert answer.status == 201, await answer.text()

    async def authorize(self, client_id: str, *, scope: str = "openid offline api.read") -> dict[str, Any]:
        """The whole way through edge and login-consent; returns the token answer, or {error}."""
        verifier, state = secrets.token_urlsafe(32), secrets.token_urlsafe(12)
        challenge = urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()
        url = URL(f"http://{ISSUER_HOST}/oauth2/auth").with_query(
            client_id=client_id, response_type="code", scope=scope, state=state, code_challenge=challenge,
            code_challenge_method="S256", redirect_uri="http://127.0.0.1:9/callback", nonce=state)
        for _ in range(12):
            if url.port == 9:
                query = parse_qs(urlsplit(str(url)).query)
                if "code" not in query:
                    return {"error": query["error"][0]}
                assert query["state"] == [state]
                return await self.token(client_id, grant_type="authorization_code", code=query["code"][0],
                                        code_verifier=verifier, redirect_uri="http://127.0.0.1:9/callback")
            url = await self.hop(url)
        raise AssertionError("the dance has no end")

    async def logout(self) -> None:
        """The user logs out: Hydra, our page, Hydra, and the page it ends on."""
        url = URL(f"http://{ISSUER_HOST}/oauth2/sessions/logout")
        while "/oauth2/fallbacks/" not in url.path:
            url = await self.hop(url)

    async def hop(self, url: URL) -> URL:
        assert url.host in (ISSUER_HOST, LOGIN_HOST), url
        base = self.rig.url("edge-public" if url.host == ISSUER_HOST else "login")
        jar = self.cookies.setdefault(url.host, {})
        async with self.http.get(
            URL(base + url.raw_path_qs, encoded=True), allow_redirects=False,
            headers={"Host": url.host, "X-Rehearse-Subject": self.subject,
                     "Cookie": "; ".join(f"{k}={v}" for k, v in jar.items())},
        ) as answer:
            for name, morsel in answer.cookies.items():
                jar[name] = morsel.coded_value
            assert answer.status in (302, 303), (url.path, answer.status, await answer.text())
            return url.join(URL(answer.headers["Location"], encoded=True))

    async def token(self, client_id: str, *, edge: str = "edge", **form: str) -> dict[str, Any]:
        """POST /oauth2/token by HTTP Basic; the answer with status and the edge's headers added."""
        async with self.http.post(self.rig.url(f"{edge}-public") + "/oauth2/token", data=form,
                                  headers=_as_client(client_id, f"secret-of-{client_id}")) as answer:
            return {**await answer.json(), "status": answer.status, "headers": answer.headers}

    async def refresh(self, client_id: str, refresh_token: str, *, edge: str = "edge",
                      **form: str) -> dict[str, Any]:
        return await self.token(client_id, edge=edge, grant_type="refresh_token", refresh_token=refresh_token, **form)

    async def introspect(self, token: str, *, side: str | None = None) -> bool:
        """Active? Through the edge, or at one Hydra itself."""
        base = self.rig.url("edge-internal") if side is None else self.rig.url(f"{side}-admin") + (
            "/admin" if side == "green" else "")
        async with self.http.post(base + "/oauth2/introspect", data={"token": token}) as answer:
            assert answer.status == 200, await answer.text()
            return bool((await answer.json())["active"])

    async def revoke(self, client_id: str, token: str, *, secret: str | None = None,
                     edge: str = "edge") -> aiohttp.ClientResponse:
        async with self.http.post(self.rig.url(f"{edge}-public") + "/oauth2/revoke", data={"token": token},
                                  headers=_as_client(client_id, secret or f"secret-of-{client_id}")) as answer:
            await answer.read()
            return answer

    async def delete(self, what: str, **query: str) -> aiohttp.ClientResponse:
        """An operator's DELETE of consents or logins on the internal listener."""
        async with self.http.delete(self.rig.url("edge-internal") + f"/oauth2/auth/sessions/{what}",
                                    params=query) as answer:
            await answer.read()
            return answer

    async def rows(self, side: str, query: str, *arguments: object) -> list[asyncpg.Record]:
        connection = await asyncpg.connect(self.rig.dsn(side))
        try:
            return await connection.fetch(query, *arguments)
        finally:
            await connection.close()


def _as_client(client_id: str, secret: str) -> dict[str, str]:
    return {"Host": ISSUER_HOST, "Authorization": aiohttp.encode_basic_auth(client_id, secret)}
