"""The listeners of our services: who says nothing, or too slowly, does not stay."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator

import pytest
from aiohttp import web

from sim.services import silent
from sim.services.serving import Listeners
from sim.services.settings import Listen

REQUEST = b"GET / HTTP/1.1\r\nHost: auth.rehearse.test\r\n\r\n"


@contextlib.asynccontextmanager
async def listening() -> AsyncIterator[int]:
    """The port of a listener that answers 204."""
    async def handle(request: web.BaseRequest) -> web.StreamResponse:
        return web.Response(status=204)

    listeners = Listeners()
    with contextlib.closing(await asyncio.start_server(lambda r, w: None, "127.0.0.1", 0)) as free:
        port = free.sockets[0].getsockname()[1]
    await listeners.open(Listen("127.0.0.1", port), handle)
    try:
        yield port
    finally:
        await listeners.close()


async def answer(reader: asyncio.StreamReader) -> bytes:
    async with asyncio.timeout(5):
        return await reader.readuntil(b"\r\n\r\n")


async def test_a_head_that_drips_in_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(silent, "HEAD_S", 0.4)
    async with listening() as port:
        begun_s = time.monotonic()
        drips = [await asyncio.open_connection("127.0.0.1", port) for _ in range(20)]
        gone = asyncio.gather(*(reader.read() for reader, _ in drips), return_exceptions=True)
        for _, writer in drips:
            writer.write(b"GET / HTTP/1.1\r\nX-Slow: ")
        for _ in range(200):
            if gone.done():
                break
            for _, writer in drips:
                writer.write(b"a")
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(REQUEST)
            assert (await answer(reader)).startswith(b"HTTP/1.1 204"), "others are served meanwhile"
            writer.close()
            await asyncio.sleep(0.02)
        assert gone.done() and 0.3 < time.monotonic() - begun_s < 3.0


async def test_who_has_asked_once_may_be_silent_for_a_while(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(silent, "HEAD_S", 0.2)
    async with listening() as port:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        for _ in range(2):
            writer.write(REQUEST)
            assert (await answer(reader)).startswith(b"HTTP/1.1 204")
            await asyncio.sleep(0.4)
        writer.close()


async def test_one_connection_too_many_is_closed_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(silent, "CONNECTIONS", 2)
    async with listening() as port:
        kept = [await asyncio.open_connection("127.0.0.1", port) for _ in range(2)]
        reader, _ = await asyncio.open_connection("127.0.0.1", port)
        async with asyncio.timeout(5):
            with contextlib.suppress(ConnectionError):
                assert await reader.read() == b""
        kept[0][1].write(REQUEST)
        assert (await answer(kept[0][0])).startswith(b"HTTP/1.1 204")
        for _, writer in kept:
            writer.close()
