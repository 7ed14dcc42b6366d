"""What our own apps ask Hydra is held while it is exchanged: nobody sees the second in which there is none."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest
from aiohttp import web

from sim.services import admin
from sim.services.admin import AdminApi, AdminDown
from sim.services.settings import Environment


@pytest.fixture
async def hydra() -> AsyncIterator[tuple[AdminApi, list[str], asyncio.Event]]:
    """(the API of an app, what arrived at Hydra, an event that lets its answers go)."""
    arrived: list[str] = []
    answering = asyncio.Event()
    answering.set()

    async def handle(request: web.BaseRequest) -> web.Response:
        arrived.append(request.path)
        await answering.wait()
        return web.json_response({})

    runner = web.ServerRunner(web.Server(handle))
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    api = AdminApi(Environment({"LOGIN_BLUE_ADMIN": url, "LOGIN_GREEN_ADMIN": url}), "LOGIN")
    yield api, arrived, answering
    await api.close()
    await runner.cleanup()


async def test_a_question_waits_and_those_under_way_are_awaited(
        hydra: tuple[AdminApi, list[str], asyncio.Event]) -> None:
    api, arrived, answering = hydra
    answering.clear()
    first = asyncio.create_task(api.ask("GET", "/one"))
    for _ in range(500):
        if arrived:
            break
        await asyncio.sleep(0.01)
    assert await api.control("PUT", "/hold", {"on": True, "deadline_s": 0.05}) == (200, {"in_flight": 1})
    second = asyncio.create_task(api.ask("GET", "/two"))
    draining = asyncio.create_task(api.control("PUT", "/hold", {"on": True, "deadline_s": 5}))
    await asyncio.sleep(0.05)
    assert not draining.done()
    answering.set()
    assert await draining == (200, {"in_flight": 0}) and (await first)[0] == 200
    await asyncio.sleep(0.05)
    assert arrived == ["/one"] and not second.done()
    assert await api.control("PUT", "/hold", {"on": False}) == (200, {"in_flight": 0})
    assert (await second)[0] == 200 and arrived == ["/one", "/two"]


async def test_what_is_held_too_long_is_told_and_nobody_has_to_let_go(
        hydra: tuple[AdminApi, list[str], asyncio.Event], monkeypatch: pytest.MonkeyPatch) -> None:
    api, arrived, _ = hydra
    monkeypatch.setattr(api._gate, "_wait_s", 0.05)
    monkeypatch.setattr(admin, "HELD_BY_ITSELF_S", 0.3)
    await api.control("PUT", "/hold", {"on": True})
    with pytest.raises(AdminDown, match="buffer_time"):
        await api.ask("GET", "/one")
    assert arrived == []
    await asyncio.sleep(0.35)
    assert (await api.ask("GET", "/one"))[0] == 200
