"""Hydra's admin API as our own apps use it: one current side, old or new paths by configuration.

A side is switched while the app runs; a request keeps the side it began with.
"""

from __future__ import annotations

from typing import Any

import aiohttp

from sim.services.settings import SIDES, Environment, Side
from sim.services.upstream import client_session


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
        self.side: Side = "green" if environment.choice(f"{service}_SIDE", SIDES) == "green" else "blue"

    async def ask(self, method: str, path: str, *, side: Side | None = None, query: dict[str, str] | None = None,
                  json: dict[str, Any] | None = None, form: dict[str, str] | None = None) -> tuple[int, Any]:
        """(status, JSON answer or None) of `side`, by default the current one; `path` without prefix.

        Raises AdminDown, also for 5xx.
        """
        try:
            async with self._session.request(method, self._base[side or self.side] + path, params=query,
                                             json=json, data=form, allow_redirects=False) as response:
                if response.status >= 500:
                    raise AdminDown(f"{method} {path}: {response.status}")
                content = await response.read()
                return response.status, (await response.json(content_type=None)) if content else None
        except (aiohttp.ClientError, OSError, TimeoutError, ValueError) as error:
            raise AdminDown(f"{method} {path}: {type(error).__name__}") from error

    async def control(self, method: str, path: str, body: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        """PUT /side {to} → {side}; GET /status → {side}; POST /probe {target} → {}, 502 if it does not answer."""
        match (method, path):
            case ("PUT", "/side"):
                to = body["to"]
                if to not in SIDES:
                    raise ValueError("blue or green")
                self.side = to
                return 200, {"side": self.side}
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

    async def close(self) -> None:
        """Close every connection."""
        await self._session.close()
