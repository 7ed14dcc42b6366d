"""`rehearse bench overload`: twice what the edge's Hydra carries, and no acknowledged capture is lost.

Hydra 1.11.10 with Postgres, Toxiproxy, the queue and the edge on the process engine, the capture on. How many
introspections a second come back is measured first; then twice as many are sent whatever comes back, one in
twenty a revocation of a token of its own. What is shed must say when to come again; every revocation that was
acknowledged must stand in the queue, and Hydra must call its token inactive.
"""

from __future__ import annotations

import asyncio
import json
import tempfile
import time
from collections.abc import Callable, Sequence
from contextlib import AsyncExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import msgspec
import typer

if TYPE_CHECKING:
    from sim.cli.bench_load import Address, Connection

FACTOR = 2.0
"""Source: the benchmark's goal."""
REVOKED_OF = 20
"""Assumption: one request in twenty is a revocation, far more than any real mix has."""
GIVES_UP_S = 5.0
"""Source: a client's own limit in the model of traffic."""
CONNECTIONS = 32
WELL_S = 30.0
"""Assumption: an edge that is not itself again after half a minute will not be."""
IDLE_S = 1.0
PARTS = ("blue-postgres", "toxiproxy", "queue")


class Answered(msgspec.Struct, frozen=True):
    """What became of one request."""

    status: int
    """0 = its client gave up, or the connection was closed."""
    says_when: bool
    """Whether the answer said when to come again (Retry-After)."""
    took_s: float
    token: int = -1
    """The token it revoked; -1 = an introspection."""


def bench_overload(
    seconds: Annotated[float, typer.Option(min=1.0, help="How long the overload lasts, in seconds.")] = 10.0,
    as_json: Annotated[bool, typer.Option("--json", help="The figures as JSON.")] = False,
) -> int:
    """What the edge does with twice as many requests as Hydra answers.

    Exits 1 if an acknowledged revocation is not in the queue or not in force, or if a request that was
    not served got anything but a 503 with Retry-After.
    """
    from sim.cli import output

    told = asyncio.run(measure(seconds, output.progress))
    output.figures(told, rows, as_json=as_json)
    return 0 if told["met"] else 1


def counted(answers: Sequence[Answered], captured: set[int], dead: set[int]) -> dict[str, Any]:
    """What the answers come to, with which tokens' revocations the queue holds and which are inactive.

    {sent, served, shed, unsaid, gave_up, other, served_p99_s, acknowledged, lost, alive, met}. Pure.
    """
    acknowledged = {one.token for one in answers if one.token >= 0 and one.status == 200}
    served = sorted(one.took_s for one in answers if one.status == 200)
    shed = [one for one in answers if one.status == 503]
    told = {
        "sent": len(answers), "served": len(served), "shed": len(shed),
        "unsaid": sum(not one.says_when for one in shed),
        "gave_up": sum(one.status == 0 for one in answers),
        "other": sum(one.status not in (0, 200, 503) for one in answers),
        "served_p99_s": served[int(len(served) * 0.99)] if served else None,
        "acknowledged": len(acknowledged), "lost": len(acknowledged - captured), "alive": len(acknowledged - dead),
    }
    bad = ("unsaid", "gave_up", "other", "lost", "alive")
    return {**told, "met": bool(shed and acknowledged) and not any(told[name] for name in bad)}


def rows(told: dict[str, Any]) -> list[list[str]]:
    """The table, for people."""
    from sim.cli.output import reached

    def none(name: str, words: str) -> list[str]:
        return [words, f"{told[name]:,}", "0", reached(not told[name])]

    p99 = told["served_p99_s"]
    return [
        ["introspections Hydra answers behind the edge", f"{told['capacity_rps']:.0f}/s", "", ""],
        ["sent", f"{told['rate_rps']:.0f}/s for {told['seconds']:g} s: {told['sent']:,}", "", ""],
        ["served", f"{told['served']:,}, p99 {'-' if p99 is None else f'{p99:.2f} s'}", "", ""],
        ["shed with 503", f"{told['shed']:,}", "some", reached(told["shed"] > 0)],
        none("unsaid", "of these without Retry-After"),
        none("gave_up", f"whose client gave up after {GIVES_UP_S:g} s, or was hung up on"),
        none("other", "answered anything else"),
        ["revocations acknowledged", f"{told['acknowledged']:,}", "some", reached(told["acknowledged"] > 0)],
        none("lost", "of these not in the queue"),
        none("alive", "of these not in force"),
        ["well again after", f"{told['well_after_s']:.1f} s", "", ""],
    ]


async def measure(seconds: float, say: Callable[[str], None]) -> dict[str, Any]:
    """The figures of `counted`, and {capacity_rps, rate_rps, seconds, well_after_s}; the parts end with it."""
    from sim.cli.bench_load import closed_loop
    from sim.cli.bench_stack import bench_stack
    from sim.cli.bench_tokens import introspection, minted, revocation
    from sim.rigs.real.acquire import acquire
    from sim.rigs.real.controls import Controls
    from sim.rigs.real.secrets import secrets

    parts = await acquire("process", hydra=["1.11.10"])
    own = secrets()
    async with AsyncExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="rehearse-bench-")))
        engine = await stack.enter_async_context(bench_stack(folder, parts, own, PARTS, ["blue-hydra"]))
        await engine.start("blue-hydra")
        await engine.start("edge")
        control = Controls("edge", engine.direct("edge", "control"), own.control)
        stack.push_async_callback(control.close)
        await control.ask("PUT", "/capture", {"on": True, "direction": "forward"})
        public, internal = engine.direct("edge", "public"), engine.direct("edge", "internal")
        hydra = engine.direct("blue-hydra", "public")
        admin = engine.direct("blue-hydra", "admin")
        (kept,) = await minted(admin, hydra, 1)
        ask = introspection(kept)

        say("how much Hydra answers …")
        await closed_loop(internal, ask, connections=CONNECTIONS, seconds=1.0)
        capacity_rps = await closed_loop(internal, ask, connections=CONNECTIONS, seconds=5.0)
        rate_rps = FACTOR * capacity_rps
        count = int(rate_rps * seconds)
        say(f"minting {count // REVOKED_OF:,} tokens to be revoked …")
        tokens = await minted(admin, hydra, count // REVOKED_OF)
        grants = await _grants_of(engine, own, tokens)

        say(f"{rate_rps:.0f} requests a second for {seconds:g} s …")
        answers = await _overload(internal, ask, public,
                                  [revocation(token) for token in tokens], rate_rps, count)
        well_after_s = await _well(internal, ask)
        captured = await _captured(engine.direct("queue", "nats"))
        held = {n for n, grant in enumerate(grants) if grant in captured}
        asked = [one.token for one in answers if one.token >= 0 and one.status == 200]
        dead = await _inactive(admin, tokens, asked)
    return {**counted(answers, held, dead), "capacity_rps": capacity_rps, "rate_rps": rate_rps, "seconds": seconds,
            "well_after_s": well_after_s}


async def _grants_of(engine: Any, own: Any, tokens: list[str]) -> list[str]:
    """Each token's grant: its row is found by the part after the dot."""
    from sim.rigs.real.databases import database

    async with database(engine, own, "blue") as blue:
        found = dict(await blue.fetch("SELECT signature, request_id FROM hydra_oauth2_access"))
    return [str(found[token.partition(".")[2]]) for token in tokens]


async def _overload(internal: Address, introspection: bytes, public: Address, revocations: Sequence[bytes],
                    rate_rps: float, count: int) -> list[Answered]:
    """Send at a fixed rate whatever comes back."""
    from sim.cli.bench_load import at_rate, connect

    free: dict[Address, list[Connection]] = {internal: [], public: []}
    answers: list[Answered] = []

    async def one(address: Address, sent: bytes, due_s: float, token: int) -> None:
        connection: Connection | None = None
        status, says_when = 0, False
        try:
            async with asyncio.timeout(GIVES_UP_S):
                connection = free[address].pop() if free[address] else (await connect(address, 1))[0]
                status = await connection.ask(sent)
                says_when = b"\r\nretry-after:" in connection.head
            if b"\r\nconnection: close" in connection.head:
                connection.close()
            else:
                free[address].append(connection)
        except (TimeoutError, OSError):
            if connection is not None:
                connection.close()
        answers.append(Answered(status, says_when, time.monotonic() - due_s, token))

    async def nth(n: int, due_s: float) -> None:
        token, other = divmod(n, REVOKED_OF)
        is_revocation = other == REVOKED_OF - 1 and token < len(revocations)
        await (one(public, revocations[token], due_s, token) if is_revocation
               else one(internal, introspection, due_s, -1))

    await at_rate(rate_rps, count, nth)
    for connection in [*free[internal], *free[public]]:
        connection.close()
    return answers


async def _well(internal: Address, introspection: bytes) -> float:
    """Seconds until an introspection is answered 200 within a tenth of a second again."""
    from sim.cli.bench_load import connect

    began_s = time.monotonic()
    while time.monotonic() - began_s < WELL_S:
        (connection,) = await connect(internal, 1)
        at_s = time.monotonic()
        status = await connection.ask(introspection)
        connection.close()
        if status == 200 and time.monotonic() - at_s < 0.1:
            break
        await asyncio.sleep(0.1)
    return time.monotonic() - began_s


async def _captured(nats: Address) -> set[str]:
    """Grants of the intents that the queue holds with a confirmed outcome."""
    from sim.services.queue import Queue
    from sim.services.replaying import Collected

    queue, collected = Queue(f"nats://{nats[0]}:{nats[1]}"), Collected()
    try:
        async for message in queue.read("forward", idle_s=IDLE_S):
            collected.take(message.subject, message.data)
    finally:
        await queue.close()
    return {grant for id, intent in collected.intents.items() if collected.outcomes.get(id) == "confirmed"
            for grant in intent.request_ids}


async def _inactive(admin: Address, tokens: list[str], asked: list[int]) -> set[int]:
    """Which of the tokens Hydra itself calls inactive."""
    import aiohttp

    dead: set[int] = set()
    async with aiohttp.ClientSession() as session:
        for n in asked:
            async with session.post(f"http://{admin[0]}:{admin[1]}/oauth2/introspect",
                                    data={"token": tokens[n]}) as answer:
                if json.loads(await answer.read()) == {"active": False}:
                    dead.add(n)
    return dead
