"""The authorization service: may this token do this?

It stands for the systems around Hydra that read its consent-session API: a token whose
consent is not listed there may do nothing, whatever introspection says. That is how flags
set wrongly by a migration turn into 403s. It only reads.

Run: `python -m sim.services.authz`.
"""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass
from typing import Any, Literal

from aiohttp import web

from sim.services.admin import AdminApi, AdminDown
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


class Authz:
    """POST /may {token, action} → 200 {allowed, why}; 502 if Hydra gave no usable answer."""

    def __init__(self, admin: AdminApi) -> None:
        self._admin = admin

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
            status, listed = await self._admin.ask("GET", "/oauth2/auth/sessions/consent", side=side,
                                                   query={"subject": str(known["sub"])})
            consents = listed if status == 200 and isinstance(listed, list) else []
        return decide(known, action, consents)


async def serve(ended: asyncio.Event) -> None:
    """Open both listeners, work until `ended`, close."""
    environment = Environment()
    listeners = Listeners()
    admin = AdminApi(environment, "AUTHZ")
    try:
        await listeners.open(environment.listen("AUTHZ_PUBLIC"), Authz(admin).handle)
        await listeners.open(environment.listen("AUTHZ_CONTROL"),
                             control_handler(environment.text("CONTROL_TOKEN"), admin.control))
        await ended.wait()
    finally:
        await listeners.close()
        await admin.close()


if __name__ == "__main__":
    run("authz", serve)
