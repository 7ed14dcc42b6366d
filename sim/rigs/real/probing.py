"""One functional probe a link: something that part really does through that link.

A link is proven to be in the path if its probe sees a toxic put on it. Byte counters prove
nothing (they move when a connection closes), and a probe straight at the proxy would prove
the proxy, not that the part goes through it.
"""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable

import aiohttp

from sim.errors import StepFailed
from sim.rigs.real.controls import Controls
from sim.rigs.real.engines.engine import Engine
from sim.scenario.replicas import origin

NONSENSE = "rehearsal-probe-token.that-never-was"
"""No token: a probe must not touch anything that lives."""
JOB_DEADLINE_S = 20.0

Probe = Callable[[float], Awaitable[float | None]]
"""Does its work or raises; the argument is its time limit in seconds. Returns the seconds it took where it
measured them itself: a job is started first, and on a busy machine that takes longer than its question."""


class Probing:
    """Probes of a running stack, by link."""

    def __init__(self, engine: Engine, controls: dict[str, Controls], issuer_host: str,
                 login_host: str, green_prefix: str = "/admin") -> None:
        self._green_prefix = green_prefix
        self._engine, self._controls = engine, controls
        self._issuer_host, self._login_host = issuer_host, login_host

    async def elapsed(self, link: str, *, limit_s: float) -> float:
        """Seconds the link's probe took.

        Raises TimeoutError (no answer), OSError or aiohttp.ClientError (refused, reset), or
        StepFailed if there is no probe for it.
        """
        began = time.monotonic()
        own_s = await self._probe(link)(limit_s)
        return time.monotonic() - began if own_s is None else own_s

    def _probe(self, link: str) -> Probe:
        source, _, target = link.partition("->")
        target, _, port = target.partition(":")
        side = target.split("-")[0]
        match origin(source), origin(target):
            case "clients", "edge":
                return self._get(self._engine.link(link), "/.well-known/jwks.json", self._issuer_host)
            case "resource-servers", "edge":
                return self._introspect(self._engine.link(link))
            case "clients", "login-consent":
                return self._get(self._engine.link(link), "/login?login_challenge=none", self._login_host)
            case "clients", "authz":
                return self._may(self._engine.link(link))
            case "edge" | "authz" | "login-consent", "blue-hydra" | "green-hydra":
                return self._control(source, f"{side}-{port}")
            case "edge", "blue-postgres" | "green-postgres" | "queue":
                return self._control(source, target)
            case "blue-hydra" | "green-hydra", _:
                prefix = self._green_prefix if source == "green-hydra" else ""
                return self._keys(self._engine.direct(source, "admin"), prefix)
            case "copier" | "migrator", _:
                return self._postgres_job(link)
            case "replayer", _:
                return self._python_job(link)
        raise StepFailed(f"no probe is known for the link {link}", where=link)

    def _get(self, address: tuple[str, int], path: str, host: str) -> Probe:
        async def probe(limit_s: float) -> None:
            await self._request("GET", address, path, limit_s, headers={"Host": host})
        return probe

    def _introspect(self, address: tuple[str, int]) -> Probe:
        async def probe(limit_s: float) -> None:
            await self._request("POST", address, "/oauth2/introspect", limit_s, data={"token": NONSENSE})
        return probe

    def _keys(self, address: tuple[str, int], prefix: str) -> Probe:
        """Hydra reads its keys from its database, and says 500 if it can't; introspection would answer 200."""

        async def probe(limit_s: float) -> None:
            status = await self._request("GET", address, f"{prefix}/keys/hydra.openid.id-token", limit_s)
            if status >= 500:
                raise ConnectionError(f"Hydra can't read its database: {status}")
        return probe

    def _may(self, address: tuple[str, int]) -> Probe:
        async def probe(limit_s: float) -> None:
            await self._request("POST", address, "/may", limit_s, json={"token": NONSENSE, "action": "probe"})
        return probe

    def _control(self, part: str, target: str) -> Probe:
        async def probe(limit_s: float) -> None:
            try:
                await self._controls[part].ask("POST", "/probe", {"target": target, "limit_s": limit_s},
                                               deadline_s=limit_s + 1.0)
            except StepFailed as failed:
                raise ConnectionError(failed.seen) from failed
        return probe

    def _postgres_job(self, link: str) -> Probe:
        host, _, port = self._engine.inside(link).partition(":")

        async def probe(limit_s: float) -> None:
            result = await self._engine.job(
                "copier", ["psql", "-h", host, "-p", port, "-U", "rehearse", "-d", "hydra", "-Atc", "select 1"],
                environment={"PGCONNECT_TIMEOUT": str(max(2, round(limit_s)))},
                deadline_s=min(JOB_DEADLINE_S, limit_s + 2.0))
            if result.exit_code:
                raise ConnectionError(result.tail[-200:])
        return probe

    def _python_job(self, link: str) -> Probe:
        host, _, port = self._engine.inside(link).partition(":")
        # NATS greets by itself. A Postgres and a Hydra wait for the client to speak first: an SSLRequest
        # (PostgreSQL protocol, message flow, "SSL Session Encryption"), or a request.
        speak = ""
        if "-postgres" in link:
            speak = "s.sendall(bytes([0,0,0,8,4,210,22,47]));"
        elif "-hydra" in link:
            speak = "s.sendall(b'GET /health/ready HTTP/1.0\\r\\n\\r\\n');"
        code = ("import socket,time;t=time.monotonic();"
                f"s=socket.create_connection(({host!r},{port}),20);s.settimeout(20);{speak}"
                "told=s.recv(1);print(time.monotonic()-t);raise SystemExit(not told)")

        async def probe(limit_s: float) -> float:
            result = await self._engine.job("replayer", ["python", "-I", "-S", "-c", code], environment={},
                                            deadline_s=min(JOB_DEADLINE_S, limit_s + 2.0))
            if result.exit_code:
                raise ConnectionError(result.tail[-200:])
            try:
                return float(result.tail.splitlines()[-1])
            except (ValueError, IndexError):
                raise ConnectionError(f"the probe said {result.tail[-100:]!r}") from None
        return probe

    async def _request(self, method: str, address: tuple[str, int], path: str, limit_s: float, *,
                       headers: dict[str, str] | None = None, data: dict[str, str] | None = None,
                       json: dict[str, str] | None = None) -> int:
        timeout = aiohttp.ClientTimeout(total=limit_s)
        async with (
            aiohttp.ClientSession(timeout=timeout) as session,
            session.request(method, f"http://{address[0]}:{address[1]}{path}", headers=headers, data=data,
                            json=json, allow_redirects=False) as response,
        ):
            await response.read()
            return response.status
