"""The nemesis: written before it is made, made at its instant, healed whatever happens."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Generator, Mapping
from pathlib import Path
from typing import Any

import pytest
import simpy

from sim.clock import LiveEnvironment
from sim.errors import StepFailed
from sim.faults.nemesis import Nemesis
from sim.faults.toxics import jittered
from sim.faults.written import Written, unhealed
from sim.history.history import History
from sim.history.journal import Journal
from sim.phases import Phases
from sim.scenario import Fault


class ScriptedFaults:
    """Notes what it is asked, with what faults.jsonl held at that instant."""

    def __init__(self, path: Path, *, failing: str = "", error: Exception | None = None) -> None:
        self.path, self.failing = path, failing
        self.error = error or StepFailed("Toxiproxy refuses", seen="409")
        self.asked: list[tuple[str, str]] = []
        self.on_disk: list[list[tuple[str, str]]] = []
        self.attributes: list[Mapping[str, int]] = []
        self.proven: list[str] = []

    def _note(self, act: str, name: str) -> None:
        self.asked.append((act, name))
        self.on_disk.append(lines(self.path))
        if self.failing == act:
            raise self.error

    async def make(self, fault: Mapping[str, Any]) -> None:
        self._note("make", fault["name"])

    async def prove(self, name: str) -> dict[str, Any]:
        self.proven.append(name)
        return {"proven": True, "seen": "slower"}

    async def change(self, name: str, attributes: Mapping[str, int]) -> None:
        self.attributes.append(attributes)
        self._note("change", name)

    async def heal(self, name: str) -> dict[str, Any]:
        self._note("heal", name)
        return {"proven": True}

    async def prove_link(self, link: str) -> dict[str, Any]:
        raise AssertionError("the nemesis proves no link")


def lines(path: Path) -> list[tuple[str, str]]:
    return [(told["name"], told["state"]) for told in map(json.loads, path.read_text().splitlines())]


def fault(name: str = "slow", kind: str = "latency", at: str = "copy", **more: Any) -> Fault:
    told: dict[str, Any] = {"latency": "50ms"} if kind == "latency" else {}
    return Fault.model_validate({"name": name, "fault": kind, "link": "edge->queue", "at": at, **told, **more})


class Stage:
    """One nemesis with its journal, phases and a scripted rig."""

    def __init__(self, tmp_path: Path, *faults: Fault, seed: int = 10, failing: str = "",
                 error: Exception | None = None) -> None:
        self.path = tmp_path / "faults.jsonl"
        self.marked_s = 0.0
        self.env = LiveEnvironment()
        self.journal = Journal(tmp_path / "history.jsonl", scenario="t", seed=seed, engine="test")
        self.phases = Phases(self.env)
        self.written = Written(self.path)
        self.rig = ScriptedFaults(self.path, failing=failing, error=error)
        self.nemesis = Nemesis(self.env, list(faults), self.rig, self.journal, self.phases, self.written, seed)

    async def play(self, act: Callable[[Stage], Generator[simpy.Event, Any, None]]) -> History:
        self.nemesis.start()
        await self.env.run_live(self.env.process(act(self)))
        self.journal.close()
        self.written.close()
        return History.load(self.journal.path)


def walking(stage: Stage) -> Generator[simpy.Event, Any, None]:
    """The copy begins after 50 ms; the run ends 250 ms later, with everything healed."""
    yield stage.env.timeout(0.05)
    stage.marked_s = stage.journal.now_s()
    stage.phases.mark("copy")
    yield stage.env.timeout(0.25)
    yield stage.env.process(stage.nemesis.heal_all())


def unhealed_by_the_end(stage: Stage) -> Generator[simpy.Event, Any, None]:
    """The copy begins at once; nobody heals anything at the end."""
    stage.phases.mark("copy")
    yield stage.env.timeout(0.2)


def acts(history: History) -> list[tuple[str, str]]:
    return [(c.begun.f, c.done.type if c.done else "open") for c in history.calls()]


async def test_it_is_on_the_disk_before_the_rig_is_asked(tmp_path: Path) -> None:
    stage = Stage(tmp_path, fault(**{"for": "50ms"}))
    await stage.play(walking)
    assert stage.rig.asked == [("make", "slow"), ("heal", "slow")]
    assert stage.rig.on_disk[0] == [("slow", "making")]
    assert stage.rig.on_disk[1] == [("slow", "making"), ("slow", "made")]
    assert lines(stage.path) == [("slow", "making"), ("slow", "made"), ("slow", "healed")]


async def test_the_written_line_holds_what_must_be_taken_off(tmp_path: Path) -> None:
    stage = Stage(tmp_path, fault(), failing="heal")
    await stage.play(walking)
    (left,) = unhealed(stage.path)
    assert (left["name"], left["link"], left["stream"], left["toxic"]) == (
        "slow", "edge->queue", "downstream", {"latency": 50, "jitter": 0})


async def test_made_and_healed_are_ops_with_what_was_seen(tmp_path: Path) -> None:
    history = await Stage(tmp_path, fault(**{"for": "50ms"})).play(walking)
    made, healed = history.calls()
    assert (made.begun.process, made.begun.f, healed.begun.f) == ("nemesis", "fault", "heal")
    assert made.begun.value is not None and made.begun.value["effect"] == "slower"
    assert made.done is not None and made.done.value is not None
    effect_s = made.done.value.pop("effect_s")
    assert made.done.value == {"name": "slow", "proven": True, "seen": "slower"}
    (note,) = history.notes("made")
    assert note.value == {"name": "slow", "effect_s": effect_s} and effect_s >= 0
    assert made.begun.i < note.i < made.done.i, "in effect first, then looked at"
    assert healed.done is not None and healed.done.type == "ok"
    assert 0.04 <= healed.begun.t_s - note.t_s <= 2, "it lasts as long as it says, from when it was in effect"


async def test_it_waits_for_its_phase_and_offset(tmp_path: Path) -> None:
    stage = Stage(tmp_path, fault("early", at="copy"), fault("late", at="copy + 100ms"), fault("never", at="migrate"),
                  fault("hand", at="by hand"))
    history = await stage.play(walking)
    begun = {c.begun.value["name"]: c.begun.t_s for c in history.calls() if c.begun.f == "fault" and c.begun.value}
    assert set(begun) == {"early", "late"}
    begun = {name: t_s - stage.marked_s for name, t_s in begun.items()}  # noted a moment after the mark itself
    assert -0.005 <= begun["early"] < 0.095 <= begun["late"] <= 2


async def test_an_offset_that_has_passed_is_made_up_for_at_once(tmp_path: Path) -> None:
    """A phase that was reached long before the nemesis looked."""
    stage = Stage(tmp_path, fault(at="copy + 10ms"))

    def late(stage: Stage) -> Generator[simpy.Event, Any, None]:
        yield stage.env.timeout(0.1)

    stage.phases.mark("copy")
    await stage.play(late)
    assert stage.rig.asked == [("make", "slow")]


async def test_a_fault_whose_making_fails_is_healed_and_written_so(tmp_path: Path) -> None:
    """Nobody knows how far it came: it is taken off all the same."""
    stage = Stage(tmp_path, fault(), failing="make")
    history = await stage.play(unhealed_by_the_end)
    assert stage.rig.asked == [("make", "slow"), ("heal", "slow")]
    assert lines(stage.path) == [("slow", "making"), ("slow", "healed")]
    assert acts(history) == [("fault", "fail"), ("heal", "ok")]
    failed = next(op for op in history.ops if op.type == "fail")
    assert "Toxiproxy refuses" in str(failed.error)
    assert stage.nemesis.active == {}


async def test_a_making_without_an_answer_is_not_said_to_have_failed_for_sure(tmp_path: Path) -> None:
    stage = Stage(tmp_path, fault(), failing="make", error=TimeoutError("no answer"))
    history = await stage.play(unhealed_by_the_end)
    assert acts(history) == [("fault", "info"), ("heal", "ok")]
    assert lines(stage.path)[-1] == ("slow", "healed")


async def test_a_fault_that_cannot_be_healed_stays_open_on_the_disk(tmp_path: Path) -> None:
    stage = Stage(tmp_path, fault(), failing="heal")
    history = await stage.play(walking)
    assert ("heal", "fail") in acts(history)
    assert [one["name"] for one in unhealed(stage.path)] == ["slow"]


async def test_the_end_heals_what_still_lasts_and_nothing_twice(tmp_path: Path) -> None:
    stage = Stage(tmp_path, fault("short", **{"for": "30ms"}), fault("long"), fault("longer", **{"for": "1h"}))
    await stage.play(walking)
    assert sorted(name for act, name in stage.rig.asked if act == "heal") == ["long", "longer", "short"]
    assert unhealed(stage.path) == []


async def test_jitter_follows_the_seed(tmp_path: Path) -> None:
    slow = fault(jitter="40ms", **{"for": "600ms"})

    def longer(stage: Stage) -> Generator[simpy.Event, Any, None]:
        stage.phases.mark("copy")
        yield stage.env.timeout(0.8)

    stage = Stage(tmp_path, slow)
    await stage.play(longer)
    assert len(stage.rig.attributes) >= 3
    assert stage.rig.attributes == [jittered(slow, 10, n) for n in range(1, len(stage.rig.attributes) + 1)]
    assert stage.rig.asked[-1] == ("heal", "slow")


async def test_jitter_of_a_fault_without_end_moves_too_and_stops_with_its_healing(tmp_path: Path) -> None:
    def healed_early(stage: Stage) -> Generator[simpy.Event, Any, None]:
        stage.phases.mark("copy")
        yield stage.env.timeout(0.4)
        yield stage.env.process(stage.nemesis.heal_all())
        yield stage.env.timeout(0.4)

    stage = Stage(tmp_path, fault("endless", jitter="40ms"), fault("timed", jitter="40ms", **{"for": "1h"}))
    await stage.play(healed_early)
    for name in ("endless", "timed"):
        own = [act for act, told in stage.rig.asked if told == name]
        assert own[0] == "make" and own[-1] == "heal" and own.count("change") >= 2, f"{name}: {own}"
        assert own.count("heal") == 1


async def test_a_fault_ends_with_its_phase_at_the_latest(tmp_path: Path) -> None:
    def phases(stage: Stage) -> Generator[simpy.Event, Any, None]:
        stage.phases.mark("copy")
        yield stage.env.timeout(0.1)
        stage.phases.mark("copy.end")
        yield stage.env.timeout(0.2)

    stage = Stage(tmp_path, fault("a", until="copy.end"), fault("b", until="copy.end", **{"for": "1h"}),
                  fault("c", until="copy.end", **{"for": "20ms"}))
    history = await stage.play(phases)
    healed = [c.begun.value["name"] for c in history.calls() if c.begun.f == "heal" and c.begun.value]
    assert unhealed(stage.path) == []
    assert healed[0] == "c" and set(healed[1:]) == {"a", "b"}, "its own time first, then the phase, not 1h"


class Waiting(ScriptedFaults):
    """A fault is made once its part comes to a point, or not at all if it is healed before."""

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self.point, self.healed, self.over = asyncio.Event(), asyncio.Event(), asyncio.Event()

    async def make(self, fault: Mapping[str, Any]) -> None:
        waits = [asyncio.ensure_future(one.wait()) for one in (self.point, self.healed)]
        await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        for one in waits:
            one.cancel()
        self.over.set()
        self._note("make" if self.point.is_set() else "give up", fault["name"])
        if not self.point.is_set():
            raise StepFailed("healed before its point")

    async def heal(self, name: str) -> dict[str, Any]:
        self.healed.set()
        await self.over.wait()  # as RealFaults: never made and healed at once
        return await super().heal(name)


def dying(**more: Any) -> Fault:
    return Fault.model_validate({"name": "dies", "fault": "kill", "part": "edge", "at": "copy", "after": "intent",
                                 **more})


def waiting_on(stage: Stage) -> Any:
    """Give a stage a rig whose fault waits for its point."""
    rig: Any = Waiting(stage.path)
    stage.rig = stage.nemesis._rig = rig
    return rig


async def test_what_waits_for_its_point_lasts_from_there(tmp_path: Path) -> None:
    stage = Stage(tmp_path, dying(**{"for": "400ms"}))
    rig = waiting_on(stage)

    def walk(stage: Stage) -> Generator[simpy.Event, Any, None]:
        stage.phases.mark("copy")
        yield stage.env.timeout(0.15)
        assert lines(stage.path) == [("dies", "making")] and stage.nemesis.active["dies"].state == "making"
        rig.point.set()
        yield stage.env.timeout(0.9)

    history = await stage.play(walk)
    made, healed = history.calls()
    assert made.done is not None and made.done.value is not None and made.begun.value is not None
    assert made.begun.value["after"] == "intent"
    assert made.done.value["effect_s"] >= 0.15, "from the order to the effect"
    assert healed.begun.t_s - made.done.t_s >= 0.2, "its time counts from there, not from the order"
    assert lines(stage.path) == [("dies", "making"), ("dies", "made"), ("dies", "healed")]


@pytest.mark.parametrize("until", [None, "copy.end"])
async def test_what_never_comes_to_its_point_is_called_off_and_not_proven(tmp_path: Path, until: str | None) -> None:
    """By its last instant, or by the end of the run."""
    stage = Stage(tmp_path, dying(until=until))
    rig = waiting_on(stage)

    def walk(stage: Stage) -> Generator[simpy.Event, Any, None]:
        stage.phases.mark("copy")
        yield stage.env.timeout(0.05)
        stage.phases.mark("copy.end")
        yield stage.env.timeout(0.1)
        assert (stage.nemesis.active == {}) is (until is not None)
        yield stage.env.process(stage.nemesis.stand_down())

    history = await stage.play(walk)
    assert sorted(acts(history)) == [("fault", "fail"), ("heal", "ok")]
    assert ("make", "dies") not in rig.asked and unhealed(stage.path) == []
