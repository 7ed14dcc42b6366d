"""Orders: a fault asked for by hand is checked by the file's rules and takes the planned ones' road."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Mapping
from pathlib import Path
from typing import Any

import pytest

from sim.clock import LiveEnvironment
from sim.errors import Refused, StepFailed
from sim.faults.nemesis import Nemesis
from sim.faults.orders import Orders
from sim.faults.written import Written, unhealed
from sim.history.history import History
from sim.history.journal import Journal
from sim.phases import Phases
from sim.scenario import Fault
from sim.scenario.links import known_links, known_parts, with_pairs

SLOW = {"fault": "latency", "link": "edge->queue", "parameters": {"latency": "250ms"}}


class Faults:
    """Makes everything at once, unless told to fail."""

    def __init__(self) -> None:
        self.on: set[str] = set()
        self.failing = ""

    async def make(self, fault: Mapping[str, Any]) -> None:
        if self.failing == "make":
            raise StepFailed("Toxiproxy refuses")
        self.on.add(str(fault["name"]))

    async def prove(self, name: str) -> dict[str, Any]:
        return {"proven": True, "seen": "answered, 251 ms later than usual"}

    async def change(self, name: str, attributes: Mapping[str, int]) -> None: ...

    async def heal(self, name: str) -> dict[str, Any]:
        if self.failing == "heal":
            raise StepFailed("it does not answer")
        self.on.discard(name)
        return {"seen": "answers"}

    async def prove_link(self, link: str) -> dict[str, Any]:
        raise AssertionError


class Sitting:
    def __init__(self, tmp_path: Path, *planned: Fault) -> None:
        self.path = tmp_path / "faults.jsonl"
        self.env = LiveEnvironment()
        self.journal = Journal(tmp_path / "history.jsonl", scenario="t", seed=1, engine="test")
        self.rig = Faults()
        self.nemesis = Nemesis(self.env, list(planned), self.rig, self.journal, Phases(self.env),
                               Written(self.path), 1)
        self.orders = Orders(self.env, self.nemesis, links=with_pairs(known_links()), parts=known_parts(),
                             engine="process")

    async def play(self, act: Callable[[], Coroutine[Any, Any, None]]) -> History:
        outcome = await self.env.run_live(self.env.call(act()))
        self.journal.close()
        if outcome.error is not None:
            raise outcome.error
        return History.load(self.journal.path)

    async def refused(self, **arguments: Any) -> str:
        with pytest.raises(Refused) as told:
            await self.orders.inject("kim", arguments)
        return str(told.value)


async def test_an_order_is_made_proven_listed_and_healed(tmp_path: Path) -> None:
    sitting = Sitting(tmp_path)

    async def act() -> None:
        told = await sitting.orders.inject("kim", {**SLOW, "for_s": 30})
        assert told.startswith("latency-1: latency on edge->queue, in effect after ")
        assert "proven: answered, 251 ms later" in told and told.endswith("heals in 30 s")
        assert unhealed(sitting.path)[0]["toxic"] == {"latency": 250, "jitter": 0}
        assert "on       latency-1  latency on edge->queue latency 250ms  proven" in await sitting.orders.faults("", {})
        assert await sitting.orders.heal("kim", {"name": "latency-1"}) == "healed: latency-1"
        assert await sitting.orders.faults("", {}) == "no fault is on and none is planned"

    history = await sitting.play(act)
    assert unhealed(sitting.path) == []
    assert [(c.begun.process, c.begun.f, c.done.type) for c in history.calls() if c.done] == [
        ("nemesis", "fault", "ok"), ("nemesis", "heal", "ok")]
    assert next(iter(history.calls())).begun.value["by"] == "kim"  # type: ignore[index]


async def test_a_timed_order_heals_by_itself(tmp_path: Path) -> None:
    sitting = Sitting(tmp_path)

    async def act() -> None:
        await sitting.orders.inject("kim", {**SLOW, "for_s": 0.05})
        await asyncio.sleep(0.2)
        assert sitting.rig.on == set() and sitting.nemesis.active == {}

    await sitting.play(act)


async def test_heal_without_a_name_heals_all(tmp_path: Path) -> None:
    sitting = Sitting(tmp_path)

    async def act() -> None:
        await sitting.orders.inject("kim", SLOW)
        await sitting.orders.inject("kim", {"fault": "down", "link": "edge->blue-hydra", "name": "cut"})
        assert await sitting.orders.heal("kim", {}) == "healed: latency-1, cut"
        with pytest.raises(Refused, match="no fault is on"):
            await sitting.orders.heal("kim", {})

    await sitting.play(act)


@pytest.mark.parametrize(("arguments", "why"), [
    ({"fault": "latncy"}, "did you mean latency?"),
    ({}, "inject needs a fault"),
    ({**SLOW, "link": "edge->queu"}, "did you mean edge->queue?"),
    ({"fault": "latency", "link": "edge->queue"}, "needs `latency`"),
    ({"fault": "latency", "link": "edge->queue", "parameters": {"latency": "250"}}, "is not a duration"),
    ({**SLOW, "parameters": {"latency": "1s", "rate": "3KB/s"}}, "`rate` does not belong"),
    ({**SLOW, "parameters": {"latenci": "1s"}}, "did you mean latency?"),
    ({**SLOW, "for_s": 0}, "more than nothing"),
    ({**SLOW, "for_s": "soon"}, "not a number of seconds"),
    ({"fault": "latency", "part": "edge", "parameters": {"latency": "1s"}}, "needs `link`"),
    ({"fault": "disk", "part": "blue-postgres"}, "the process engine can't make the fault `disk`"),
    ({"fault": "fsync", "part": "blue-postgres", "parameters": {"delay": 0.2}}, "is 1ms to 100ms"),
    ({"fault": "kill", "part": "edg"}, "did you mean edge?"),
    ({"fault": "kill", "link": "edge->queue"}, "needs `part`"),
    ({"fault": "cpu", "part": "edge", "parameters": {"cpu": "10%"}}, "the process engine can't make the fault `cpu`"),
    ({"fault": "full", "part": "edge"}, "it can on queue"),
    ({"fault": "kill", "part": "queue", "parameters": {"after": "intent"}}, "on `edge`, not on `queue`"),
    ({"fault": "kill", "part": "edge", "parameters": {"message": "3"}}, "on `replayer`, not on `edge`"),
    ({"fault": "kill", "part": "edge", "parameters": {"after": "intnt"}}, "`after`"),
    ({"fault": "stop", "part": "edge", "parameters": {"after": "intent"}}, "write fault: kill, or leave after out"),
    ({"fault": "restart", "part": "edge", "for_s": 3}, "over at once"),
    ({"fault": "partition", "part": "edge", "parameters": {"from": "copier"}}, "no link leads between"),
    ({"fault": "lock", "part": "blue-postgres", "parameters": {"table": "a; DROP"}}, "`table`"),
    ({**SLOW, "name": "no name"}, "`name`"),
])
async def test_a_refused_order_says_why_and_leaves_no_trace(tmp_path: Path, arguments: dict[str, Any],
                                                            why: str) -> None:
    sitting = Sitting(tmp_path)

    async def act() -> None:
        assert why in await sitting.refused(**arguments)

    history = await sitting.play(act)
    assert history.ops == [] and unhealed(sitting.path) == []


async def test_a_name_is_used_once(tmp_path: Path) -> None:
    sitting = Sitting(tmp_path)

    async def act() -> None:
        await sitting.orders.inject("kim", {**SLOW, "name": "a"})
        await sitting.orders.heal("kim", {})
        assert "was there before" in await sitting.refused(**SLOW, name="a")

    await sitting.play(act)


async def test_what_can_not_be_made_is_refused_with_the_reason(tmp_path: Path) -> None:
    sitting = Sitting(tmp_path)
    sitting.rig.failing = "make"

    async def act() -> None:
        assert "Toxiproxy refuses" in await sitting.refused(**SLOW)

    await sitting.play(act)
    assert unhealed(sitting.path) == []


async def test_what_can_not_be_healed_says_so_and_can_be_tried_again(tmp_path: Path) -> None:
    sitting = Sitting(tmp_path)

    async def act() -> None:
        await sitting.orders.inject("kim", SLOW)
        sitting.rig.failing = "heal"
        with pytest.raises(Refused, match="could be taken off"):
            await sitting.orders.heal("kim", {})
        assert [one["name"] for one in unhealed(sitting.path)] == ["latency-1"]
        sitting.rig.failing = ""
        assert await sitting.orders.heal("kim", {}) == "healed: latency-1"

    await sitting.play(act)
    assert unhealed(sitting.path) == []


async def test_a_fault_kept_by_hand_is_made_by_its_name(tmp_path: Path) -> None:
    kept = Fault.model_validate({"name": "queue-gone", "fault": "down", "link": "edge->queue", "at": "by hand"})
    sitting = Sitting(tmp_path, kept)

    async def act() -> None:
        assert "planned  queue-gone  down on edge->queue  at by hand" in await sitting.orders.faults("", {})
        assert "queue-gone: down on edge->queue" in await sitting.orders.inject("kim", {"fault": "queue-gone"})
        assert sitting.rig.on == {"queue-gone"}
        assert "planned" not in await sitting.orders.faults("", {})

    await sitting.play(act)


async def test_a_fault_on_a_part_takes_the_same_road(tmp_path: Path) -> None:
    sitting = Sitting(tmp_path)

    async def act() -> None:
        cut_off = {"fault": "partition", "part": "edge", "parameters": {"from": "queue"}}
        told = await sitting.orders.inject("kim", cut_off)
        assert told.startswith("partition-1: partition on edge")
        assert "partition on edge from queue" in await sitting.orders.faults("", {})
        assert "over at once" in await sitting.orders.inject("kim", {"fault": "restart", "part": "authz"})
        await asyncio.sleep(0.05)
        assert "restart-1" not in sitting.nemesis.active, "what is over at once is healed at once"

    history = await sitting.play(act)
    begun = [c.begun.value for c in history.calls() if c.begun.f == "fault"]
    assert begun[0] == {"name": "partition-1", "fault": "partition", "part": "edge", "from": "queue", "by": "kim"}
    assert [c.begun.value for c in history.calls() if c.begun.f == "heal"] == [{"name": "restart-1", "part": "authz"}]


async def test_numbers_are_seconds_and_bytes_as_a_screen_sends_them(tmp_path: Path) -> None:
    sitting = Sitting(tmp_path)

    async def act() -> None:
        await sitting.orders.inject("kim", {"fault": "latency", "link": "edge->queue", "latency": 0.25, "for": 10.0})
        await sitting.orders.inject("kim", {"fault": "bandwidth", "link": "edge->queue", "rate": 65536.0})
        told = await sitting.orders.faults("", {})
        assert "latency 250ms" in told and "rate 64KiB/s" in told and "heals in 10 s" in told

    await sitting.play(act)


async def test_an_order_that_waits_for_its_point_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sim.faults.orders.PROOF_S", 0.05)
    sitting = Sitting(tmp_path)
    comes = asyncio.Event()

    async def make(fault: Mapping[str, Any]) -> None:
        assert fault["message"] == 3
        await comes.wait()

    monkeypatch.setattr(sitting.rig, "make", make)

    async def act() -> None:
        told = await sitting.orders.inject("kim", {"fault": "kill", "part": "replayer", "parameters": {"message": "3"}})
        assert told == ("kill-1: kill on replayer, waits for its point; not in effect yet; "
                        "then until somebody heals it")
        comes.set()
        await asyncio.sleep(0.05)
        assert "proven" in await sitting.orders.faults("kim", {})
        await sitting.orders.heal("kim", {})

    await sitting.play(act)
