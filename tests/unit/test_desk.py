"""The operator's desk: every command is an op with who gave it; what cannot be done says why."""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import Any

import pytest
import simpy

from sim.checks.timeline import Timeline
from sim.control import VERBS
from sim.errors import Refused, StepFailed
from sim.history.history import History
from sim.history.journal import Journal
from sim.runbook.desk import Answer, Desk


class Sitting:
    """A desk with a journal whose history can be read back."""

    def __init__(self, path: Path) -> None:
        self.env = simpy.Environment()
        self.journal = Journal(path, scenario="t", seed=1, engine="test")
        self.desk = Desk(self.env, self.journal, lambda role: {"t_s": 4.2})

    async def ask(self, verb: str, **arguments: Any) -> str:
        return await self.desk.handle(verb, "kim", arguments)

    async def refused(self, verb: str, **arguments: Any) -> str:
        with pytest.raises(Refused) as told:
            await self.ask(verb, **arguments)
        return str(told.value)

    def history(self) -> History:
        self.journal.close()
        return History.load(self.journal.path)


@pytest.fixture
def sitting(tmp_path: Path) -> Sitting:
    return Sitting(tmp_path / "history.jsonl")


async def test_every_verb_of_the_socket_is_known_at_the_desk(sitting: Sitting) -> None:
    for verb in VERBS:
        if verb != "status":
            assert callable(getattr(sitting.desk, verb))
    assert "4.2" in await sitting.ask("status")


async def test_a_command_and_a_refusal_are_ops_with_who_and_reason(sitting: Sitting) -> None:
    await sitting.ask("pause", reason="lunch")
    said = await sitting.refused("approve", reason="go on")
    calls = [c for c in sitting.history().calls() if c.begun.process == "operator"]
    assert [(c.begun.f, c.done.type if c.done else None) for c in calls] == [("pause", "ok"), ("approve", "fail")]
    assert calls[0].begun.value == {"who": "kim", "reason": "lunch"}
    assert calls[1].done is not None and calls[1].done.value == {"told": said}
    assert said == "no gate waits for a decision"


async def test_status_is_no_command(sitting: Sitting) -> None:
    await sitting.ask("status")
    assert sitting.history().ops == []


async def test_only_plain_values_stand_in_the_history(sitting: Sitting) -> None:
    await sitting.ask("pause", reason="x", deep={"a": 1}, many=[1] * 1000, **{"k" * 100: 1})
    (call,) = sitting.history().calls()
    assert call.begun.value == {"who": "kim", "reason": "x", "k" * 20: 1}


async def test_pause_and_resume(sitting: Sitting) -> None:
    desk = sitting.desk
    assert await sitting.refused("resume") == "the runbook is not paused"
    await sitting.ask("pause")
    assert desk.paused and await sitting.refused("pause") == "the runbook is paused already"
    first = desk.resumed
    await sitting.ask("resume")
    assert first.triggered and not desk.paused
    await sitting.ask("pause")
    assert desk.paused and not desk.resumed.triggered, "a second pause waits for a resume of its own"


@pytest.mark.parametrize(("verb", "decision"), [("approve", "go"), ("nogo", "rollback"), ("postpone", "postpone")])
async def test_a_gate_takes_one_decision(sitting: Sitting, verb: str, decision: str) -> None:
    event = sitting.desk.open_gate("cutover")
    told = await sitting.ask(verb, reason="because", **({"for_s": 90} if verb == "postpone" else {}))
    assert told == f"{decision} for cutover"
    assert event.value == Answer(decision, "kim", "because", 90.0 if verb == "postpone" else 0.0)  # type: ignore[arg-type]
    assert await sitting.refused("approve") == "no gate waits for a decision"


async def test_a_gate_whose_time_ran_out_takes_none(sitting: Sitting) -> None:
    event = sitting.desk.open_gate("cutover")
    sitting.desk.close_gate()
    assert await sitting.refused("approve") == "no gate waits for a decision"
    assert not event.triggered


async def test_a_second_gate_waits_for_a_decision_of_its_own(sitting: Sitting) -> None:
    sitting.desk.open_gate("cutover")
    await sitting.ask("approve")
    second = sitting.desk.open_gate("close")
    assert not second.triggered
    await sitting.ask("nogo")
    assert second.value.decision == "rollback"


@pytest.mark.parametrize("for_s", [0, -1, 3601, float("inf"), float("nan"), "soon", None])
async def test_nobody_postpones_by_nothing_or_for_ever(sitting: Sitting, for_s: Any) -> None:
    sitting.desk.open_gate("cutover")
    assert "postpone" in await sitting.refused("postpone", for_s=for_s)
    assert sitting.desk.waiting == "cutover", "the gate waits on"
    assert sitting.desk.postponed_until_s == 0


async def test_postponements_without_a_gate_add_up(sitting: Sitting) -> None:
    await sitting.ask("postpone", for_s=10)
    await sitting.ask("postpone")
    assert sitting.desk.postponed_until_s == 10 + Desk.POSTPONE_S
    sitting.env.run(until=200)
    await sitting.ask("postpone", for_s=5)
    assert sitting.desk.postponed_until_s == 205, "an old postponement that has passed counts no more"


async def test_abort_once_and_with_a_reason(sitting: Sitting) -> None:
    await sitting.ask("abort", reason="too slow")
    assert sitting.desk.aborted.value == "kim: too slow"
    assert await sitting.refused("abort") == "the run is being rolled back already"


async def test_past_the_point_of_no_return_nothing_is_promised(sitting: Sitting) -> None:
    sitting.desk.past_return = True
    assert "no way back" in await sitting.refused("abort")
    assert await sitting.refused("postpone") == "nothing is left to postpone"
    assert not sitting.desk.aborted.triggered


async def test_stop_stops_now(sitting: Sitting) -> None:
    stopped: list[bool] = []
    sitting.desk.on_stop = lambda: stopped.append(True)
    await sitting.ask("stop")
    assert stopped == [True] and sitting.desk.stopped


async def test_a_note_is_in_the_history_with_its_author(sitting: Sitting) -> None:
    assert await sitting.refused("note", text="   ") == "a note needs a text"
    await sitting.ask("note", text="saw a spike " + "x" * 1000)
    notes = [op.value for op in sitting.history().notes("note")]
    assert len(notes) == 1 and notes[0] is not None
    assert notes[0]["who"] == "kim" and notes[0]["text"].startswith("saw a spike") and len(notes[0]["text"]) == 400


async def test_step_lets_one_step_begin_and_pauses_again(sitting: Sitting) -> None:
    desk = sitting.desk
    assert "pauses after the step under way" in await sitting.ask("step"), "a running one pauses first"
    assert "one step" in await sitting.ask("step")
    assert not desk.paused
    desk.begun()
    assert desk.paused and not desk.resumed.triggered
    await sitting.ask("resume")
    desk.begun()
    assert not desk.paused, "resume means all of it"


async def test_panic_heals_at_once_and_rolls_back_without_asking(sitting: Sitting) -> None:
    done: list[str] = []
    sitting.desk.on_panic = lambda: done.append("healed")
    await sitting.ask("pause")
    assert "rolling back" in await sitting.ask("panic")
    assert done == ["healed"] and sitting.desk.aborted.value == "kim: panic" and not sitting.desk.paused
    assert "rolled back already" in await sitting.ask("panic")
    assert done == ["healed", "healed"]


async def test_panic_past_the_return_still_heals(sitting: Sitting) -> None:
    done: list[str] = []
    sitting.desk.on_panic = lambda: done.append("healed")
    sitting.desk.past_return = True
    assert "no way back" in await sitting.ask("panic")
    assert done == ["healed"] and not sitting.desk.aborted.triggered


async def test_what_others_do_for_the_desk_is_an_op_too(sitting: Sitting) -> None:
    async def inject(who: str, arguments: dict[str, Any]) -> str:
        return f"made by {who}"

    assert "takes no inject" in await sitting.refused("inject", fault="down")
    sitting.desk.acts["inject"] = inject
    assert await sitting.ask("inject", fault="down", parameters={"latency": "1s"}) == "made by kim"
    calls = list(sitting.history().calls())
    assert calls[-1].begun.value == {"who": "kim", "fault": "down", "latency": "1s"}


async def test_a_command_is_never_taken_for_what_the_runbook_or_the_nemesis_does(sitting: Sitting) -> None:
    """A step asked for is no step, a healing asked for no heal: the checks count those."""
    timeline = Timeline()
    sitting.journal.subscribe(timeline.feed)

    async def done(who: str, arguments: dict[str, Any]) -> str:
        return "done"

    sitting.desk.acts |= dict.fromkeys(("inject", "heal", "faults", "buffer"), done)
    for verb in VERBS:
        with contextlib.suppress(Refused):
            await sitting.ask(verb, name="slow", fault="down", on=True, text="x", for_s=1)
    assert not (timeline.steps or timeline.heals or timeline.faults or timeline.undos or timeline.proofs_well)


async def test_what_a_part_could_not_do_is_an_answer_and_no_silence(sitting: Sitting) -> None:
    async def buffer(who: str, arguments: dict[str, Any]) -> str:
        raise StepFailed("edge does not answer", seen="refused")

    sitting.desk.acts["buffer"] = buffer
    assert "edge does not answer" in await sitting.refused("buffer", on=True)
    (call,) = sitting.history().calls()
    assert call.done is not None and call.done.type == "fail" and "edge does not answer" in str(call.done.value)
