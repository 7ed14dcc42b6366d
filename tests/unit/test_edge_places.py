"""How many requests may be under way: order, bound, and that nobody is forgotten."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace

import pytest
from aiohttp import web
from hypothesis import given, settings
from hypothesis import strategies as st

from sim.services.edge_requests import Edge
from sim.services.gate import Shed
from sim.services.places import Places
from sim.services.settings import Environment


async def test_whoever_comes_first_is_let_in_first():
    places = Places(at_once=1, wait_s=1.0)
    await places.take()
    order: list[int] = []

    async def one(n: int) -> None:
        await places.take()
        order.append(n)
        places.give_back()

    waiting = [asyncio.create_task(one(n)) for n in range(5)]
    await asyncio.sleep(0)
    places.give_back()
    await asyncio.gather(*waiting)
    assert order == [0, 1, 2, 3, 4]


async def test_no_place_in_time_is_an_overload_and_costs_no_place():
    places = Places(at_once=2, wait_s=0.02)
    await places.take()
    await places.take()
    with pytest.raises(Shed, match="overload"):
        await places.take()
    places.give_back()
    await places.take()


async def test_behind_a_full_queue_nobody_waits_but_whom_we_let_wait_before():
    places = Places(at_once=1, wait_s=1.0, waiting_max=2)
    await places.take()
    waiting = [asyncio.create_task(places.take()) for _ in range(2)]
    await asyncio.sleep(0)
    with pytest.raises(Shed, match="overload"):
        async with asyncio.timeout(0.1):
            await places.take()
    owed = asyncio.create_task(places.take(is_owed=True))
    for _ in range(4):
        await asyncio.sleep(0)
        places.give_back()
    await asyncio.gather(*waiting, owed)
    again = Places(at_once=1, wait_s=0.01, waiting_max=1)
    await again.take()
    for _ in range(3):  # who left in vain does not stand in the queue any more
        with pytest.raises(Shed):
            await again.take()
    waiting = [asyncio.create_task(again.take())]
    await asyncio.sleep(0)
    again.give_back()
    await asyncio.gather(*waiting)


async def test_what_would_be_sent_away_is_sent_away_before_its_body_is_read():
    edge = Edge(Environment({
        f"EDGE_{name}": "http://127.0.0.1:9" for name in ("BLUE_PUBLIC", "BLUE_ADMIN", "GREEN_PUBLIC", "GREEN_ADMIN")}
        | {"EDGE_BLUE_DSN": "postgres://x", "EDGE_GREEN_DSN": "postgres://x", "EDGE_QUEUE": "nats://127.0.0.1:9"}))
    edge.places = Places(at_once=1, wait_s=1.0, waiting_max=0)
    request = SimpleNamespace(method="POST", message=SimpleNamespace(path="/oauth2/introspect"))  # has no body to read
    handle = edge.listener("internal")
    await edge.places.take()
    answer = await handle(request)
    assert isinstance(answer, web.Response)
    assert (answer.status, answer.headers["Retry-After"], edge.shed["overload"]) == (503, "1", 1)
    edge.gate.shut()  # whoever comes now waits at the gate, and is let in afterwards
    with pytest.raises(AttributeError):
        await handle(request)
    await edge.close()


@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 3)), max_size=40), st.integers(1, 4))
@settings(max_examples=60, deadline=None)
def test_never_more_at_once_and_every_place_comes_back(requests: list[tuple[int, int]], at_once: int):
    async def all_of_them() -> None:
        places, inside, most, shed = Places(at_once=at_once, wait_s=0.003), 0, 0, 0

        async def one(after_ms: int, takes_ms: int) -> None:
            nonlocal inside, most, shed
            await asyncio.sleep(after_ms / 1000)
            try:
                await places.take()
            except Shed:
                shed += 1
                return
            inside += 1
            most = max(most, inside)
            await asyncio.sleep(takes_ms / 1000)
            inside -= 1
            places.give_back()

        await asyncio.gather(*(one(*request) for request in requests))
        assert most <= at_once and inside == 0
        for _ in range(at_once):  # all of them are free again
            await places.take()

    asyncio.run(all_of_them())
