"""Who opens connections and says nothing on them: closed after a while, and never more than so many."""

from __future__ import annotations

import asyncio
from typing import Any

from aiohttp import web
from aiohttp.web_protocol import RequestHandler

HEAD_S = 30.0
"""Assumption: a client has given up after 5 s; a link with 30 s of latency on it still gets its request through.
Later requests of a connection have the 75 s of its keep-alive."""
CONNECTIONS = 4096
"""Assumption: ten times what the traffic's clients open; a connection takes some 20 kB."""


class Impatient(web.Server):
    """aiohttp's server; a connection whose first request has not come in time is closed."""

    def __init__(self, handler: Any, **settings: Any) -> None:
        super().__init__(handler, request_factory=self._heard, **settings)
        self._silent: dict[RequestHandler, asyncio.TimerHandle] = {}
        self._open = 0

    def connection_made(self, handler: RequestHandler, transport: asyncio.Transport) -> None:
        """A new connection; one too many is closed at once."""
        super().connection_made(handler, transport)
        self._open += 1
        wait_s = HEAD_S if self._open <= CONNECTIONS else 0.0
        self._silent[handler] = asyncio.get_running_loop().call_later(wait_s, transport.abort)

    def connection_lost(self, handler: RequestHandler, exc: BaseException | None = None) -> None:
        """It is gone."""
        self._open -= 1
        self._spoke(handler)
        super().connection_lost(handler, exc)

    def _heard(self, message: Any, payload: Any, protocol: RequestHandler, writer: Any,
               task: asyncio.Task[None]) -> web.BaseRequest:
        """A whole head has come."""
        self._spoke(protocol)
        return web.BaseRequest(message, payload, protocol, writer, task, asyncio.get_running_loop())

    def _spoke(self, handler: RequestHandler) -> None:
        timer = self._silent.pop(handler, None)
        if timer is not None:
            timer.cancel()
