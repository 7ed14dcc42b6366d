"""Hydra's admin API as our own apps use it: one current side, old or new paths by configuration.

A side is switched while the app runs; a request keeps the side it began with. While the side's
Hydra is exchanged, questions to it are held, as requests are at the edge: this way does not lead
over the edge.
"""

from __future__ import annotations

import asyncio
from typing import Any

import aiohttp

from sim.services.gate import Gate, Shed
from sim.services.settings import SIDES, Environment, Side
from sim.services.under_way import UnderWay
from sim.services.upstream import client_session

HOLD_S, HELD_MOST = 3.0, 2000
"""How long a question is held, and how many are: what the edge's buffer does by default."""
HELD_BY_ITSELF_S = 10.0
"""Assumption: an exchange takes a second; whoever asked for the hold and died does not keep it longer than this."""


class AdminDown(Exception):
    """Hydra's admin API gave no usable answer."""


class AdminApi:
    """The admin APIs of both sides, and which one is asked. Made and closed inside the loop."""

    def __init__(self, environment: Environment, service: str) -> None:
        """Reads `<SERVICE>_<SIDE>_ADMIN` (base URL), `<SERVICE>_<SIDE>_PREFIX` ('' or '/admin'), `<SERVICE>_SIDE`."""
        self._base = {
            side: environment.base_url(f"{service}_{side.upper()}_ADMIN")
            + environment.text(f"{service}_{side.upper()}_PREFIX", "")
            for side in SIDES
        }
        self._session = client_session(own_headers=("Content-Type",))
        self._gate, self._under_way = Gate(wait_s=HOLD_S, waiting_max=HELD_MOST), UnderWay()
        self._letting_go: asyncio.TimerHandle | None = None
        self.side: Side = "green" if environment.choice(f"{service}_SIDE", SIDES) == "green" else "blue"

    async def ask(self, method: str, path: str, *, side: Side | None = None, query: dict[str, str] | None = None,
                  json: dict[str, Any] | None = None, form: dict[str, str] | None = None) -> tuple[int, Any]:
        """(status, JSON answer or None) of `side`, by default the current one; `path` without prefix.

        Raises AdminDown, also for 5xx and for what was held too long.
        """
        try:
            await self._gate.wait(0)
        except Shed as error:
            raise AdminDown(f"{method} {path}: {error.reason}") from None
        try:
            with self._under_way:
                async with self._session.request(method, self._base[side or self.side] + path, params=query,
                                                 json=json, data=form, allow_redirects=False) as response:
                    if response.status >= 500:
                        raise AdminDown(f"{method} {path}: {response.status}")
                    content = await response.read()
                    return response.status, (await response.json(content_type=None)) if content else None
        except (aiohttp.ClientError, OSError, TimeoutError, ValueError) as error:
            raise AdminDown(f"{method} {path}: {type(error).__name__}") from error

    async def control(self, method: str, path: str, body: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        """What the harness asks of it.

        PUT /side {to} → {side}; GET /status → {side}; POST /probe {target} → {}, 502 if it does not answer;
        PUT /hold {on, deadline_s} → {in_flight}: questions wait, or go on; those under way are awaited.
        """
        match (method, path):
            case ("PUT", "/side"):
                to = body["to"]
                if to not in SIDES:
                    raise ValueError("blue or green")
                self.side = to
                return 200, {"side": self.side}
            case ("PUT", "/hold"):
                return 200, {"in_flight": await self._hold(bool(body["on"]), float(body.get("deadline_s", 0.0)))}
            case ("GET", "/status"):
                return 200, {"side": self.side}
            case ("POST", "/probe"):
                side = body["target"].partition("-")[0]
                if side not in SIDES:
                    raise ValueError("blue-admin or green-admin")
                try:
                    await self.ask("POST", "/oauth2/introspect", side=side, form={"token": "none.none"})
                except AdminDown as error:
                    return 502, {"error": "AdminDown", "why": str(error)}
                return 200, {}
            case _:
                return 404, {"error": "no such call"}

    async def _hold(self, on: bool, deadline_s: float) -> int:
        if self._letting_go is not None:
            self._letting_go.cancel()
            self._letting_go = None
        if not on:
            self._gate.open()
            return 0
        self._gate.shut()
        self._letting_go = asyncio.get_running_loop().call_later(HELD_BY_ITSELF_S, self._gate.open)
        return await self._under_way.drained(deadline_s)

    async def close(self) -> None:
        """Close every connection."""
        await self._hold(False, 0.0)
        await self._session.close()
