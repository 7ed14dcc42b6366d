"""How each service runs: uvloop, plain aiohttp listeners, a control listener, a clean end.

The low-level `web.Server` is used, without an Application: no router, no middlewares, no
access log. That is most of the difference between 0.6 and 0.3 ms of CPU a request, and a
request line with a token in it is never written anywhere.
"""

from __future__ import annotations

import asyncio
import hmac
import json
import logging
import resource
import signal
import sys
from collections.abc import Awaitable, Callable
from typing import Any

import uvloop
from aiohttp import web
from aiohttp.http_exceptions import HttpProcessingError

from sim.services import clock
from sim.services.headers import BadFraming
from sim.services.settings import BadSetting, Listen
from sim.services.silent import Impatient

Handler = Callable[[web.BaseRequest], Awaitable[web.StreamResponse]]
Control = Callable[[str, str, dict[str, Any]], Awaitable[tuple[int, dict[str, Any]]]]
"""(method, path, JSON body) → (status, JSON answer)."""

FIELD_BYTES = 32 * 1024
"""Assumption: 2.2+ keeps a login's state in its challenge, URLs and cookies of some 2-6 kB."""
END_GRACE_S = 3.0
"""Assumption: what is under way at SIGTERM gets this long; a container's stop waits ten seconds."""


BODY_BYTES = 64 * 1024
"""Assumption: no form of OAuth comes near it."""
BODY_S = 5.0
"""Assumption: a client that sends its form slower than this has given up by its own 5 s."""


class TooLong(Exception):
    """The body is over BODY_BYTES."""


async def read_body(request: web.BaseRequest) -> bytes:
    """The whole body; raises TooLong, TimeoutError (it did not come) or BadFraming."""
    if not request.body_exists:
        return b""
    if (request.content_length or 0) > BODY_BYTES:
        raise TooLong
    content = request.content
    if request.headers.get("Expect", "").lower() == "100-continue" and request.transport is not None:
        request.transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")
    parts: list[bytes] = []
    size = 0
    try:
        async with asyncio.timeout(BODY_S):
            while part := await content.readany():
                size += len(part)
                if size > BODY_BYTES:
                    raise TooLong
                parts.append(part)
    except (HttpProcessingError, ConnectionError, web.RequestPayloadError) as error:
        raise BadFraming("the body ended badly") from error
    return b"".join(parts)


class Listeners:
    """The open listeners of one process."""

    def __init__(self) -> None:
        self._open: list[tuple[asyncio.AbstractServer, Impatient]] = []

    async def open(self, at: Listen, handler: Handler) -> None:
        """Answer HTTP/1.1 on `at`; raises OSError if the port is taken."""
        server = Impatient(
            handler, access_log=None, logger=logging.getLogger("http"), auto_decompress=False,
            max_line_size=FIELD_BYTES, max_field_size=FIELD_BYTES, max_headers=100,
            keepalive_timeout=75.0, lingering_time=1.0,
        )
        loop = asyncio.get_running_loop()
        self._open.append((await loop.create_server(server, at.host, at.port, backlog=1024), server))

    async def close(self) -> None:
        """Take no new connections, let what is under way finish, close."""
        for listener, server in self._open:
            listener.close()
            server.pre_shutdown()
        await asyncio.gather(*(server.shutdown(END_GRACE_S) for _, server in self._open))
        self._open.clear()


def control_handler(token: str, control: Control) -> Handler:
    """A JSON control listener: GET /health is open, everything else needs the bearer token.

    A ValueError or KeyError of `control` is the caller's mistake (400). `/clock` is the same for every service.
    """
    expected = f"Bearer {token}".encode()

    async def handle(request: web.BaseRequest) -> web.StreamResponse:
        path = request.message.path
        if (request.method, path) == ("GET", "/health"):
            return answer_json(200, {"status": "ok"})
        given = request.headers.get("Authorization", "").encode()
        if not token or not hmac.compare_digest(given, expected):
            return answer_json(401, {"error": "bearer token required"})
        try:
            content = await read_body(request)
            body = json.loads(content) if content else {}
            status, answer = clock.control(request.method, body) if path == "/clock" else await control(
                request.method, path, body)
        except (ValueError, KeyError, TypeError) as error:
            return answer_json(400, {"error": f"{type(error).__name__}: {error}"})
        except (TooLong, TimeoutError, BadFraming):
            return answer_json(413, {"error": "the body is too long or did not come"})
        return answer_json(status, answer)

    return handle


def answer_json(status: int, body: dict[str, Any], headers: dict[str, str] | None = None) -> web.Response:
    """A JSON answer; never cached."""
    return web.Response(status=status, body=json.dumps(body).encode(),
                        headers={"Content-Type": "application/json", "Cache-Control": "no-store", **(headers or {})})


def usage() -> dict[str, float]:
    """{rss_bytes, cpu_s} of this process."""
    with open("/proc/self/statm", encoding="ascii") as statm:
        pages = int(statm.read().split()[1])
    spent = resource.getrusage(resource.RUSAGE_SELF)
    return {"rss_bytes": pages * resource.getpagesize(), "cpu_s": round(spent.ru_utime + spent.ru_stime, 3)}


def run(service: str, serve: Callable[[asyncio.Event], Awaitable[None]]) -> None:
    """Run `serve` until SIGTERM or SIGINT sets its event; it must close what it opened.

    Exits with 78 and one line if the environment is wrong.
    """
    logging.basicConfig(level=logging.WARNING, stream=sys.stderr,
                        format=f"%(asctime)s {service} %(levelname)s %(name)s: %(message)s")
    logging.getLogger("nats").setLevel(logging.CRITICAL)  # its default callback prints whole tracebacks of a cut

    async def main() -> None:
        ended = asyncio.Event()
        loop = asyncio.get_running_loop()
        for sign in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(sign, ended.set)
        await serve(ended)

    try:
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            runner.run(main())
    except BadSetting as error:
        print(f"{service}: {error}", file=sys.stderr)
        raise SystemExit(78) from None
