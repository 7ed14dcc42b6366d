"""The screen in a browser (`rehearse watch --serve`): textual-serve on loopback, for this machine's own pages.

A page of any web site may open a connection to loopback, so whoever asks must come from the served page
itself: its browser tells by Origin and Host. There is no password.
"""

from __future__ import annotations

import errno
import shlex
import socket
from collections.abc import Awaitable, Callable

from aiohttp import web
from textual_serve.server import Server

from sim.cli.output import progress
from sim.errors import BadInput
from sim.paths import data

LOOPBACK = "127.0.0.1"
"""Whoever can open the page sees everything: never another interface."""

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class LoopbackServer(Server):
    """Serves a command's screen; refuses what other sites' pages ask."""

    async def _make_app(self) -> web.Application:
        app = await super()._make_app()
        own = {f"{host}:{self.port}" for host in (LOOPBACK, "localhost")}

        @web.middleware
        async def only_own_pages(request: web.Request, handler: Handler) -> web.StreamResponse:
            origin = request.headers.get("Origin", f"http://{LOOPBACK}:{self.port}")
            if request.host not in own or origin.removeprefix("http://") not in own:
                raise web.HTTPForbidden(text="only the page of this server itself may ask\n")
            return await handler(request)

        app.middlewares.append(only_own_pages)
        return app


def in_browser(command: list[str], port: int) -> None:
    """Serve the screen until interrupted; each page that is opened is a screen of its own.

    Raises BadInput if the port can't be had.
    """
    port = _had(port)
    progress(f"http://{LOOPBACK}:{port}  (ctrl+c ends it{'; read-only' if '--read-only' in command else ''})")
    page = data("tui", "browser")  # the server's own asks for a font on the internet
    try:
        LoopbackServer(shlex.join(command), host=LOOPBACK, port=port, title="rehearse", templates_path=page).serve()
    except OSError as error:
        raise _taken(port, error) from error


def _had(port: int) -> int:
    """The port, tried; of 0 a free one."""
    with socket.socket() as tried:
        tried.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # what just ended may have left it waiting
        try:
            tried.bind((LOOPBACK, port))
        except OSError as error:
            raise _taken(port, error) from error
        return int(tried.getsockname()[1])


def _taken(port: int, error: OSError) -> BadInput:
    seen = "it is in use" if error.errno == errno.EADDRINUSE else str(error.strerror or error)
    return BadInput(f"port {port} cannot be had for the page", where="--port", seen=seen,
                    todo="--port 0 takes a free one")
