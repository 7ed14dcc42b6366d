"""Guards: a limit on a running figure that pauses, postpones or rolls back."""

import asyncio

import pytest
from scripted_rig import ScriptedOperations
from scripted_runs import play

from sim.runbook.desk import Desk

SHARE = "availability.failed_share > 1%"


@pytest.fixture(autouse=True)
def quick_proof(monkeypatch):
    monkeypatch.setattr("sim.runbook.runner.WELL_WATCH_S", 0.05)


@pytest.fixture
def quick_looks(monkeypatch):
    monkeypatch.setattr("sim.runbook.guards.LOOK_S", 0.02)


def slowly(operations):
    """The migration takes a while, so that a guard can act in it."""
    migrate = operations.migrate

    async def slow(**arguments):
        await asyncio.sleep(0.3)
        return await migrate(**arguments)

    operations.migrate = slow
    return operations


def guarded(history):
    return [op.value for op in history.notes("guard")]


async def test_a_breached_guard_heals_then_undoes_then_proves_blue_well(tmp_path, quick_looks):
    operations = slowly(ScriptedOperations())

    def heal_all(env, operations):
        operations.done.append("heal all")
        yield env.timeout(0)

    ended, history = await play(tmp_path, operations, guards=[{"when": SHARE, "then": "rollback"}], heal_all=heal_all,
                                figure=lambda name: 0.05 if "copy" in operations.done else 0.0)
    assert ended.how == "rolled_back" and "guard availability.failed_share > 1%" in ended.why
    assert guarded(history) == [{"when": SHARE, "figure": "availability.failed_share", "value": 0.05, "lasted_s": 0.0,
                                 "action": "rollback"}]
    done = [a for a in operations.done if a in ("heal all", "drop copy", "capture off forward", "prove blue")]
    assert done == ["heal all", "drop copy", "capture off forward", "prove blue"]
    assert "migrate" not in operations.done, "the step under way was stopped"


async def test_a_breach_must_last_its_time_without_a_break(tmp_path, quick_looks):
    looks = iter(range(10_000))
    ended, history = await play(tmp_path, slowly(ScriptedOperations()),
                                guards=[{"when": SHARE, "for": "100ms", "then": "rollback"}],
                                figure=lambda name: 0.05 if next(looks) % 4 else 0.0)
    assert ended.how == "completed" and guarded(history) == [], "three looks of 20 ms are no 100 ms"
    (tmp_path / "again").mkdir()
    ended, history = await play(tmp_path / "again", slowly(ScriptedOperations()),
                                guards=[{"when": SHARE, "for": "100ms", "then": "rollback"}], figure=lambda name: 0.05)
    assert ended.how == "rolled_back" and 0.1 <= guarded(history)[0]["lasted_s"] < 0.2


async def test_a_guard_that_pauses_acts_once_and_people_go_on(tmp_path, quick_looks):
    operations = ScriptedOperations()

    def act(env, desk):
        while not desk.paused:
            yield env.timeout(0.01)
        yield env.timeout(0.2)
        yield env.call(desk.handle("resume", "kim", {}))

    ended, history = await play(tmp_path, operations, act=act, figure=lambda name: 130.0,
                                guards=[{"when": "revocation.oldest_wait > 2m", "then": "pause"}])
    assert ended.how == "completed" and len(guarded(history)) == 1
    assert "PAUSED" in [op.value["state"] for op in history.notes("state")]


async def test_a_guard_that_postpones_holds_the_cutover(tmp_path, quick_looks, monkeypatch):
    monkeypatch.setattr(Desk, "POSTPONE_S", 0.4)
    ended, history = await play(tmp_path, ScriptedOperations(), figure=lambda name: 0.05,
                                guards=[{"when": SHARE, "then": "postpone"}])
    assert ended.how == "completed"
    cut = next(op.t_s for op in history.ops if op.f == "step" and op.value and op.value["step"] == "cutover")
    assert cut - next(iter(history.notes("guard"))).t_s >= 0.38


async def test_what_can_not_be_said_yet_breaches_nothing(tmp_path, quick_looks):
    ended, history = await play(tmp_path, slowly(ScriptedOperations()), guards=[{"when": SHARE, "then": "rollback"}])
    assert ended.how == "completed" and guarded(history) == []


async def test_the_way_back_is_not_guarded(tmp_path, quick_looks):
    """A breach on the way back has nothing left to roll back, and must not pause it."""
    operations = ScriptedOperations(failing={"migrate"})
    drop = operations.drop_copy

    async def slow():
        await asyncio.sleep(0.2)
        return await drop()

    operations.drop_copy = slow
    ended, history = await play(tmp_path, operations, guards=[{"when": SHARE, "then": "pause"}],
                                figure=lambda name: 0.05 if "cleanup" in operations.done else 0.0)
    assert ended.how == "rolled_back"
    assert len(guarded(history)) <= 1 and "PAUSED" not in [op.value["state"] for op in history.notes("state")]
