"""Ready means: it answered a query of its own kind, not that a port is open."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable

import aiohttp

from sim.errors import NotReady, RehearsalError
from sim.rigs.real.engines.engine import Engine
from sim.rigs.real.hydra_api import admin_prefix
from sim.rigs.real.secrets import Secrets
from sim.rigs.real.toxiproxy import Toxiproxy

WITHIN_S = 60.0
"""Assumption: Hydra's first boot makes 4096-bit keys (1.6-2.3 s alone, HYDRA facts); a minute is far beyond."""
EVERY_S = 0.05
_TAIL_BYTES = 1500


async def wait_ready(engine: Engine, service: str, secrets: Secrets, *, lives: Callable[[], Awaitable[bool]]) -> float:
    """Ask until the service answers; the seconds it took.

    Raises NotReady with its last output when it ended or did not answer in time.
    """
    began = time.monotonic()
    last = "nothing"
    while time.monotonic() - began < WITHIN_S:
        try:
            await asyncio.wait_for(ask(engine, service, secrets), 5.0)
            return time.monotonic() - began
        except (OSError, aiohttp.ClientError, TimeoutError, RehearsalError, ValueError) as error:
            last = repr(error)[:200]
        except Exception as error:  # drivers raise their own trees while a server starts
            last = repr(error)[:200]
        if not await lives():
            break
        await asyncio.sleep(EVERY_S)
    raise NotReady(f"{service} did not become ready", where=service, seen=_tail(engine, service) or last,
                   todo=f"its log is {engine.log(service)}")


async def ask(engine: Engine, service: str, secrets: Secrets) -> None:
    """One query of the service's own kind; raises whatever its driver raises if it does not answer."""
    if service.endswith("-postgres"):
        from sim.rigs.real.engines.roles import prepare

        await prepare(engine.direct(service, "sql"), secrets.database)
    elif service.endswith("-hydra"):
        await _hydra(engine, service)
    elif service == "queue":
        await _queue(engine.direct(service, "nats"))
    elif service == "toxiproxy":
        await Toxiproxy(*engine.direct(service, "api")).proxies()
    else:
        await _health(engine.direct(service, "control"), secrets.control)


async def _hydra(engine: Engine, service: str) -> None:
    host, port = engine.direct(service, "admin")
    prefix = admin_prefix(engine.program(service).removeprefix("hydra-"))
    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=4.0)) as session:
        async with session.get(f"http://{host}:{port}/health/ready") as response:
            if response.status != 200:
                raise ValueError(f"ready says {response.status}")
        asked = session.post(f"http://{host}:{port}{prefix}/oauth2/introspect", data={"token": "none.none"})
        async with asked as response:
            told = await response.json(content_type=None)
            if response.status != 200 or told.get("active") is not False:
                raise ValueError(f"introspection says {response.status}")


async def _queue(address: tuple[str, int]) -> None:
    import nats

    # Its default waits two seconds after a refused connection.
    connection = await nats.connect(f"nats://{address[0]}:{address[1]}", allow_reconnect=False, connect_timeout=2,
                                    reconnect_time_wait=0, max_reconnect_attempts=1, error_cb=_silent)
    try:
        await connection.jetstream().account_info()
    finally:
        await connection.close()


async def _silent(error: Exception) -> None:
    """The client prints a traceback for a server that is still starting; the raise says enough."""


async def _health(address: tuple[str, int], token: str) -> None:
    bearer = {"Authorization": f"Bearer {token}"}
    async with (
        aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=3.0), headers=bearer) as session,
        session.get(f"http://{address[0]}:{address[1]}/health") as response,
    ):
        if response.status != 200:
            raise ValueError(f"health says {response.status}")


def _tail(engine: Engine, service: str) -> str:
    try:
        return engine.log(service).read_bytes()[-_TAIL_BYTES:].decode(errors="replace").strip()
    except OSError:
        return ""
