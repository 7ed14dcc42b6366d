"""`rehearse bench sender`: does the sender send when it should, and measure what it should?

Two questions, to a small HTTP server in a process of its own. At 1,000 requests a second: how
late is each sent? And when that server is stopped for 2 of 10 seconds: is the wait seen? A
closed loop, beside it, sends nothing while it waits and so reports almost none of it
(coordinated omission); ours counts from when each request was due.
"""

from __future__ import annotations

import asyncio
import os
import signal
import sys
import time
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Annotated, Any, cast

import typer

if TYPE_CHECKING:
    from sim.rigs.real.sender import Sender

RATE_RPS, LONG_S = 1000, 30.0
"""Source: the benchmark's goal, 1,000 requests a second for 30 s."""
LATENESS_GOAL_S = 0.003
"""Source: the benchmark's goal, lateness p99 at most 3 ms."""
STOP_RATE_RPS, STOP_RUN_S, STOPPED_S, STOP_AT_S = 200, 10.0, 2.0, 4.0
TRUTH_S = STOPPED_S - 0.01 * STOP_RUN_S
"""p99 from due time, exactly: the requests of the stop wait evenly between 0 and 2 s, and 1 % of
10 s is 0.1 s of them."""
TRUTH_WITHIN = 0.02
WORKERS = 10
"""Of the closed loop."""
TOKEN = "benchmark"  # noqa: S105 - the stub answers anything

BODY = b'{"active":true}'
ANSWER = (b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n" % len(BODY)) + BODY


def bench_sender(
    seconds: Annotated[float, typer.Option(help="Length of the lateness run, in seconds.")] = LONG_S,
    as_json: Annotated[bool, typer.Option("--json", help="The figures as JSON.")] = False,
) -> None:
    """How exactly the sender sends, and that a stalled server's wait is seen whole."""
    from sim import clock
    from sim.cli import output

    output.progress(f"{RATE_RPS}/s for {seconds:g} s, then twice {STOP_RUN_S:g} s with the server stopped "
                    f"for {STOPPED_S:g} s …")
    output.figures(clock.run(_measure(seconds)), _rows, as_json=as_json)


def _rows(figures: dict[str, Any]) -> list[list[str]]:
    from sim.cli.output import reached

    late, stall = figures["lateness"], figures["stall"]
    return [
        ["lateness p99", f"{late['p99_s'] * 1000:.2f} ms", f"≤ {LATENESS_GOAL_S * 1000:g} ms", reached(late["met"])],
        ["lateness p50", f"{late['p50_s'] * 1000:.2f} ms", "", ""],
        ["sent", f"{late['sent']} of {late['planned']}", "all", reached(late["sent"] == late["planned"])],
        ["answered", f"{late['answered']} of {late['sent']}", "all", reached(late["answered"] == late["sent"])],
        ["CPU a request", f"{late['cpu_s_a_request'] * 1000:.3f} ms", "", ""],
        ["stall, ours: p99 from due", f"{stall['open_p99_s']:.3f} s", f"{TRUTH_S:.2f} s ± 2 %", reached(stall["met"])],
        ["stall, closed loop: p99", f"{stall['closed_p99_s']:.3f} s", "hides the stall", ""],
    ]


async def _measure(seconds: float) -> dict[str, Any]:
    async with _stub() as (pid, port), _sender(port) as sender:
        lateness = await _lateness(sender, seconds)
        opened = await _stalled(pid, _open(sender, STOP_RATE_RPS, STOP_RUN_S))
        closed = await _stalled(pid, _closed(sender, STOP_RATE_RPS, STOP_RUN_S))
    open_p99_s, closed_p99_s = _quantile(opened, 0.99), _quantile(closed, 0.99)
    return {"lateness": lateness,
            "stall": {"truth_s": TRUTH_S, "open_p99_s": open_p99_s, "closed_p99_s": closed_p99_s,
                      "met": abs(open_p99_s - TRUTH_S) <= TRUTH_S * TRUTH_WITHIN}}


async def _lateness(sender: Sender, seconds: float) -> dict[str, Any]:
    """How late each of a Poisson stream is sent."""
    from sim.traffic.arrivals import rng, steady

    due_s = list(steady(rng(1, "bench", "arrivals"), RATE_RPS, seconds))
    late_s: list[float] = []
    cpu_s = time.process_time()
    took_s = await _play(sender, due_s, late_s)
    cpu_s = time.process_time() - cpu_s
    p99_s = _quantile(late_s, 0.99)
    return {"rate_rps": RATE_RPS, "planned": len(due_s), "sent": len(late_s), "answered": len(took_s),
            "p50_s": _quantile(late_s, 0.5), "p99_s": p99_s, "max_s": max(late_s),
            "cpu_s_a_request": cpu_s / len(due_s), "met": p99_s <= LATENESS_GOAL_S}


async def _open(sender: Sender, rate_rps: int, seconds: float) -> list[float]:
    """Ours: sent when due; counted from then."""
    return await _play(sender, [k / rate_rps for k in range(int(rate_rps * seconds))], [])


async def _play(sender: Sender, due_s: list[float], late_s: list[float]) -> list[float]:
    """Play arrivals through the clock and the sender, as a rehearsal does; latencies from due."""
    from sim.clock import LiveEnvironment

    env = LiveEnvironment()
    took_s: list[float] = []

    async def ask(due_s: float) -> None:
        late_s.append(env.wall() - due_s)
        await sender.introspect(TOKEN, timeout_s=5.0)
        took_s.append(env.wall() - due_s)

    def arrive() -> Any:
        begin_s = env.now
        for due in due_s:
            wait_s = begin_s + due - env.now
            if wait_s > 0:
                yield env.timeout(wait_s)
            last = env.call(ask(begin_s + due))
        yield last
        while env.in_flight:
            yield env.timeout(0.01)

    await env.run_live(env.process(arrive()))
    return took_s


async def _closed(sender: Sender, rate_rps: int, seconds: float) -> list[float]:
    """The usual mistake: workers that wait for an answer before they send again; counted from sending."""
    took_s: list[float] = []
    end_s = time.monotonic() + seconds

    async def work() -> None:
        while time.monotonic() < end_s:
            began_s = time.monotonic()
            await sender.introspect(TOKEN, timeout_s=5.0)
            took_s.append(time.monotonic() - began_s)
            await asyncio.sleep(max(0.0, began_s + WORKERS / rate_rps - time.monotonic()))

    await asyncio.gather(*(work() for _ in range(WORKERS)))
    return took_s


async def _stalled(pid: int, run: Any) -> list[float]:
    """Run it while the server is stopped for a while."""
    async def stall() -> None:
        await asyncio.sleep(STOP_AT_S)
        os.kill(pid, signal.SIGSTOP)
        try:
            await asyncio.sleep(STOPPED_S)
        finally:
            os.kill(pid, signal.SIGCONT)

    took_s, _ = await asyncio.gather(run, stall())
    return list(took_s)


@asynccontextmanager
async def _sender(port: int) -> AsyncIterator[Sender]:
    from sim.rigs.real.sender import LINKS, Sender

    async with Sender(dict.fromkeys(LINKS, ("127.0.0.1", port))) as sender:
        yield sender


@asynccontextmanager
async def _stub() -> AsyncIterator[tuple[int, int]]:
    """The server's process: (pid, port)."""
    process = await asyncio.create_subprocess_exec(sys.executable, "-m", "sim.cli.bench_sender",
                                                   stdout=asyncio.subprocess.PIPE)
    try:
        assert process.stdout is not None
        line = await asyncio.wait_for(process.stdout.readline(), 20)
        yield process.pid, int(line)
    finally:
        process.kill()
        await process.wait()


class _Stub(asyncio.Protocol):
    """Answers each request it has read whole; knows just enough HTTP for the benchmark."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # uvloop's transports are no subclass of asyncio's
        self._transport, self._seen = cast(asyncio.WriteTransport, transport), b""

    def data_received(self, data: bytes) -> None:
        self._seen += data
        while b"\r\n\r\n" in self._seen:
            head, _, rest = self._seen.partition(b"\r\n\r\n")
            length = _content_length(head)
            if len(rest) < length:
                return
            self._seen = rest[length:]
            self._transport.write(ANSWER)


def _content_length(head: bytes) -> int:
    for line in head.split(b"\r\n"):
        if line.lower().startswith(b"content-length:"):
            return int(line.split(b":", 1)[1])
    return 0


async def _serve() -> None:
    server = await asyncio.get_running_loop().create_server(_Stub, "127.0.0.1", 0, backlog=4096)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


def _quantile(values: Iterable[float], share: float) -> float:
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))] if ordered else 0.0


if __name__ == "__main__":
    import uvloop

    uvloop.run(_serve())
