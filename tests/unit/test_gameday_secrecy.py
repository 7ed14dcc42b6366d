"""A surprise goes the planned faults' road and bears its mark in every op; only the facilitator is told of it."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Coroutine, Mapping
from pathlib import Path
from typing import Any

import pytest

from sim.clock import LiveEnvironment
from sim.errors import Refused, StepFailed
from sim.faults.nemesis import Nemesis
from sim.faults.orders import Orders
from sim.faults.written import Written
from sim.heartbeat import Heartbeat
from sim.history.gameday import is_hidden
from sim.history.history import History
from sim.history.journal import Journal
from sim.history.op import Op
from sim.phases import Phases
from sim.report.metrics import Metrics
from sim.runbook.desk import Desk
from sim.runbook.price import Price
from sim.scenario import Fault, Surprise, load_scenario
from sim.scenario.gameday import GameDay
from sim.scenario.links import known_links, known_parts, with_pairs
from tui.state import Shown

SLOW = {"fault": "latency", "link": "edge->queue", "parameters": {"latency": "250ms"}}
LEAD, FACILITATOR = {"role": "lead"}, {"role": "facilitator"}


class Faults:
    """Makes and heals everything at once, unless it is told to fail."""

    def __init__(self) -> None:
        self.on: set[str] = set()
        self.asked: list[tuple[str, str]] = []
        self.healed = asyncio.Event()
        self.fails = False

    async def make(self, fault: Mapping[str, Any]) -> None:
        self.asked.append(("make", str(fault["name"])))
        if self.fails:
            raise StepFailed("Toxiproxy refuses")
        self.on.add(str(fault["name"]))

    async def prove(self, name: str) -> dict[str, Any]:
        return {"proven": True, "seen": "refused"}

    async def change(self, name: str, attributes: Mapping[str, int]) -> None: ...

    async def heal(self, name: str) -> dict[str, Any]:
        self.asked.append(("heal", name))
        self.on.discard(name)
        self.healed.set()
        return {"seen": "answers", "note": "it was started anew"}

    async def prove_link(self, link: str) -> dict[str, Any]:
        raise AssertionError


class Day:
    """One nemesis, its orders and a desk over one journal."""

    def __init__(self, tmp_path: Path, *planned: Fault) -> None:
        self.path = tmp_path / "faults.jsonl"
        self.env = LiveEnvironment()
        self.journal = Journal(tmp_path / "history.jsonl", scenario="t", seed=1, engine="test")
        self.rig, self.phases = Faults(), Phases(self.env)
        self.nemesis = Nemesis(self.env, list(planned), self.rig, self.journal, self.phases, Written(self.path), 1)
        self.orders = Orders(self.env, self.nemesis, links=with_pairs(known_links()), parts=known_parts(),
                             engine="process")
        self.desk = Desk(self.env, self.journal, lambda role: {})
        self.desk.acts |= {"inject": self.orders.inject, "heal": self.orders.heal, "faults": self.orders.faults}

    async def play(self, act: Callable[[], Coroutine[Any, Any, None]]) -> History:
        outcome = await self.env.run_live(self.env.call(act()))
        self.journal.close()
        if outcome.error is not None:
            raise outcome.error
        return History.load(self.journal.path)

    async def ask(self, verb: str, **arguments: Any) -> str:
        return await self.desk.handle(verb, "kim", arguments)

    async def refused(self, verb: str, **arguments: Any) -> str:
        with pytest.raises(Refused) as told:
            await self.ask(verb, **arguments)
        return str(told.value)


def surprise(name: str = "queue-gone", at: str = "copy", **more: Any) -> Surprise:
    return Surprise.model_validate({"name": name, "fault": "down", "link": "edge->queue", "at": at, **more})


async def test_a_surprise_is_written_ahead_with_its_mark_and_all_its_ops_are_hidden(tmp_path: Path) -> None:
    day = Day(tmp_path, surprise(**{"for": "50ms"}))
    day.nemesis.start()

    async def act() -> None:
        day.phases.mark("copy")
        await day.rig.healed.wait()

    history = await day.play(act)
    told = [json.loads(line) for line in day.path.read_text().splitlines()]
    assert told[0]["state"] == "making" and told[0]["fault"]["surprise"] is True
    assert day.rig.asked == [("make", "queue-gone"), ("heal", "queue-gone")]
    assert [op.f for op in history.ops] == ["fault", "made", "fault", "heal", "heal", "note"]
    assert all(is_hidden(op) for op in history.ops)


async def test_one_that_fails_is_hidden_too(tmp_path: Path) -> None:
    day = Day(tmp_path, surprise())
    day.rig.fails = True
    day.nemesis.start()

    async def act() -> None:
        day.phases.mark("copy")
        await day.rig.healed.wait()

    history = await day.play(act)
    assert [(op.f, op.type) for op in history.ops][:2] == [("fault", "invoke"), ("fault", "fail")]
    assert all(is_hidden(op) for op in history.ops)


async def test_players_neither_see_nor_make_nor_heal_a_surprise(tmp_path: Path) -> None:
    day = Day(tmp_path, surprise("edge-dies", "by hand"))

    async def act() -> None:
        assert await day.ask("faults", **LEAD) == "no fault is on and none is planned"
        assert "planned  edge-dies" in await day.ask("faults", **FACILITATOR)
        assert "there is no fault `edge-dies`" in await day.refused("inject", fault="edge-dies", **LEAD)
        assert (await day.ask("inject", fault="edge-dies", **FACILITATOR)).startswith("edge-dies: down")
        assert "no fault is on" in await day.refused("heal", **LEAD)
        await day.ask("inject", **SLOW, **LEAD)
        assert await day.ask("heal", **LEAD) == "healed: latency-1"
        assert day.rig.on == {"edge-dies"}, "what a player heals is what a player sees"
        assert await day.ask("heal", name="edge-dies", **FACILITATOR) == "healed: edge-dies"

    history = await day.play(act)
    seen = json.dumps([op.value for op in history.ops if not is_hidden(op) and op.f != "inject"])
    assert "edge-dies" not in seen and "latency-1" in seen


async def test_what_the_facilitator_orders_on_the_spot_is_a_surprise(tmp_path: Path) -> None:
    day = Day(tmp_path)

    async def act() -> None:
        await day.ask("inject", **SLOW, **FACILITATOR)
        assert await day.ask("faults") == "no fault is on and none is planned"

    assert all(is_hidden(op) for op in (await day.play(act)).ops)


async def test_the_facilitators_commands_are_hidden_and_a_players_bear_his_role(tmp_path: Path) -> None:
    day = Day(tmp_path)

    async def act() -> None:
        await day.ask("pause", **FACILITATOR)
        await day.ask("resume", tag="now", **LEAD)
        await day.ask("note", role="scribe", text="captures fail", tag="now")
        await day.ask("note", text="they sleep", **FACILITATOR)

    ops = (await day.play(act)).ops
    shown = [(op.f, (op.value or {}).get("role")) for op in ops if not is_hidden(op)]
    assert shown == [("resume", "lead")] * 2 + [("note", "scribe")] * 3
    note = next(op for op in ops if op.process == "harness")
    assert note.value == {"text": "captures fail", "level": "info", "who": "kim", "tag": "now", "role": "scribe"}


async def test_the_facilitator_lists_acts_and_tags_them(tmp_path: Path) -> None:
    day = Day(tmp_path)
    day.desk.said.surprises = lambda: ["queue-gone"]
    numbers: list[str] = []

    async def act() -> None:
        assert await day.ask("tag", **FACILITATOR) == "nobody has said anything yet"
        await day.ask("pause", **LEAD)
        await day.ask("note", role="scribe", text="captures fail", tag="now")
        listed = (await day.ask("tag", **FACILITATOR)).splitlines()
        assert listed[0].endswith("kim: pause") and listed[1].endswith("kim: captures fail  (now)")
        number = listed[0].split()[0].lstrip("#")
        numbers.append(number)
        asked = {"of": number, "injection": "queue-gone"}
        assert await day.ask("tag", **asked, **FACILITATOR) == f"#{number} is about queue-gone"
        assert "(queue-gone)" in (await day.ask("tag", **FACILITATOR)).splitlines()[0]
        assert "only the facilitator" in await day.refused("tag", **asked, **LEAD)
        assert "did you mean queue-gone?" in await day.refused(
            "tag", of=number, injection="queue-gon", **FACILITATOR)
        assert "no note and no command" in await day.refused("tag", of=9999, injection="queue-gone", **FACILITATOR)

    ops = (await day.play(act)).ops
    op = next(op for op in ops if op.f == "tag" and op.type == "invoke" and "of" in (op.value or {}))
    assert op.value == {"who": "kim", "of": numbers[0], "injection": "queue-gone", "role": "facilitator"}


def test_an_op_without_a_mark_is_everybodys() -> None:
    assert not is_hidden(Op(0, "info", "nemesis", "fault", 0.0, value={"name": "slow"}))
    assert not is_hidden(Op(0, "info", "operator", "pause", 0.0, value={"role": "lead"}))
    assert not is_hidden(Op(0, "info", "web-1", "introspect", 0.0))


async def test_nothing_that_players_look_at_names_a_surprise(tmp_path: Path) -> None:
    """The plain lines, the figures and the state behind every screen, fed with a day as it was really written."""
    day = Day(tmp_path, surprise(**{"for": "50ms"}), surprise("edge-dies", "by hand"))
    said: list[str] = []
    scenario = load_scenario("10").model_copy(update={"gameday": GameDay(card=[surprise(), surprise("edge-dies")])})
    metrics, shown = Metrics(scenario="t", seed=1, engine="test"), Shown(scenario, is_masked=True)
    for subscriber in (Heartbeat(said.append, day.journal, Price()), metrics, shown.feed):
        day.journal.subscribe(subscriber)
    day.nemesis.start()

    async def act() -> None:
        day.phases.mark("copy")
        await day.rig.healed.wait()
        await day.ask("inject", fault="edge-dies", **FACILITATOR)
        await day.ask("note", text="the edge-dies card is out", **FACILITATOR)
        await day.ask("note", text="clients fail", tag="now", role="scribe")
        await day.ask("inject", **SLOW, **LEAD)
        await day.ask("heal", **FACILITATOR)

    await day.play(act)
    shown.settle()
    seen = "\n".join([*said, metrics.text(), *(e.text for e in shown.events), str(shown.faults.active),
                      *(f.name for f in shown.faults.log), *(c.summary for c in shown.verdict.checks)]
                     if shown.verdict is not None else [])
    assert "latency-1" in seen and "clients fail" in seen, "what everybody may know is there"
    assert "queue-gone" not in seen and "edge-dies" not in seen
    assert shown.day is not None and next(a.text for a in shown.day.noticing.acts) == "clients fail"
