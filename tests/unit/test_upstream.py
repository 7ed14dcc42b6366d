"""One request is sent once: aiohttp's silent resend is off. And the buffer, without a network."""

from __future__ import annotations

import asyncio

import aiohttp
import pytest
from multidict import CIMultiDict

from sim.services.gate import BYTES_MAX, Gate, Shed
from sim.services.upstream import Lost, NotSent, Upstream


class Dropping:
    """Answers the first request of a connection and drops the connection at the second."""

    def __init__(self) -> None:
        self.requests = 0

    async def __aenter__(self) -> str:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        host, port = self._server.sockets[0].getsockname()
        return f"http://{host}:{port}"

    async def __aexit__(self, *_: object) -> None:
        self._server.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        for n in range(2):
            try:
                await reader.readuntil(b"\r\n\r\n")
            except asyncio.IncompleteReadError:
                break
            self.requests += 1
            if n == 0:
                writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
        writer.close()


@pytest.mark.parametrize("method", ["GET", "DELETE", "PUT", "POST"])
async def test_nothing_is_sent_twice(method: str) -> None:
    dropping = Dropping()
    async with dropping as url:
        upstream = Upstream(url)
        try:
            assert (await upstream.ask(method, "/x", CIMultiDict(Host="h"), b"")).body == b"ok"
            with pytest.raises(Lost):
                await upstream.ask(method, "/x", CIMultiDict(Host="h"), b"")
            assert dropping.requests == 2
        finally:
            await upstream.close()


async def test_aiohttp_itself_would_send_it_twice() -> None:
    """Proof that the test above can fail."""
    dropping = Dropping()
    async with dropping as url, aiohttp.ClientSession() as session:
        for _ in range(2):
            async with session.get(url) as answer:
                await answer.read()
    assert dropping.requests == 3


async def test_a_closed_port_is_surely_not_sent() -> None:
    async with Dropping() as url:
        pass
    upstream = Upstream(url)
    try:
        with pytest.raises(NotSent):
            await upstream.ask("POST", "/x", CIMultiDict(Host="h"), b"a=b")
    finally:
        await upstream.close()


async def test_requests_wait_in_order_and_pass_together() -> None:
    gate = Gate(wait_s=1, waiting_max=10)
    assert await gate.wait(1) == 0.0
    gate.shut()
    order: list[int] = []

    async def one(n: int) -> None:
        assert await gate.wait(1) > 0
        order.append(n)

    tasks = [asyncio.create_task(one(n)) for n in range(5)]
    await asyncio.sleep(0.01)
    assert (gate.waiting, order) == (5, [])
    gate.open()
    await asyncio.gather(*tasks)
    assert (gate.waiting, order) == (0, [0, 1, 2, 3, 4]) and gate.buffered_s >= 0.009


async def test_the_buffer_is_bounded_in_count_bytes_and_time() -> None:
    gate = Gate(wait_s=0.05, waiting_max=2)
    gate.shut()
    waiting = [asyncio.create_task(gate.wait(1)) for _ in range(2)]
    await asyncio.sleep(0)
    with pytest.raises(Shed, match="buffer_full"):
        await gate.wait(1)
    assert [type(r).__name__ for r in await asyncio.gather(*waiting, return_exceptions=True)] == ["Shed", "Shed"]
    assert gate.waiting == 0
    with pytest.raises(Shed, match="buffer_full"):
        await gate.wait(BYTES_MAX + 1)
    with pytest.raises(Shed, match="buffer_time"):
        await gate.wait(1)


async def test_a_gate_that_shuts_again_holds_who_was_just_released() -> None:
    gate = Gate(wait_s=1, waiting_max=2)
    gate.shut()
    waiting = asyncio.create_task(gate.wait(1))
    await asyncio.sleep(0)
    gate.open()
    gate.shut()
    await asyncio.sleep(0.01)
    assert not waiting.done()
    gate.open()
    await waiting


async def test_a_client_that_leaves_frees_its_place() -> None:
    gate = Gate(wait_s=1, waiting_max=1)
    gate.shut()
    waiting = asyncio.create_task(gate.wait(1))
    await asyncio.sleep(0)
    waiting.cancel()
    await asyncio.gather(waiting, return_exceptions=True)
    assert gate.waiting == 0
