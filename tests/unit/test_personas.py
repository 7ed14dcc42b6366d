"""Actors whose acts are parted by the runbook's phases."""

from __future__ import annotations

import asyncio
from collections.abc import Generator
from types import SimpleNamespace
from typing import Any

from sim import clock
from sim.clock import LiveEnvironment
from sim.phases import Phases
from sim.traffic import personas
from sim.traffic.acts import Got
from sim.traffic.intents import Asks, Revocation
from sim.traffic.personas import Stage
from sim.traffic.watching import Watchlist


def test_who_rotates_on_blue_and_takes_back_on_green_waits_for_the_switch() -> None:
    env = LiveEnvironment()
    phases, done = Phases(env), []
    chain: Any = SimpleNamespace(usable=lambda: True, watched=False, same=[], subject="ann", state="live", access=None)

    async def act(what: str) -> Got:
        done.append((what, "switch" in phases.times_s))
        return Got("ok")

    acts: Any = SimpleNamespace(refresh=lambda *_: act("refresh"), revoke=lambda *_: act("revoke"))
    ledger: Any = SimpleNamespace(seeded=lambda n: chain)
    stage = Stage(env, acts, ledger, Watchlist(), phases, 0.0, [])
    intent = Revocation(0.0, "user-across-1", "refresh", 7, "g", rotate=1, anchor="repair", until="switch")

    def main() -> Generator[Any, Any, None]:
        life = env.process(personas.revokes(stage, intent))
        yield env.timeout(0.02)
        assert done == [("refresh", False)], "it waits, its chain rotated on blue"
        phases.mark("switch")
        yield life

    async def run() -> None:
        await env.run_live(env.process(main()))

    clock.run(run())
    assert done == [("refresh", False), ("revoke", True)]


def test_resource_servers_see_new_tokens_at_once() -> None:
    env = LiveEnvironment()
    asked: list[str] = []

    async def introspect(_actor: str, _due_s: float, token: str) -> Got:
        asked.append(token)
        return Got("ok")

    ledger: Any = SimpleNamespace(latest=lambda _: "latest", pick=lambda *_: "any")
    acts: Any = SimpleNamespace(introspect=introspect)
    stage = Stage(env, acts, ledger, Watchlist(), Phases(env), 0.0, [])
    picks = list(range(2 * personas.ONE_IN_NEW))

    async def run() -> None:
        await env.run_live(env.process(personas.asks(stage, Asks(0.0, "rs-1", [0] * len(picks), picks))))
        await asyncio.sleep(0.02)

    clock.run(run())
    assert sorted(asked) == ["any"] * (len(picks) - 2) + ["latest"] * 2
