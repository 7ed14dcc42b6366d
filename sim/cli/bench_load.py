"""Load for `rehearse bench edge` and `overload`: a plain HTTP/1.1 client and a plain stub, as light as asyncio lets.

On two cores whatever the generator eats is missing to what is measured, so both parse just what
they need: a head, a Content-Length. The stub runs as a process of its own:
`python -m sim.cli.bench_load PORT`.
"""

from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import Callable, Coroutine
from typing import Any, cast

Address = tuple[str, int]

ANSWER = b'HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 15\r\n\r\n{"status":"ok"}'


def request(method: str, target: str, *, host: str, body: bytes = b"") -> bytes:
    """The bytes of one request, sent again and again."""
    head = [f"{method} {target} HTTP/1.1", f"Host: {host}"]
    if body:
        head += ["Content-Type: application/x-www-form-urlencoded", f"Content-Length: {len(body)}"]
    return "\r\n".join([*head, "", ""]).encode() + body


class Connection(asyncio.Protocol):
    """One kept-alive connection; one request at a time."""

    def __init__(self) -> None:
        self._buffer = b""
        self.head = b""
        """Of the last answer, in lower case."""
        self._answered: asyncio.Future[int] | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)  # uvloop's is no subclass of it

    def connection_lost(self, exc: Exception | None) -> None:
        if self._answered is not None and not self._answered.done():
            self._answered.set_exception(ConnectionResetError("closed before an answer"))

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        head, found, rest = self._buffer.partition(b"\r\n\r\n")
        if not found:
            return
        self.head = lower = head.lower()
        at = lower.find(b"content-length:")
        length = int(lower[at + 15:].split(b"\r\n", 1)[0]) if at >= 0 else 0
        if len(rest) >= length and self._answered is not None:
            self._buffer = rest[length:]
            self._answered.set_result(int(head[9:12]))

    async def ask(self, sent: bytes) -> int:
        """Send and wait for the whole answer; its status. Raises ConnectionResetError."""
        self._answered = asyncio.get_running_loop().create_future()
        self._transport.write(sent)
        return await self._answered

    def close(self) -> None:
        """Close at once."""
        self._transport.close()


async def connect(address: tuple[str, int], count: int) -> list[Connection]:
    """`count` open connections; raises OSError."""
    loop = asyncio.get_running_loop()
    return [(await loop.create_connection(Connection, *address))[1] for _ in range(count)]


async def at_rate(rate_rps: float, count: int, one: Callable[[int, float], Coroutine[Any, Any, None]]) -> None:
    """Begin `one(n, due_s)` at a fixed rate whatever becomes of those before, and wait for all."""
    began_s = time.monotonic() + 0.05
    async with asyncio.TaskGroup() as group:
        for n in range(count):
            due_s = began_s + n / rate_rps
            if (wait_s := due_s - time.monotonic()) > 0:
                await asyncio.sleep(wait_s)
            group.create_task(one(n, due_s))


async def open_loop(address: tuple[str, int], sent: bytes, *, rate_rps: float, seconds: float) -> list[float]:
    """Send at a fixed rate whatever comes back; seconds from due to answered, of each.

    Raises RuntimeError for an answer that is not 200.
    """
    free = await connect(address, 16)
    every = list(free)
    took: list[float] = []

    async def one(_: int, due_s: float) -> None:
        connection = free.pop() if free else (await connect(address, 1))[0]
        if connection not in every:
            every.append(connection)
        status = await connection.ask(sent)
        took.append(time.monotonic() - due_s)
        free.append(connection)
        if status != 200:
            raise RuntimeError(f"answered {status}")

    await at_rate(rate_rps, int(rate_rps * seconds), one)
    for connection in every:
        connection.close()
    return took


async def closed_loop(address: tuple[str, int], sent: bytes, *, connections: int, seconds: float) -> float:
    """As many as come back in `seconds` with that many connections; requests a second.

    Raises RuntimeError for an answer that is not 200.
    """
    opened = await connect(address, connections)
    until_s = time.monotonic() + seconds
    count = 0

    async def one(connection: Connection) -> None:
        nonlocal count
        while time.monotonic() < until_s:
            if (status := await connection.ask(sent)) != 200:
                raise RuntimeError(f"answered {status}")
            count += 1

    began_s = time.monotonic()
    await asyncio.gather(*(one(c) for c in opened))
    took_s = time.monotonic() - began_s
    for connection in opened:
        connection.close()
    return count / took_s


class _Stub(asyncio.Protocol):
    """Answers every request that comes, in one write."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)  # uvloop's is no subclass of it

    def data_received(self, data: bytes) -> None:
        self._transport.write(ANSWER * data.count(b"\r\n\r\n"))


async def _serve(port: int) -> None:
    server = await asyncio.get_running_loop().create_server(_Stub, "127.0.0.1", port)
    await server.serve_forever()


if __name__ == "__main__":
    import uvloop

    uvloop.run(_serve(int(sys.argv[1])))
