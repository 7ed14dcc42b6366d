"""A browser's part of an authorization: its cookies, where a redirect leads, what came of it."""

from __future__ import annotations

import hashlib
import secrets
from base64 import urlsafe_b64encode
from collections.abc import Mapping
from dataclasses import dataclass
from http.cookies import CookieError, SimpleCookie
from typing import cast

import aiohttp
from yarl import URL

from sim.rigs.rig import Answer, Browser, Side

REDIRECTS = frozenset({301, 302, 303, 307, 308})


@dataclass
class Dance:
    """What was seen on the way from an authorization (or logout) request to its end."""

    status: int = 0
    route: Side | None = None
    shed: str | None = None
    capture: int | None = None
    landed: URL | None = None
    """The redirect that left our two names: the client's redirect_uri with code or error."""
    error: str | None = None
    skipped_login: bool = True
    """True until the login page did not skip; Hydra shows none at all for prompt=none."""
    skipped_consent: bool = True
    waited_s: float | None = None
    """The longest wait of one of its requests in the edge's buffer."""

    def step(self, browser: Browser, url: URL, response: aiohttp.ClientResponse) -> None:
        """Take in one answer: its cookies and what edge and login app said of it."""
        self.status = response.status
        headers = response.headers
        keep_cookies(browser, url.host or "", headers.getall("Set-Cookie", []))
        route = headers.get("Rehearse-Route")
        if route in ("blue", "green"):
            self.route = cast(Side, route)
        self.shed = headers.get("Rehearse-Shed")
        capture = headers.get("Rehearse-Capture", "")
        if capture.isdigit():
            self.capture = int(capture)
        if (seconds := waited(headers)) is not None:
            self.waited_s = max(self.waited_s or 0.0, seconds)
        skipped = headers.get("Rehearse-Skip") == "1"
        if url.query.get("login_challenge") is not None:
            self.skipped_login = skipped
        elif url.query.get("consent_challenge") is not None:
            self.skipped_consent = skipped

    def answer(self, verifier: str, state: str) -> Answer:
        """The end of an authorization, see `Clients.authorize`."""
        if self.landed is None:
            error = self.error or f"the way ended on a page with status {self.status}"
            return self._said({"error": error}, self.shed)
        query = self.landed.query
        if "code" not in query:
            return self._said({"error": query.get("error", "neither code nor error")})
        if query.get("state") != state:
            return self._said({"error": "the state came back changed"})
        body = {"code": query["code"], "verifier": verifier, "skipped_login": self.skipped_login,
                "skipped_consent": self.skipped_consent}
        return self._said(body)

    def _said(self, body: dict[str, object], shed: str | None = None) -> Answer:
        return Answer(self.status, body, self.route, shed, waited_s=self.waited_s)


def waited(headers: Mapping[str, str]) -> float | None:
    """Seconds that a request waited in the edge's buffer, as its answer says."""
    said = headers.get("Rehearse-Waited")
    try:
        return float(said) if said is not None else None
    except ValueError:
        return None


def pkce() -> tuple[str, str, str]:
    """(verifier, its S256 challenge, a state), all new."""
    verifier = secrets.token_urlsafe(32)
    digest = hashlib.sha256(verifier.encode()).digest()
    return verifier, urlsafe_b64encode(digest).rstrip(b"=").decode(), secrets.token_urlsafe(12)


def landing(url: URL, response: aiohttp.ClientResponse) -> URL | None:
    """Where a redirect leads; None if this page is the end."""
    location = response.headers.get("Location")
    if response.status not in REDIRECTS or location is None:
        return None
    return url.join(URL(location, encoded=True))


def keep_cookies(browser: Browser, host: str, set_cookies: list[str]) -> None:
    """Store and delete cookies as one answer asks; paths are ignored, hosts are not."""
    jar = browser.cookies.setdefault(host, {})
    for line in set_cookies:
        try:
            cookies = SimpleCookie(line)
        except CookieError:
            continue
        for name, morsel in cookies.items():
            if morsel["max-age"] in ("0", "-1") or "1970" in morsel["expires"] or not morsel.value:
                jar.pop(name, None)
            else:
                jar[name] = morsel.coded_value
