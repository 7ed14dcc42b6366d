"""The harness dies at any point of a nemesis' work: what is on stands on the disk."""

from __future__ import annotations

import asyncio
import contextlib
import tempfile
from collections.abc import Generator, Mapping
from pathlib import Path
from typing import Any

import simpy
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sim.clock import LiveEnvironment
from sim.faults.nemesis import Nemesis
from sim.faults.written import Written, unhealed
from sim.history.journal import Journal
from sim.phases import Phases
from sim.scenario import Fault


def fault(name: str, **more: Any) -> Fault:
    return Fault.model_validate({"name": name, "fault": "latency", "latency": "100ms",
                                 "link": "edge->blue-hydra:public", "at": "by hand", **more})


class Crash(BaseException):
    """The harness is gone at this very point."""


class World:
    """What is really on; the harness may die before or after any act."""

    def __init__(self, path: Path, dies_at: int) -> None:
        self.path, self.left = path, dies_at
        self.on: set[str] = set()

    def point(self) -> None:
        self.left -= 1
        if self.left == 0:
            raise Crash

    async def make(self, fault: Mapping[str, Any]) -> None:
        self.point()
        self.on.add(str(fault["name"]))
        self.point()

    async def prove(self, name: str) -> dict[str, Any]:
        self.point()
        return {"proven": True, "seen": "slower"}

    async def change(self, name: str, attributes: Mapping[str, int]) -> None:
        self.point()

    async def heal(self, name: str) -> dict[str, Any]:
        self.point()
        self.on.discard(name)
        self.point()
        return {"seen": "answers"}

    async def prove_link(self, link: str) -> dict[str, Any]:
        raise AssertionError


class DyingWritten(Written):
    """Dies before or after a line, as its world says."""

    world: World

    def write(self, name: str, state: Any, fault: dict[str, Any] | None = None, *, by: str = "") -> None:
        self.world.point()
        super().write(name, state, fault, by=by)
        self.world.point()


@settings(deadline=None, max_examples=80, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(dies_at=st.integers(1, 60), order=st.lists(st.sampled_from(["make", "heal", "wait"]), min_size=1, max_size=8))
def test_a_crash_at_any_point_leaves_a_list_of_all_that_must_be_healed(
        tmp_path: Path, dies_at: int, order: list[str]) -> None:
    """Whatever is on stands in the list as begun and not healed: nothing is on that nobody would heal."""
    folder = Path(tempfile.mkdtemp(dir=tmp_path))
    path = folder / "faults.jsonl"
    world = World(path, dies_at)

    async def live() -> None:
        env = LiveEnvironment()
        journal = Journal(folder / "history.jsonl", scenario="t", seed=1, engine="test")
        written = DyingWritten(path)
        written.world = world
        nemesis = Nemesis(env, [], world, journal, Phases(env), written, 1)

        def act() -> Generator[simpy.Event, Any, None]:
            for n, what in enumerate(order):
                if what == "make":
                    nemesis.make(fault(f"f{n}", **({"for": "5ms"} if n % 2 else {})), by="kim")
                elif what == "heal":
                    yield env.process(nemesis.heal_all())
                else:
                    yield env.timeout(0.01)
            yield env.process(nemesis.stand_down())

        await env.run_live(env.process(act()))

    with contextlib.suppress(Crash):
        asyncio.run(live())
    assert world.on <= {one["name"] for one in unhealed(path)}
    if world.left > 0:
        assert world.on == set() and unhealed(path) == [], "without a crash all is healed"
