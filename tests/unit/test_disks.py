"""Disks that are filled: which there are, how large, who holds them, and the fault's own steps."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from asyncpg.exceptions import CannotConnectNowError, DiskFullError, InternalServerError

from sim.errors import EngineDown, StepFailed
from sim.rigs.real.engines.bounded import FILLER, BoundedDisks
from sim.rigs.real.faults import disk
from sim.rigs.real.faults.disk import Disk
from sim.rigs.real.rig import variables
from sim.scenario import load_text
from sim.scenario.disks import BASE_BYTES, GRANT_BYTES, disks, surprising

PART = "green-postgres"
USUAL = BASE_BYTES + 1000 * GRANT_BYTES


def scenario(faults: str, card: str = "") -> Any:
    gameday = f"gameday: {{roles: {{lead: a}}, card: [{card}]}}\n" if card else ""
    return load_text(f"format: 1\nextends: 10\npopulation: {{grants: 1000}}\nfaults: [{faults}]\n{gameday}")


def test_only_what_a_scenario_fills_is_bounded() -> None:
    none = scenario("{name: a, fault: kill, part: green-postgres, at: copy}")
    assert disks(none) == {} and "MAX_WAL_SIZE" not in variables(none)
    one = scenario("{name: a, fault: disk, part: green-postgres, at: migrate, for: 2s}")
    assert disks(one) == {PART: USUAL} and variables(one)["MAX_WAL_SIZE"] == "256MB"
    two = scenario("{name: a, fault: disk, part: green-postgres, at: migrate, size: 2GiB}, "
                   "{name: b, fault: disk, part: green-postgres, at: by hand}")
    assert disks(two) == {PART: 2 << 30} and surprising(two) == set()


def test_a_surprise_needs_its_disk_too_and_is_not_told() -> None:
    hidden = scenario("", "{name: full, fault: disk, part: blue-postgres, at: by hand}")
    assert disks(hidden) == {"blue-postgres": USUAL} and surprising(hidden) == {"blue-postgres"}
    known = scenario("{name: a, fault: disk, part: blue-postgres, at: copy}",
                     "{name: full, fault: disk, part: blue-postgres, at: by hand}")
    assert surprising(known) == set()


class Daemon:
    """Stands for sim.rigs.real.engines.containers.Containers."""

    def __init__(self) -> None:
        self.done: list[tuple[Any, ...]] = []
        self.says = "12 4096\n"

    def volume(self, service: str, name: str, *, memory_bytes: int | None = None) -> str:
        self.done.append(("volume", name, memory_bytes))
        return f"x-{name}"

    def named(self, name: str) -> str:
        return ""  # nobody left one

    def create(self, wanted: Any, name: str) -> str:
        self.done.append(("create", name, wanted.image, wanted.mounts, wanted.alias, dict(wanted.publish)))
        assert FILLER in wanted.command[-1]
        return f"id of {name}"

    def start(self, ident: str) -> None:
        self.done.append(("start", ident))

    def signal(self, ident: str, name: str) -> None:
        self.done.append(("signal", ident, name))

    def run(self, ident: str, command: list[str]) -> str:
        return self.says


def test_a_bounded_disk_is_in_memory_and_held_by_one_of_ours() -> None:
    daemon = Daemon()
    held = BoundedDisks(daemon, {PART: 1 << 30})  # type: ignore[arg-type]
    assert held.volume("queue", "queue-data", "nats") == "x-queue-data"
    for _ in range(2):  # each start of the part asks anew
        assert held.volume(PART, "green-data", "postgres") == "x-green-data"
    held.fill(PART, full=True)
    held.fill(PART, full=False)
    holder = f"{PART}-disk"
    assert daemon.done == [
        ("volume", "queue-data", None), ("volume", "green-data", 1 << 30),
        ("create", holder, "postgres", ("x-green-data:/disk",), False, {}), ("start", f"id of {holder}"),
        ("volume", "green-data", 1 << 30), ("signal", f"id of {holder}", "SIGUSR1"),
        ("signal", f"id of {holder}", "SIGUSR2")]
    assert held.free_bytes(PART) == 12 * 4096
    daemon.says = "OCI runtime exec failed"
    with pytest.raises(EngineDown, match="how full"):
        held.free_bytes(PART)


class Docker:
    """An engine with one Postgres on a bounded disk."""

    def __init__(self) -> None:
        self.runs = self.fills_up = self.empties = self.recovers = True
        self.full = self.refuses = self.no_session = False
        self.started = 0
        self.container_faults: Docker | None = self

    @property
    def disks(self) -> dict[str, int]:
        return {PART: 1 << 30}

    async def fill(self, service: str, *, full: bool) -> None:
        self.full = self.fills_up if full else not self.empties

    async def free_bytes(self, service: str) -> int:
        return 0 if self.full else 4096

    async def incarnation(self, service: str) -> str:
        return "1" if self.runs else ""

    async def start(self, *services: str, **more: Any) -> None:
        self.runs, self.started = True, self.started + 1

    async def fetchval(self, sql: str) -> int:
        if self.full or self.refuses:
            raise DiskFullError("could not write to file")
        return 200_000

    async def execute(self, sql: str) -> None: ...


class Well:
    async def well(self, part: str) -> float:
        return 0.02


class OnDocker(Disk):
    def __init__(self, engine: Docker, wanted: set[str] | None = None) -> None:
        super().__init__(engine, None, Well(),  # type: ignore[arg-type]
                         lambda: {PART} if wanted is None else wanted)
        self._at = engine

    @asynccontextmanager
    async def _connected(self) -> AsyncIterator[Docker]:
        if not self._at.runs:
            raise StepFailed("can't be reached") from CannotConnectNowError("the database system is in recovery mode")
        if self._at.no_session:
            raise StepFailed("can't be reached") from InternalServerError("could not write init file")
        yield self._at

    def _open(self, fault: Any, role: Any = "rehearse") -> Any:
        return self._connected()


def full(name: str = "full", **keys: Any) -> dict[str, Any]:
    return {"name": name, "fault": "disk", "part": PART, **keys}


@pytest.fixture(autouse=True)
def _soon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(disk, "FULL_WITHIN_S", 0.1)
    monkeypatch.setattr(disk, "SEEN_WITHIN_S", 0.1)


async def test_a_full_disk_is_proven_by_what_is_refused_and_healed_by_what_is_stored() -> None:
    engine = Docker()
    maker = OnDocker(engine)
    await maker.make(full())
    assert await maker.prove(full()) == {"proven": True, "expected": "what needs space gets 53100",
                                         "seen": "53100; 1024 MiB are full"}
    assert "stored; its server lived through it" in (await maker.heal(full()))["seen"] and not engine.started
    assert not (await maker.prove(full()))["proven"]


async def test_a_server_that_gave_up_is_started_again_unless_it_was_stopped() -> None:
    engine, wanted = Docker(), {PART}
    maker = OnDocker(engine, wanted)
    await maker.make(full())
    engine.runs = False
    assert "has given up and is gone" in (await maker.prove(full()))["seen"]
    assert "gone and is started again" in (await maker.heal(full()))["seen"] and engine.started == 1
    await maker.make(full())
    engine.runs = False
    wanted.clear()
    assert "the runbook has stopped this part" in (await maker.heal(full()))["seen"] and engine.started == 1
    assert not engine.full


async def test_a_server_that_is_gone_while_there_is_space_proves_nothing() -> None:
    engine = Docker()
    maker = OnDocker(engine)
    await maker.make(full())
    engine.full = engine.runs = False
    assert not (await maker.prove(full()))["proven"]


async def test_a_session_refused_for_lack_of_space_is_proof_and_one_refused_otherwise_is_none() -> None:
    engine = Docker()
    maker = OnDocker(engine)
    await maker.make(full())
    engine.no_session = True
    assert (await maker.prove(full()))["proven"]
    engine.full = False
    assert not (await maker.prove(full()))["proven"]


async def test_what_fails_says_so_and_may_be_healed_again() -> None:
    engine = Docker()
    maker = OnDocker(engine)
    engine.fills_up = False
    with pytest.raises(StepFailed, match="not full yet"):
        await maker.make(full())
    engine.fills_up = True
    await maker.make(full())
    engine.empties = False
    with pytest.raises(StepFailed, match="stays full"):
        await maker.heal(full())
    engine.empties = engine.refuses = True
    with pytest.raises(StepFailed, match="still refuses"):
        await maker.heal(full())
    engine.refuses = False
    assert "is stored" in (await maker.heal(full()))["seen"]
    assert (await maker.heal(full()))["seen"] == "it was never made"


async def test_of_two_the_last_gives_the_space_back() -> None:
    engine = Docker()
    maker = OnDocker(engine)
    await maker.make(full("a"))
    await maker.make(full("b"))
    assert "another fault" in (await maker.heal(full("a")))["seen"] and engine.full
    await maker.heal(full("b"))
    assert not engine.full


async def test_it_is_made_only_on_a_disk_made_for_it() -> None:
    engine = Docker()
    maker = OnDocker(engine)
    for wrong, why in (({"part": "blue-postgres"}, "no bound in this run"), ({"size": 2 << 30}, "is 1024 MiB")):
        with pytest.raises(StepFailed, match=why):
            await maker.make(full(**wrong))
        assert (await maker.heal(full(**wrong)))["seen"] == "it was never made"
    await maker.make(full(size=1 << 30))
    engine.runs = False
    with pytest.raises(StepFailed, match="does not run now"):
        await maker.make(full("again"))
    engine.container_faults = None
    with pytest.raises(StepFailed, match="only the docker engine"):
        await Disk(engine, None, None, set).make(full())  # type: ignore[arg-type]
