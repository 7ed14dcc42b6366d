"""GET /metrics on loopback, answered from the harness's own loop.

The text is made when it is asked for, in well under a millisecond, so that being looked at every
few seconds makes no send late. It listens on 127.0.0.1 alone: it has no password.
"""

from __future__ import annotations

import errno
from collections.abc import Callable

from aiohttp import web

from sim.errors import BadInput
from sim.report.exposition import CONTENT_TYPE

LOOPBACK = "127.0.0.1"
SHUTDOWN_S = 1.0
"""Assumption: an answer under way takes a millisecond; nobody waits longer for the run to end."""


class Exposing:
    """The endpoint of one run."""

    def __init__(self, text: Callable[[], str]) -> None:
        self._text = text
        self._runner: web.AppRunner | None = None

    async def start(self, port: int) -> str:
        """Listen on that port, 0 = any that is free; returns the URL.

        Raises BadInput if the port is taken.
        """
        app = web.Application()
        app.router.add_get("/metrics", self._answer)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=SHUTDOWN_S)
        await self._runner.setup()
        try:
            await web.TCPSite(self._runner, LOOPBACK, port).start()
        except OSError as error:
            await self.close()
            seen = "it is in use" if error.errno == errno.EADDRINUSE else str(error)
            raise BadInput(f"port {port} cannot be had for /metrics", where="--metrics", seen=seen,
                           todo="--metrics 0 takes a free one") from error
        return f"http://{LOOPBACK}:{self._runner.addresses[0][1]}/metrics"

    async def close(self) -> None:
        """Stop listening."""
        if self._runner is not None:
            await self._runner.cleanup()
            self._runner = None

    async def _answer(self, request: web.Request) -> web.Response:
        return web.Response(body=self._text().encode(), headers={"Content-Type": CONTENT_TYPE})
