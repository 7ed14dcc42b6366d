"""Slow flushes: what is asked of Postgres, two at once on one part, and servers that go away under it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from asyncpg.exceptions import AdminShutdownError

from sim.errors import StepFailed
from sim.rigs.real.faulting import RealFaults
from sim.rigs.real.faults import fsync
from sim.rigs.real.faults.fsync import Fsync

BLUE = "blue-postgres"


class Server:
    """A Postgres' settings, as far as they are asked for; a commit takes `usual_s` and its delay."""

    def __init__(self, *, syncs: bool = True, usual_s: float = 0.001) -> None:
        self.syncs, self.usual_s = syncs, usual_s
        self.settings: dict[str, int] = {}
        self.in_effect: dict[str, int] = {}
        self.stubborn = self.gone = False
        self.own: int | None = None

    async def fetchval(self, sql: str) -> str:
        if sql == "SHOW fsync":
            return "on" if self.syncs else "off"
        assert "'commit_delay'" in sql
        return str(self.in_effect.get("commit_delay", 0))

    async def execute(self, sql: str) -> None:
        if self.gone:
            raise AdminShutdownError("terminating connection due to administrator command")
        words = sql.split()
        if words[:3] == ["ALTER", "SYSTEM", "SET"]:
            self.settings[words[3]] = int(words[5])
        elif words[:3] == ["ALTER", "SYSTEM", "RESET"]:
            self.settings.pop(words[3], None)
        elif "pg_reload_conf" in sql:
            self.in_effect = self.in_effect if self.stubborn else dict(self.settings)
        elif words[0] == "SET":
            self.own = int(words[3])
        else:
            assert "pg_logical_emit_message(true" in sql
            delay_us = self.in_effect.get("commit_delay", 0) if self.own is None else self.own
            await asyncio.sleep(self.usual_s + delay_us / 1e6)


class OnServer(Fsync):
    """The maker with that server behind every connection."""

    def __init__(self, server: Server, *, wanted: set[str] | None = None) -> None:
        super().__init__(None, None, None, lambda: {BLUE} if wanted is None else wanted)  # type: ignore[arg-type]
        self._server = server

    @asynccontextmanager
    async def _connected(self) -> AsyncIterator[Server]:
        self._server.own = None
        yield self._server

    def _open(self, fault: Any, role: Any = "rehearse") -> Any:
        return self._connected()


def slow(name: str = "slow", delay: float = 0.02) -> dict[str, Any]:
    return {"name": name, "fault": "fsync", "part": BLUE, "delay": delay}


async def test_it_is_in_effect_proven_and_off_again() -> None:
    server = Server()
    maker = OnServer(server)
    await maker.make(slow())
    assert server.in_effect == {"commit_siblings": 0, "commit_delay": 20_000}
    proof = await maker.prove(slow())
    assert proof["proven"] and proof["expected"] == "a commit takes 20 ms longer", proof
    assert "before the fault" in (await maker.heal(slow()))["seen"] and server.in_effect == {}


async def test_a_setting_that_does_nothing_is_not_proven(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fsync, "SEEN_WITHIN_S", 0.1)
    server = Server()
    server.stubborn = True
    maker = OnServer(server)
    await maker.make(slow())
    proof = await maker.prove(slow())
    assert not proof["proven"] and "without" in proof["seen"]


async def test_a_heal_that_does_nothing_says_so_and_may_be_tried_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fsync, "HEALED_S", 0.1)
    server = Server()
    maker = OnServer(server)
    await maker.make(slow())
    server.stubborn = True
    with pytest.raises(StepFailed, match="still slow"):
        await maker.heal(slow())
    server.stubborn = False
    assert "before the fault" in (await maker.heal(slow()))["seen"] and server.in_effect == {}


async def test_of_two_the_longer_counts_and_the_other_is_left_when_it_goes() -> None:
    server = Server()
    maker = OnServer(server)
    await maker.make(slow("a", 0.02))
    await maker.make(slow("b", 0.01))
    assert server.in_effect["commit_delay"] == 20_000
    assert (await maker.prove(slow("b", 0.01)))["proven"]
    assert (await maker.heal(slow("a", 0.02)))["seen"] == "another fault still delays its flushes, by 10 ms"
    assert server.in_effect["commit_delay"] == 10_000
    await maker.heal(slow("b", 0.01))
    assert server.in_effect == {}
    assert (await maker.heal(slow("b", 0.01)))["seen"] == "it was never made"


async def test_a_postgres_that_does_not_sync_is_refused_and_one_that_was_stopped_is_left() -> None:
    with pytest.raises(StepFailed, match="fsync off"):
        await OnServer(Server(syncs=False)).make(slow())
    maker = OnServer(Server(), wanted=set())
    await maker.make(slow())
    assert "stopped this part" in (await maker.heal(slow()))["seen"]


class Points:
    """Nothing waits for a point."""

    def call_off(self, name: str) -> None:
        pass


async def test_a_server_that_goes_away_under_a_fault_is_no_bug() -> None:
    server = Server()
    faults = RealFaults(None, None, {"fsync": OnServer(server)}, Points())  # type: ignore[arg-type]
    await faults.make(slow())
    server.gone = True
    with pytest.raises(StepFailed, match="went away"):
        await faults.prove("slow")
    with pytest.raises(StepFailed, match="went away"):
        await faults.heal("slow")
    server.gone = False
    await faults.heal("slow")
    assert server.in_effect == {}
    server.gone = True
    with pytest.raises(StepFailed, match="went away"):
        await faults.make(slow("again"))
