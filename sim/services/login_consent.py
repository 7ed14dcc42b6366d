"""The login and consent app of the OAuth flow, for simulated people.

It does what a real one does, over Hydra's admin API: it fetches the challenge, decides, and
sends the browser back. The person is the header `X-Rehearse-Subject`, set by the simulated
browser the way somebody types a name; everybody agrees to everything. It revokes nothing.

`Rehearse-Skip: 1|0` on an answer tells whether Hydra knew the browser (login) or the consent
already. Run: `python -m sim.services.login_consent`.
"""

from __future__ import annotations

import asyncio
from typing import Any

from aiohttp import web
from multidict import MultiDict

from sim.services.admin import AdminApi, AdminDown
from sim.services.forms import BadForm, parse_form
from sim.services.serving import Listeners, answer_json, control_handler, run
from sim.services.settings import BadSetting, Environment, Side

_REQUESTS = "/oauth2/auth/requests"


class Pages:
    """The three pages a browser is sent to, and the one that shows an error."""

    def __init__(self, admin: AdminApi, *, remember_s: int | None) -> None:
        self._admin = admin
        self._remember_s = remember_s
        """How long logins and consents are remembered: 0 for ever, None not at all."""

    async def handle(self, request: web.BaseRequest) -> web.StreamResponse:
        """GET /login, /consent, /logout with their challenge; GET /error."""
        path, _, query = request.message.path.partition("?")
        side = self._admin.side
        try:
            arguments = parse_form(query.encode())
            if request.method != "GET":
                return answer_json(405, {"error": "method_not_allowed"})
            match path:
                case "/login":
                    return await self._login(side, arguments["login_challenge"],
                                             request.headers.get("X-Rehearse-Subject"))
                case "/consent":
                    return await self._consent(side, arguments["consent_challenge"])
                case "/logout":
                    return await self._logout(side, arguments["logout_challenge"])
                case "/error":
                    return answer_json(400, {name: arguments.get(name, "") for name in ("error", "error_description")})
                case _:
                    return answer_json(404, {"error": "not_found"})
        except (BadForm, KeyError):
            return answer_json(400, {"error": "invalid_request", "error_description": "no challenge"})
        except AdminDown as error:
            return answer_json(502, {"error": "temporarily_unavailable", "error_description": str(error)})

    async def _login(self, side: Side, challenge: str, typed: str | None) -> web.Response:
        status, asked = await self._admin.ask("GET", f"{_REQUESTS}/login", side=side,
                                              query={"login_challenge": challenge})
        if status != 200:
            return _unusable(status, asked)
        is_skipped = bool(asked["skip"])
        subject = asked["subject"] if is_skipped else typed
        if not subject:
            return answer_json(400, {"error": "login_required", "error_description": "nobody typed a name"})
        return await self._accept(side, "login", challenge, {"subject": subject, **self._remembered()}, is_skipped)

    async def _consent(self, side: Side, challenge: str) -> web.Response:
        status, asked = await self._admin.ask("GET", f"{_REQUESTS}/consent", side=side,
                                              query={"consent_challenge": challenge})
        if status != 200:
            return _unusable(status, asked)
        granted = {
            "grant_scope": asked.get("requested_scope") or [],
            "grant_access_token_audience": asked.get("requested_access_token_audience") or [],
            **self._remembered(),
        }
        return await self._accept(side, "consent", challenge, granted, bool(asked["skip"]))

    async def _logout(self, side: Side, challenge: str) -> web.Response:
        return await self._accept(side, "logout", challenge, None, False)

    async def _accept(self, side: Side, what: str, challenge: str, decision: dict[str, Any] | None,
                      is_skipped: bool) -> web.Response:
        status, answer = await self._admin.ask("PUT", f"{_REQUESTS}/{what}/accept", side=side,
                                               query={f"{what}_challenge": challenge}, json=decision)
        if status != 200:
            return _unusable(status, answer)
        return _redirect(answer["redirect_to"], is_skipped)

    def _remembered(self) -> dict[str, Any]:
        if self._remember_s is None:
            return {"remember": False}
        return {"remember": True, "remember_for": self._remember_s}


def _redirect(to: str, is_skipped: bool) -> web.Response:
    return web.Response(status=302, headers=MultiDict({"Location": to, "Rehearse-Skip": "1" if is_skipped else "0",
                                                       "Cache-Control": "no-store"}))


def _unusable(status: int, answer: Any) -> web.Response:
    """A used challenge says where to go on (410); any other has no way on from here."""
    if isinstance(answer, dict) and isinstance(answer.get("redirect_to"), str):
        return _redirect(answer["redirect_to"], False)
    return answer_json(status, {"error": "unknown_challenge", "error_description": f"Hydra said {status}"})


def remember_s(environment: Environment) -> int | None:
    """LOGIN_REMEMBER_S: seconds, 0 for ever, `no` for not at all."""
    text = environment.text("LOGIN_REMEMBER_S", "0")
    if text == "no":
        return None
    if not text.isdigit():
        raise BadSetting("LOGIN_REMEMBER_S", "is neither whole seconds nor `no`")
    return int(text)


async def serve(ended: asyncio.Event) -> None:
    """Open both listeners, work until `ended`, close."""
    environment = Environment()
    listeners = Listeners()
    admin = AdminApi(environment, "LOGIN")
    try:
        pages = Pages(admin, remember_s=remember_s(environment))
        await listeners.open(environment.listen("LOGIN_PUBLIC"), pages.handle)
        await listeners.open(environment.listen("LOGIN_CONTROL"),
                             control_handler(environment.text("CONTROL_TOKEN"), admin.control))
        await ended.wait()
    finally:
        await listeners.close()
        await admin.close()


if __name__ == "__main__":
    run("login-consent", serve)
