"""Raises the access tokens' lifetime and puts it back, without a restart.

Set on each client (`PUT /clients/:id/lifespans`, 1.11.9+). The other way, a new `ttl` in the
configuration file, is taken up by a running 1.11.10 and 2.3.0 within half a second [tried], but
it is lost when a Hydra starts anew, and green would need it again. A client's own lifetimes are
rows: they outlive a restart and come to green with the copy, so that the lifetime in force
survives the switch. They touch nothing but the client's lifetimes and `updated_at`; its secret
stays good [tried: the whole row compared]. What counts is proven by a token issued afterwards.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final

from sim.errors import StepFailed
from sim.rigs.real.engines.engine import Engine
from sim.rigs.real.hydra_api import HydraApi
from sim.rigs.rig import Client, Clients, Side
from sim.runfolder import write_private

GRANTS: Final = ("authorization_code_grant", "refresh_token_grant", "client_credentials_grant")
"""Grants of this stack that issue access tokens."""
AT_ONCE: Final = 4
"""Assumption: a few calls together (10 ms each) change 100 clients in a fraction of a second."""
ANSWER_S: Final = 5.0
ROUNDING_S: Final = 2.0
"""Source: Hydra says whole seconds, rounded down, and some time passes before it says them."""


class Lifetime:
    """Lifetimes of every client on whichever side serves.

    `access_s` is the stack's own lifetime, `service` a client whose tokens prove what is in force.
    """

    def __init__(self, engine: Engine, clients: Clients, service: Client, access_s: float,
                 prefixes: Mapping[Side, str] = MappingProxyType({"blue": "", "green": "/admin"})) -> None:
        self._prefixes = prefixes
        self._engine, self._clients, self._service = engine, clients, service
        self._own_s = access_s
        self._before: dict[str, dict[str, str | None]] = {}
        """Client → its lifetimes before they were raised."""

    async def set(self, access_s: float | None) -> dict[str, Any]:
        """Make every access token issued from now on live `access_s`; None puts all back as it was.

        Returns {how, side, clients, access_s, verified_expires_in_s, elapsed_s}. Raises StepFailed
        if Hydra refuses, or if a token issued afterwards lives otherwise.
        """
        began = time.monotonic()
        side, _ = await self._issued()
        async with HydraApi(self._engine.direct(f"{side}-hydra", "admin"),
                            prefix=self._prefixes[side]) as api:
            wanted = await self._raised(api, access_s) if access_s is not None else self._as_before()
            await _put(api, wanted)
        if access_s is None:
            self._kept.unlink(missing_ok=True)
        expected_s = self._own_s if access_s is None else access_s
        now_on, seen_s = await self._issued()
        if now_on != side or not expected_s - ROUNDING_S <= seen_s <= expected_s:
            raise StepFailed(f"a token issued now lives {seen_s:g} s, not {expected_s:g} s", where=f"{now_on}-hydra",
                             seen=f"{len(wanted)} clients were set on {side}")
        if access_s is None:
            self._before = {}
        return {"how": "each client's lifespans", "side": side, "clients": len(wanted), "access_s": expected_s,
                "verified_expires_in_s": seen_s, "elapsed_s": round(time.monotonic() - began, 3)}

    async def _raised(self, api: HydraApi, access_s: float) -> dict[str, dict[str, str | None]]:
        """Every client's lifetimes with the access tokens' replaced; remembers them as they were."""
        wanted: dict[str, dict[str, str | None]] = {}
        async for client in api.clients():
            ident = str(client["client_id"])
            now = {name: value for name, value in client.items() if name.endswith("_lifespan")}
            self._before.setdefault(ident, now)
            wanted[ident] = {**now, **{f"{grant}_access_token_lifespan": go_duration(access_s) for grant in GRANTS}}
        await asyncio.to_thread(write_private, self._kept, json.dumps(self._before))
        return wanted

    @property
    def _kept(self) -> Path:
        """What they were, on the disk: whoever goes on after a kill must put it back too."""
        return self._engine.run_dir / "lifetime.json"

    def _as_before(self) -> dict[str, dict[str, str | None]]:
        if not self._before and self._kept.exists():
            self._before = json.loads(self._kept.read_text())
        return self._before

    async def _issued(self) -> tuple[Side, float]:
        """(who serves, seconds that a token issued now lives)."""
        try:
            answer = await self._clients.client_credentials(self._service, timeout_s=ANSWER_S)
        except (OSError, TimeoutError) as error:
            raise StepFailed("no token is issued, so no lifetime can be proven", where="edge",
                             seen=type(error).__name__) from error
        if answer.status != 200 or answer.route is None or "expires_in" not in answer.body:
            raise StepFailed("no token is issued, so no lifetime can be proven", where="edge",
                             seen=f"status {answer.status} {answer.body.get('error', '')}".rstrip())
        return answer.route, float(answer.body["expires_in"])


async def _put(api: HydraApi, wanted: dict[str, dict[str, str | None]]) -> None:
    gate = asyncio.Semaphore(AT_ONCE)

    async def one(client_id: str, lifespans: dict[str, str | None]) -> None:
        async with gate:
            await api.put_lifespans(client_id, lifespans)

    try:
        async with asyncio.TaskGroup() as group:
            for client_id, lifespans in wanted.items():
                group.create_task(one(client_id, lifespans))
    except* StepFailed as failed:
        raise failed.exceptions[0] from None


def go_duration(seconds: float) -> str:
    """As Hydra writes durations, to the millisecond."""
    return f"{round(seconds * 1000)}ms"
