"""The authorization service: may this token do this?

It stands for the systems around Hydra that read its consent-session API: a token whose
consent is not listed there may do nothing, whatever introspection says. That is how flags
set wrongly by a migration turn into 403s. At Hydra it only reads.

Told so, it keeps grants of its own (`own_grants`): then a grant it knows needs no list, one that
is listed becomes known, and a periodic job deletes what is not listed any more (`grant_cleanup`).

Run: `python -m sim.services.authz`.
"""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from aiohttp import web

from sim.services.admin import AdminApi, AdminDown
from sim.services.grant_cleanup import Cleanup, Job
from sim.services.own_grants import OwnGrants, Pair
from sim.services.serving import Listeners, TooLong, answer_json, control_handler, read_body, run
from sim.services.settings import Environment, Side

Why = Literal["granted", "own_token", "token_inactive", "scope_missing", "consent_not_listed"]


@dataclass(frozen=True, slots=True)
class Decision:
    """The answer to one question."""

    allowed: bool
    why: Why


def needs_consent(token: dict[str, Any]) -> bool:
    """A token somebody granted needs a consent; a client's own (client_credentials) has none."""
    return bool(token.get("sub")) and token.get("sub") != token.get("client_id")


def decide(token: dict[str, Any], action: str, consents: list[dict[str, Any]]) -> Decision:
    """Pure: from an introspection answer and the subject's listed consents.

    `action` is a scope the token must have; '' asks for the token alone.
    """
    if not token.get("active"):
        return Decision(False, "token_inactive")
    if action and action not in str(token.get("scope", "")).split():
        return Decision(False, "scope_missing")
    if not needs_consent(token):
        return Decision(True, "own_token")
    for consent in consents:
        client = (consent.get("consent_request") or {}).get("client") or {}
        if client.get("client_id") == token.get("client_id"):
            return Decision(True, "granted")
    return Decision(False, "consent_not_listed")


MOST_DELETED = 5000
"""Rows of one answer about what was deleted."""


class Authz:
    """POST /may {token, action} → 200 {allowed, why}; 502 if Hydra gave no usable answer."""

    def __init__(self, admin: AdminApi, folder: Path) -> None:
        self._admin, self._folder = admin, folder
        self._own: OwnGrants | None = None
        self._cleanup: Cleanup | None = None
        self._last_token: dict[Pair, str] = {}
        """The last token seen of each grant, for the cross-check; in memory only."""

    async def handle(self, request: web.BaseRequest) -> web.StreamResponse:
        """One question. The token is in the body and nowhere else."""
        if (request.method, request.message.path) != ("POST", "/may"):
            return answer_json(404, {"error": "not_found"})
        side = self._admin.side
        try:
            asked = json.loads(await read_body(request))
            token, action = asked["token"], asked.get("action", "")
            if not (isinstance(token, str) and isinstance(action, str)):
                raise TypeError
        except (ValueError, KeyError, TypeError, AttributeError, TooLong, TimeoutError):
            return answer_json(400, {"error": "invalid_request"})
        try:
            decision = await self._decide(side, token, action)
        except AdminDown as error:
            return answer_json(502, {"error": "temporarily_unavailable", "error_description": str(error)})
        return answer_json(200, {"allowed": decision.allowed, "why": decision.why}, {"Rehearse-Route": side})

    async def _decide(self, side: Side, token: str, action: str) -> Decision:
        status, known = await self._admin.ask("POST", "/oauth2/introspect", side=side, form={"token": token})
        if status != 200 or not isinstance(known, dict):
            raise AdminDown(f"introspect: {status}")
        consents: list[dict[str, Any]] = []
        if known.get("active") and needs_consent(known):
            pair = (str(known["sub"]), str(known.get("client_id")))
            if self._own is not None:
                self._last_token[pair] = token
                if self._own.has(pair):
                    return decide(known, action, [{"consent_request": {"client": {"client_id": pair[1]}}}])
            status, listed = await self._admin.ask("GET", "/oauth2/auth/sessions/consent", side=side,
                                                   query={"subject": pair[0]})
            consents = listed if status == 200 and isinstance(listed, list) else []
            if self._own is not None and decide(known, "", consents).allowed:
                self._own.add([pair])
        return decide(known, action, consents)

    async def control(self, method: str, path: str, body: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        """The admin API's calls, and those of its own grants.

        POST /grants {grants: [[subject, client]…]} → {known}: keep grants of one's own, these among them.
        PUT /cleanup {every_s, subjects, dry_run, guard: {ceiling, cross_check} | null} or {off: true};
        GET /cleanup → see `Cleanup.told`. POST /deleted {after} → {rows: [[n, subject, client, at_s]…]}.
        POST /keep → {kept}. POST /restore → the job is off, {restored, written_since, missing}.
        """
        if (method, path) == ("POST", "/grants"):
            own, _ = self._kept()
            own.add([(str(subject), str(client)) for subject, client in body["grants"]])
            return 200, {"known": own.count()}
        if path not in ("/cleanup", "/deleted", "/keep", "/restore"):
            return await self._admin.control(method, path, body)
        own, cleanup = self._kept()
        match (method, path):
            case ("PUT", "/cleanup"):
                cleanup.stop() if body.get("off") else cleanup.start(Job.read(body))
                return 200, cleanup.told()
            case ("GET", "/cleanup"):
                return 200, cleanup.told()
            case ("POST", "/deleted"):
                return 200, {"rows": own.deleted(int(body["after"]), MOST_DELETED)}
            case ("POST", "/keep"):
                return 200, {"kept": own.keep()}
            case ("POST", "/restore"):
                cleanup.stop()
                return 200, dict(own.restore())
        return 404, {"error": "no such call"}

    def _kept(self) -> tuple[OwnGrants, Cleanup]:
        if self._own is None or self._cleanup is None:
            self._own = OwnGrants(self._folder)
            self._cleanup = Cleanup(self._own, self._listed, self._is_active)
        return self._own, self._cleanup

    async def _listed(self, subject: str) -> set[str] | None:
        try:
            status, listed = await self._admin.ask("GET", "/oauth2/auth/sessions/consent", query={"subject": subject})
        except AdminDown:
            return None
        if status != 200 or not isinstance(listed, list):
            return None
        return {str(((one.get("consent_request") or {}).get("client") or {}).get("client_id")) for one in listed}

    async def _is_active(self, pair: Pair) -> bool | None:
        token = self._last_token.get(pair)
        if token is None:
            return None
        try:
            status, known = await self._admin.ask("POST", "/oauth2/introspect", form={"token": token})
        except AdminDown:
            return None
        return bool(known.get("active")) if status == 200 and isinstance(known, dict) else None

    def close(self) -> None:
        """Stop the job and close the table."""
        if self._cleanup is not None:
            self._cleanup.stop()
        if self._own is not None:
            self._own.close()


async def serve(ended: asyncio.Event) -> None:
    """Open both listeners, work until `ended`, close."""
    environment = Environment()
    listeners = Listeners()
    admin = AdminApi(environment, "AUTHZ")
    authz = Authz(admin, Path(environment.text("AUTHZ_GRANTS", "/tmp/authz")))
    try:
        await listeners.open(environment.listen("AUTHZ_PUBLIC"), authz.handle)
        await listeners.open(environment.listen("AUTHZ_CONTROL"),
                             control_handler(environment.text("CONTROL_TOKEN"), authz.control))
        await ended.wait()
    finally:
        await listeners.close()
        authz.close()
        await admin.close()


if __name__ == "__main__":
    run("authz", serve)
