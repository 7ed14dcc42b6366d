"""The runner: order, deadlines, undo newest first, gates, abort."""

import asyncio

import pytest
from scripted_rig import ScriptedOperations
from scripted_runs import play

from sim.errors import BadInput, Refused
from sim.runbook.gates import refuse_unattended
from sim.scenario import Exec, Fault, load_scenario


@pytest.fixture(autouse=True)
def quick_proof(monkeypatch):
    monkeypatch.setattr("sim.runbook.runner.WELL_WATCH_S", 0.05)


async def test_a_baseline_that_becomes_slower_is_watched_again(tmp_path):
    sets = ["runbook.baseline.for=400ms"]
    ended, history = await play(tmp_path, ScriptedOperations(), sets=sets, slow_s=(0.25, 0.4))
    assert ended.how == "completed", ended
    assert [op.value["step"] for op in history.ops if op.f == "unsteady"] == ["baseline"]
    baseline = next(op for op in history.ops if op.f == "step" and op.type == "ok")
    assert baseline.value["took_s"] >= 0.8


async def test_a_baseline_that_stays_slow_ends_the_run_with_its_reason(tmp_path):
    sets = ["runbook.baseline.for=400ms", "runbook.baseline.windows=1"]
    operations = ScriptedOperations()
    ended, _ = await play(tmp_path, operations, sets=sets, slow_s=(0.25, 9.0))
    assert ended.how == "rolled_back" and "p95 rose from" in ended.why
    assert "copy" not in operations.done


async def test_a_whole_runbook_in_order(tmp_path):
    operations = ScriptedOperations()
    ended, history = await play(tmp_path, operations)
    assert ended.how == "completed", ended
    acts = [a for a in operations.done if not a.startswith("measure")]
    assert acts == ["capture on forward", "copy", "cleanup", "migrate", "start green", "repair",
                    "index grants", "start green", "make way for green", "buffer", "drain blue", "fence blue",
                    "capture on back", "login_consent to green", "authz to green", "edge to green", "release",
                    "replay forward", "capture off back", "drop grant indexes", "stop blue"]
    steps = [(op.value["step"], op.type) for op in history.ops if op.f == "step" and op.type != "invoke"]
    assert all(kind == "ok" for _, kind in steps) and len(steps) == 11


async def test_what_is_planned_for_a_steps_beginning_is_ordered_before_it_acts(tmp_path):
    """So a job can be told where to stop before it begins."""
    operations = ScriptedOperations()
    faults = [Fault(name=step, fault="kill", part="edge", at=step) for step in ("capture", "copy", "replay")]
    ended, _ = await play(tmp_path, operations, faults=faults)
    assert ended.how == "completed", ended
    done = operations.done
    for step, act in (("capture", "capture on forward"), ("copy", "copy"), ("replay", "replay forward")):
        assert done.index(f"fault {step}") + 1 == done.index(act)


def upgraded_first():
    scenario = load_scenario("46", sets=["runbook.baseline.for=200ms"])
    return [step for step in scenario.runbook if step.name in ("baseline", "upgrade")]


async def test_blue_upgraded_first_is_exchanged_while_requests_wait(tmp_path):
    operations = ScriptedOperations()
    ended, _ = await play(tmp_path, operations, steps=upgraded_first())
    assert ended.how == "completed", ended
    assert operations.done == ["upgrade database", "buffer", "drain blue", "exchange blue", "release"]


async def test_a_hydra_that_can_not_be_exchanged_lets_the_requests_go(tmp_path):
    operations = ScriptedOperations(failing={"exchange blue"})
    ended, _ = await play(tmp_path, operations, steps=upgraded_first())
    assert ended.how == "rolled_back" and "release" in operations.done


async def test_edges_that_switch_one_after_the_other_hold_their_own_requests_only(tmp_path):
    operations = ScriptedOperations()
    ended, history = await play(tmp_path, operations, sets=["stack.edge.instances=2", "runbook.cutover.hold=each"])
    assert ended.how == "completed", ended
    begin, end = operations.done.index("buffer 1"), operations.done.index("release 2") + 1
    assert operations.done[begin:end] == [
        "buffer 1", "drain blue 1", "capture on back 1", "login_consent to green", "authz to green", "edge 1 to green",
        "release 1", "buffer 2", "drain blue 2", "fence blue", "capture on back 2", "edge 2 to green", "release 2"]
    switched = [op.value for op in history.ops if op.f == "switch" and op.value["what"] == "edge"]
    assert [told["edge"] for told in switched] == [1, 2]


@pytest.mark.parametrize("hold", ["all", "each"])
async def test_nothing_serves_from_green_that_could_not_be_carried_back(tmp_path, hold):
    """A cutover that failed between the two let revocations pass unrecorded, and the way back lost them."""
    failing = "capture on back" if hold == "all" else "capture on back 1"
    operations = ScriptedOperations(failing={failing})
    sets = ["stack.edge.instances=2", "runbook.cutover.hold=each"] if hold == "each" else []
    ended, _ = await play(tmp_path, operations, sets=sets)
    assert ended.how == "rolled_back"
    assert not [act for act in operations.done if act.endswith("to green")]


async def test_an_edge_whose_switch_fails_lets_its_requests_go(tmp_path):
    operations = ScriptedOperations(failing={"edge 2 to green"})
    ended, _ = await play(tmp_path, operations, sets=["stack.edge.instances=2", "runbook.cutover.hold=each"])
    assert ended.how == "rolled_back"
    released = operations.done.index("release 2")
    assert operations.done.index("buffer 2") < released < operations.done.index("edge to blue")



async def test_a_cutover_of_ones_own_finds_green_with_its_full_share(tmp_path):
    operations = ScriptedOperations()
    own = Exec(name="cutover", exec=["true"])
    steps = [own if s.name == "cutover" else s for s in load_scenario("10").runbook if s.name in ("copy", "cutover")]
    ended, _ = await play(tmp_path, operations, steps=steps)
    assert ended.how == "completed", ended
    assert "make way for green" in operations.done


def crowd(operations, seconds):
    """What green's start holds up: forty requests begun while it is repaired."""
    repair = operations.repair

    async def slow(**arguments):
        await asyncio.sleep(0.1)
        return await repair(**arguments)

    async def waiting():
        await asyncio.sleep(seconds)
        operations.done.append("answered")

    def act(env, desk):
        while "migrate" not in operations.done:
            yield env.timeout(0.001)
        for _ in range(40):
            env.call(waiting())

    operations.repair = slow
    return act


async def test_a_cutover_waits_until_who_was_held_up_is_answered(tmp_path):
    """Twelve logins in flight were lost at the end of seconds in which green had started."""
    operations = ScriptedOperations()
    ended, history = await play(tmp_path, operations, act=crowd(operations, 0.5))
    assert ended.how == "completed", ended
    assert operations.done[:operations.done.index("buffer")].count("answered") == 40
    assert "40 requests were under way" in "".join(str(op.value) for op in history.notes("note"))


async def test_a_cutover_does_not_wait_for_ever(tmp_path, monkeypatch):
    monkeypatch.setattr("sim.runbook.crossing.PATIENCE_S", 0.2)
    operations = ScriptedOperations()
    ended, _ = await play(tmp_path, operations, act=crowd(operations, 0.8))
    assert ended.how == "completed", ended
    assert "answered" not in operations.done[:operations.done.index("buffer")]


@pytest.mark.parametrize("failing", ["copy", "migrate", "repair", "start green", "make way for green", "drain blue",
                                     "fence blue", "edge to green", "replay forward"])
async def test_any_failure_rolls_back_and_proves_blue_well(tmp_path, failing):
    operations = ScriptedOperations(failing={failing})
    ended, _ = await play(tmp_path, operations)
    assert ended.how == "rolled_back"
    assert f"{failing} failed on purpose" in ended.why
    assert operations.done[-1] == "prove blue"
    assert "drop copy" in operations.done and "capture off forward" in operations.done
    if "buffer" in operations.done:
        assert "unfence blue" in operations.done and "edge to blue" in operations.done
        assert operations.done.index("unfence blue") < operations.done.index("edge to blue")
        # nothing waits at the edge for ever: every buffering is released
        assert operations.done.count("buffer") == operations.done.count("release")


async def test_revocations_made_on_green_are_replayed_on_blue_before_the_way_back(tmp_path):
    operations = ScriptedOperations(failing={"measure oracle"})
    ended, _ = await play(tmp_path, operations)
    assert ended.how == "rolled_back"
    back = operations.done.index("replay back")
    assert operations.done.index("unfence blue") < back < operations.done.index("edge to blue")


async def test_undo_goes_newest_first(tmp_path):
    operations = ScriptedOperations(failing={"replay forward"})
    _, history = await play(tmp_path, operations)
    undone = [op.value["step"] for op in history.ops if op.f == "undo" and op.type == "ok"]
    assert undone == ["cutover", "copy", "capture"]


async def test_a_failing_undo_is_told_and_the_run_is_failed(tmp_path):
    operations = ScriptedOperations(failing={"migrate", "drop copy"})
    ended, _ = await play(tmp_path, operations)
    assert ended.how == "failed"
    assert "capture off forward" in operations.done, "the next undo is tried all the same"


async def test_a_passed_deadline_is_a_failure(tmp_path):
    operations = ScriptedOperations(hanging={"migrate"})
    ended, _ = await play(tmp_path, operations, sets=["runbook.migrate.deadline=100ms"])
    assert ended.how == "rolled_back"
    assert "deadline of 0.1 s" in ended.why


async def test_an_abort_interrupts_the_step_under_way(tmp_path):
    operations = ScriptedOperations(hanging={"migrate"})

    def act(env, desk):
        yield env.timeout(0.3)
        yield env.call(desk.handle("abort", "kim", {"reason": "changed my mind"}))

    ended, history = await play(tmp_path, operations, act=act)
    assert ended.how == "rolled_back" and "kim: changed my mind" in ended.why
    assert [op.value["who"] for op in history.ops if op.process == "operator" and op.type == "invoke"] == ["kim"]


async def test_a_pause_waits_between_steps(tmp_path):
    operations = ScriptedOperations()
    seen = []

    def act(env, desk):
        yield env.call(desk.handle("pause", "kim", {}))
        yield env.timeout(0.3)
        seen.extend(operations.done)
        yield env.call(desk.handle("resume", "kim", {}))

    ended, history = await play(tmp_path, operations, act=act)
    assert ended.how == "completed" and seen == []
    assert "PAUSED" in [op.value["state"] for op in history.notes("state")]


async def test_a_step_runs_alone_and_the_next_waits(tmp_path):
    operations = ScriptedOperations()
    seen = []

    def act(env, desk):
        yield env.call(desk.handle("pause", "kim", {}))
        yield env.timeout(0.1)
        for _ in range(2):  # the baseline was under way already
            yield env.call(desk.handle("step", "kim", {}))
            yield env.timeout(0.3)
            seen.append([a for a in operations.done if not a.startswith("measure")])
        yield env.call(desk.handle("resume", "kim", {}))

    ended, _ = await play(tmp_path, operations, act=act)
    assert ended.how == "completed"
    assert seen == [["capture on forward"], ["capture on forward", "copy"]]


GATE = ['runbook.cutover.gate.ask="Cut over?"', "runbook.cutover.gate.timeout=200ms"]


async def test_a_gate_takes_a_decision(tmp_path):
    def act(env, desk):
        while not desk.waiting:
            yield env.timeout(0.01)
        yield env.call(desk.handle("approve", "lead", {"reason": "all green"}))

    ended, history = await play(tmp_path, ScriptedOperations(), attended=True, act=act, sets=GATE)
    assert ended.how == "completed"
    gate = next(op for op in history.ops if op.f == "gate" and op.type == "ok")
    assert gate.value["decision"] == "go" and gate.value["who"] == "lead" and gate.value["reason"] == "all green"


async def test_a_gate_that_nobody_answers_does_what_it_says(tmp_path):
    ended, _ = await play(tmp_path, ScriptedOperations(), attended=True,
                          sets=[*GATE, "runbook.cutover.gate.on_timeout=rollback"])
    assert ended.how == "rolled_back" and "nobody decided in 0.2 s" in ended.why


def test_a_gate_that_needs_a_person_is_refused_without_one():
    scenario = load_scenario("10", sets=GATE)
    with pytest.raises(BadInput, match="needs a person"):
        refuse_unattended(scenario, attended=False, yes=False)
    refuse_unattended(scenario, attended=False, yes=True)
    refuse_unattended(scenario, attended=True, yes=False)


async def test_refused_commands_say_why(tmp_path):
    told = []

    def act(env, desk):
        for verb in ("approve", "resume", "postpone"):
            outcome = yield env.call(desk.handle(verb, "kim", {"for_s": -1}))
            assert isinstance(outcome.error, Refused)
            told.append(str(outcome.error))

    await play(tmp_path, ScriptedOperations(), act=act)
    assert told == ["no gate waits for a decision", "the runbook is not paused",
                    "postpone by more than nothing and at most an hour"]


async def test_a_consent_taken_back_while_it_is_asked_for_is_not_missing(tmp_path, monkeypatch):
    monkeypatch.setattr("sim.runbook.closing.ACKNOWLEDGED_S", 0.0)
    operations, asked = ScriptedOperations(), []

    async def measure(question, arguments):
        if question == "consents":
            asked.append(question)
            return {"missing_count": 1 if len(asked) == 1 else 0}
        return await ScriptedOperations.measure(operations, question, arguments)

    monkeypatch.setattr(operations, "measure", measure)
    ended, history = await play(tmp_path, operations)
    assert ended.how == "completed", ended
    assert [op.value["missing_count"] for op in history.ops if op.f == "consents" and op.type == "ok"] == [1, 0]
