"""The clients' side of HTTP: every request a client makes, through its own link.

One pooled session a link; names are constant (`auth.rehearse.test`, `login.rehearse.test`)
and mapped here to the link's loopback address, so that seeded data can be cached. Where several
edges stand side by side each gets a request in turn, as behind a load balancer. Nothing is
ever sent twice: a request lost on a dropped connection is lost, as the client sees it, and
whoever repeats it does so as an operation of its own. Tokens pass through and are not kept.
"""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from types import TracebackType
from typing import Any, Final, cast
from urllib.parse import urlencode

import aiohttp
import msgspec
from yarl import URL

from sim.rigs.real.browsing import Dance, landing, pkce, waited
from sim.rigs.rig import Answer, Browser, Client, Side
from sim.scenario.replicas import origin_link
from sim.traffic.browsers import LingeringBrowser

PUBLIC: Final = "clients->edge:public"
INTERNAL: Final = "resource-servers->edge:internal"
LOGIN: Final = "clients->login-consent"
AUTHZ: Final = "clients->authz"
LINKS: Final = (PUBLIC, INTERNAL, LOGIN, AUTHZ)
"""The links clients use, as the stack file names them; further edges have links of their own beside these."""

AUTH_HOST: Final = "auth.rehearse.test"
LOGIN_HOST: Final = "login.rehearse.test"
HOSTS: Final = {AUTH_HOST: PUBLIC, LOGIN_HOST: LOGIN}
"""Name in a redirect → the link that leads there."""

SUBJECT_HEADER: Final = "X-Rehearse-Subject"
MAX_HOPS: Final = 12
"""A full dance has five redirects; more than this is a loop."""
KEEP_ALIVE_S: Final = 15.0
"""Assumption: how long an idle pooled connection is kept; shorter than any server's here."""

_JSON = msgspec.json.Decoder()


class Sender:
    """Implements `sim.rigs.rig.Clients` on aiohttp; an async context manager, or `close` it.

    `links` maps each of `LINKS`, and those of further edges, to (host, port) of its Toxiproxy listener.
    """

    def __init__(self, links: Mapping[str, tuple[str, int]]) -> None:
        missing = [link for link in LINKS if link not in links]
        if missing:
            raise ValueError(f"links without an address: {', '.join(missing)}")
        self._base = {link: URL.build(scheme="http", host=host, port=port)
                      for link, (host, port) in links.items() if origin_link(link) in LINKS}
        self._turns = {link: itertools.cycle([one for one in self._base if origin_link(one) == link]) for link in LINKS}
        self._urls: dict[tuple[str, str], URL] = {}
        self._sessions: dict[str, aiohttp.ClientSession] = {}

    async def __aenter__(self) -> Sender:
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None,
                        trace: TracebackType | None) -> None:
        await self.close()

    async def close(self) -> None:
        """Close every pooled connection."""
        sessions, self._sessions = self._sessions, {}
        for session in sessions.values():
            await session.close()

    def _pool(self, link: str) -> aiohttp.ClientSession:
        """The link's session, made when it is first used (inside the loop)."""
        session = self._sessions.get(link)
        if session is None:
            session = self._sessions[link] = _session()
        return session

    # ---- resource servers and admins, on the internal listener

    async def introspect(self, token: str, *, timeout_s: float) -> Answer:
        """Ask whether a token is active; the body is Hydra's."""
        return await self._ask(INTERNAL, "POST", "/oauth2/introspect", form={"token": token},
                               timeout_s=timeout_s)

    async def revoke_consent(self, subject: str, client_id: str, *, timeout_s: float) -> Answer:
        """Take back one subject's consent to one client."""
        return await self._ask(INTERNAL, "DELETE", "/oauth2/auth/sessions/consent",
                               query={"subject": subject, "client": client_id}, timeout_s=timeout_s)

    async def revoke_subject(self, subject: str, *, timeout_s: float) -> Answer:
        """Take back all of a subject's consents."""
        return await self._ask(INTERNAL, "DELETE", "/oauth2/auth/sessions/consent",
                               query={"subject": subject, "all": "true"}, timeout_s=timeout_s)

    async def delete_login(self, subject: str, *, timeout_s: float) -> Answer:
        """End all of a subject's browser sessions."""
        return await self._ask(INTERNAL, "DELETE", "/oauth2/auth/sessions/login", query={"subject": subject},
                               timeout_s=timeout_s)

    # ---- OAuth clients

    async def refresh(self, client: Client, refresh_token: str, *, timeout_s: float) -> Answer:
        """Use a refresh token once; the body is Hydra's token answer or its error."""
        form = {"grant_type": "refresh_token", "refresh_token": refresh_token}
        return await self._token(client, form, timeout_s)

    async def exchange(self, client: Client, code: str, verifier: str, *, timeout_s: float) -> Answer:
        """Redeem a code; without `verifier` no PKCE was used."""
        form = {"grant_type": "authorization_code", "code": code, "redirect_uri": client.redirect_uri}
        if verifier:
            form["code_verifier"] = verifier
        return await self._token(client, form, timeout_s)

    async def client_credentials(self, client: Client, *, timeout_s: float) -> Answer:
        """A service's own token."""
        form = {"grant_type": "client_credentials"}
        if client.scope:
            form["scope"] = client.scope
        return await self._token(client, form, timeout_s)

    async def revoke_token(self, client: Client, token: str, *, timeout_s: float) -> Answer:
        """RFC 7009; Hydra revokes the whole chain."""
        return await self._client_post(client, "/oauth2/revoke", {"token": token}, timeout_s)

    async def discovery(self, *, timeout_s: float) -> Answer:
        """The discovery document."""
        return await self._ask(PUBLIC, "GET", "/.well-known/openid-configuration", timeout_s=timeout_s)

    async def jwks(self, *, timeout_s: float) -> Answer:
        """The published signing keys."""
        return await self._ask(PUBLIC, "GET", "/.well-known/jwks.json", timeout_s=timeout_s)

    async def may(self, token: str, *, timeout_s: float) -> Answer:
        """Ask authz; the body is {allowed, why}."""
        return await self._ask(AUTHZ, "POST", "/may", json={"token": token}, timeout_s=timeout_s)

    # ---- people with a browser

    async def authorize(self, client: Client, browser: Browser, *, scope: str, prompt: str | None,
                        timeout_s: float) -> Answer:
        """The whole way from the authorization request to the code.

        The body is {code, verifier, skipped_login, skipped_consent}, or {error} and the status
        of the page that ended the way.
        """
        verifier, challenge, state = pkce()
        query = {"client_id": client.client_id, "response_type": "code", "scope": scope, "state": state,
                 "redirect_uri": client.redirect_uri,
                 "code_challenge": challenge, "code_challenge_method": "S256"}
        if prompt is not None:
            query["prompt"] = prompt
        dance = await self._walk(browser, URL(f"http://{AUTH_HOST}/oauth2/auth").with_query(query), timeout_s)
        return dance.answer(verifier, state)

    async def logout(self, browser: Browser, *, timeout_s: float) -> Answer:
        """End the browser session of this browser."""
        dance = await self._walk(browser, URL(f"http://{AUTH_HOST}/oauth2/sessions/logout"), timeout_s)
        return Answer(dance.status, {}, dance.route, dance.shed, False, dance.capture, dance.waited_s)

    async def _walk(self, browser: Browser, url: URL, timeout_s: float) -> Dance:
        """Follow redirects by hand between the two names until one leads elsewhere."""
        dance = Dance()
        async with _deadline(timeout_s):
            for _ in range(MAX_HOPS):
                link = HOSTS.get(url.host or "")
                if link is None:
                    dance.landed = url
                    return dance
                headers = {"Host": cast(str, url.host)}
                if cookies := browser.cookies.get(cast(str, url.host)):
                    headers["Cookie"] = "; ".join(f"{name}={value}" for name, value in cookies.items())
                if link == LOGIN:
                    headers[SUBJECT_HEADER] = browser.subject
                    if isinstance(browser, LingeringBrowser) and "login_challenge" in url.query:
                        await browser.linger()
                way = next(self._turns[link])
                target = self._base[way].join(url.relative())
                async with self._pool(way).get(target, headers=headers, allow_redirects=False) as response:
                    await response.read()
                    dance.step(browser, url, response)
                following = landing(url, response)
                if following is None:
                    return dance
                url = following
        dance.error = "too many redirects"
        return dance

    # ---- one request

    async def _token(self, client: Client, form: dict[str, str], timeout_s: float) -> Answer:
        return await self._client_post(client, "/oauth2/token", form, timeout_s)

    async def _client_post(self, client: Client, path: str, form: dict[str, str], timeout_s: float) -> Answer:
        headers = {}
        if client.secret is None:
            form["client_id"] = client.client_id
        else:
            headers["Authorization"] = aiohttp.encode_basic_auth(client.client_id, client.secret)
        return await self._ask(PUBLIC, "POST", path, form=form, headers=headers, timeout_s=timeout_s)

    async def _ask(self, link: str, method: str, path: str, *, form: dict[str, str] | None = None,
                   json: dict[str, str] | None = None, query: dict[str, str] | None = None,
                   headers: Mapping[str, str] | None = None, timeout_s: float) -> Answer:
        way = next(self._turns[link])
        url = self._urls.get((way, path))
        if url is None:
            url = self._urls[way, path] = self._base[way].with_path(path)
        if query:
            url = url.with_query(query)
        sent = dict(headers or {})
        body = None
        if form is not None:
            sent["Content-Type"], body = "application/x-www-form-urlencoded", urlencode(form).encode()
        elif json is not None:
            sent["Content-Type"], body = "application/json", msgspec.json.encode(json)
        if link in (PUBLIC, INTERNAL):
            sent["Host"] = AUTH_HOST
        async with (_deadline(timeout_s),
                    self._pool(way).request(method, url, data=body, headers=sent, allow_redirects=False) as response):
            raw = await response.read()
        return _answer(response, raw)


def _session() -> aiohttp.ClientSession:
    connector = aiohttp.TCPConnector(limit=0, keepalive_timeout=KEEP_ALIVE_S)
    session = aiohttp.ClientSession(
        connector=connector, cookie_jar=aiohttp.DummyCookieJar(), timeout=aiohttp.ClientTimeout(total=None),
        auto_decompress=False, skip_auto_headers=("User-Agent", "Accept", "Accept-Encoding"))
    # aiohttp sends GET and DELETE again, silently, when a pooled connection was dropped;
    # it has no public switch for this. tests/real/test_sender.py holds it.
    session._retry_connection = False
    return session


@asynccontextmanager
async def _deadline(timeout_s: float) -> AsyncIterator[None]:
    """Turns the HTTP client's errors into what `rig.Clients` promises."""
    try:
        async with asyncio.timeout(timeout_s):
            yield
    except aiohttp.ClientConnectorError as error:
        if isinstance(error.os_error, ConnectionRefusedError):
            raise ConnectionRefusedError(f"refused by {error.host}:{error.port}") from error
        raise
    except aiohttp.ClientError as error:
        if isinstance(error, OSError):
            raise
        raise ConnectionResetError(f"no answer: {type(error).__name__}") from error


def _answer(response: aiohttp.ClientResponse, raw: bytes) -> Answer:
    body: Any = None
    if raw[:1] == b"{":
        try:
            body = _JSON.decode(raw)
        except msgspec.DecodeError:
            body = None
    headers = response.headers
    capture = headers.get("Rehearse-Capture")
    return Answer(response.status, body if isinstance(body, dict) else {}, _route(headers),
                      headers.get("Rehearse-Shed"), "Rehearse-Coalesced" in headers,
                      int(capture) if capture is not None and capture.isdigit() else None, waited(headers))


def _route(headers: Mapping[str, str]) -> Side | None:
    route = headers.get("Rehearse-Route")
    return cast(Side, route) if route in ("blue", "green") else None
