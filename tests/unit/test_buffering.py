"""The buffer by hand: only where no step buffers itself, and never left shut on the way back."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from scripted_rig import ScriptedOperations, ScriptedRig

from sim.errors import Refused, StepFailed
from sim.runbook.buffering import HandBuffer
from sim.scenario import load_scenario


class Notes:
    def __init__(self) -> None:
        self.states: list[str] = []

    def note(self, process: str, f: str, value: dict[str, Any]) -> None:
        self.states.append(value["state"])


def sitting(times_s: dict[str, float] | None = None, *, aborted: bool = False,
            failing: set[str] | None = None) -> tuple[HandBuffer, ScriptedOperations, Notes]:
    operations, notes = ScriptedOperations(failing=failing), Notes()
    ctx: Any = SimpleNamespace(rig=ScriptedRig(operations), scenario=load_scenario("10"), journal=notes,
                               phases=SimpleNamespace(times_s=times_s or {}),
                               desk=SimpleNamespace(aborted=SimpleNamespace(triggered=aborted)))
    return HandBuffer(ctx), operations, notes


async def test_on_says_how_long_requests_wait_and_off_lets_them_go() -> None:
    buffer, operations, notes = sitting({"cutover": 1.0, "cutover.end": 2.0})
    assert "3 s each and 2000 at most" in await buffer.command("kim", {"on": True})
    assert buffer.is_on and "released" in await buffer.command("kim", {"on": False})
    assert operations.done == ["buffer", "release"] and notes.states == ["BUFFERING", "RUNNING"] and not buffer.is_on


@pytest.mark.parametrize("on", [None, "on", 1])
async def test_anything_but_on_and_off_is_refused(on: Any) -> None:
    with pytest.raises(Refused, match="on or off"):
        await sitting()[0].command("kim", {"on": on})


@pytest.mark.parametrize("what", [{"times_s": {"cutover": 1.0}}, {"aborted": True}])
async def test_not_while_the_cutover_or_the_way_back_buffers_itself(what: dict[str, Any]) -> None:
    buffer, operations, _ = sitting(**what)
    with pytest.raises(Refused, match="by itself"):
        await buffer.command("kim", {"on": False})
    assert operations.done == []


async def test_an_edge_that_does_not_answer_leaves_it_off() -> None:
    buffer, _, notes = sitting(failing={"buffer"})
    with pytest.raises(StepFailed):
        await buffer.command("kim", {"on": True})
    assert not buffer.is_on and notes.states == []
