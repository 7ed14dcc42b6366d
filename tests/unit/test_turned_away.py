"""Connections that come while there is no room even to wait."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from aiohttp import web

from sim.services import turned_away
from sim.services.serving import Listeners, answer_json, as_bytes
from sim.services.settings import Listen

ANSWER = as_bytes(answer_json(503, {"error": "temporarily_unavailable"}, {"Retry-After": "1"}))
ASK = b"POST /x HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\n"


@asynccontextmanager
async def listening(port: int, answers: list[bytes | None]) -> AsyncIterator[list[str]]:
    """A listener whose connections are told these, in turn; afterwards all are served."""
    served: list[str] = []

    async def handle(request: web.BaseRequest) -> web.StreamResponse:
        served.append(request.path)
        return web.Response(text="served")

    listeners = Listeners()
    await listeners.open(Listen("127.0.0.1", port), handler=handle,
                         turn_away=lambda: answers.pop(0) if answers else None)
    try:
        yield served
    finally:
        await listeners.close()


async def told(port: int, *parts: bytes) -> bytes:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    for part in parts:
        writer.write(part)
        await asyncio.sleep(0.02)
    head = await reader.readuntil(b"\r\n\r\n")
    length = next(int(line.split(b":")[1]) for line in head.lower().splitlines() if line.startswith(b"content-length"))
    body = await reader.readexactly(length)
    writer.close()
    return head + body


async def test_it_is_told_so_before_anything_is_made_for_it_and_the_next_is_served(unused_tcp_port: int) -> None:
    async with listening(unused_tcp_port, [ANSWER, ANSWER]) as served:
        for parts in ((ASK + b"a=b",), (ASK, b"a=b")):  # its body may come later: it is read, and nothing is reset
            got = await told(unused_tcp_port, *parts)
            assert got.startswith(b"HTTP/1.1 503 Service Unavailable\r\n")
            assert b"\r\nRetry-After: 1\r\n" in got and b"\r\nConnection: close\r\n" in got
            assert got.endswith(b'{"error": "temporarily_unavailable"}')
        assert served == []
        assert b"served" in await told(unused_tcp_port, ASK + b"a=b")
        assert served == ["/x"]


@pytest.mark.parametrize("asks", [True, False])
async def test_whoever_stays_is_hung_up_on(asks: bool, unused_tcp_port: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(turned_away, "SILENT_S", 0.1)
    monkeypatch.setattr(turned_away, "LINGER_S", 0.1)
    async with listening(unused_tcp_port, [ANSWER]):
        reader, writer = await asyncio.open_connection("127.0.0.1", unused_tcp_port)
        if asks:
            writer.write(ASK + b"a=b")
        try:
            async with asyncio.timeout(3):
                assert bool(await reader.read()) == asks
        except ConnectionResetError:
            assert not asks
        writer.close()
