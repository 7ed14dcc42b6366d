"""The authorization service's own grants and its cleanup job: what goes, what the guard keeps, what comes back."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sim.services.grant_cleanup import Cleanup, Guard, Job, deletable, held_back
from sim.services.own_grants import OwnGrants, Pair

JOB = Job(every_s=1, subjects=100)
GUARDED = Job(every_s=1, subjects=100, guard=Guard(0.05))


@pytest.fixture
async def own(tmp_path: Path) -> AsyncIterator[OwnGrants]:
    grants = OwnGrants(tmp_path / "authz")
    grants.add((f"person-{n}", client) for n in range(20) for client in ("shop", "bank"))
    yield grants
    grants.close()


def cleanup(own: OwnGrants, listed: dict[str, set[str]] | None, active: dict[Pair, bool] | None = None) -> Cleanup:
    """A job at a Hydra that lists these clients by subject (None = everything), and knows these tokens."""
    async def lists(subject: str) -> set[str] | None:
        return {"shop", "bank"} if listed is None else listed.get(subject, set())

    async def is_active(pair: Pair) -> bool | None:
        return (active or {}).get(pair)

    return Cleanup(own, lists, is_active)


async def test_what_is_listed_stays(own: OwnGrants) -> None:
    job = cleanup(own, None)
    await job.once(JOB)
    assert (own.count(), job.counted.looked, job.counted.deleted) == (40, 40, 0)


async def test_without_a_guard_whatever_is_not_listed_goes(own: OwnGrants) -> None:
    job = cleanup(own, {f"person-{n}": {"shop"} for n in range(20)})
    await job.once(JOB)
    assert own.count() == 20 and not own.has(("person-3", "bank")) and own.has(("person-3", "shop"))
    assert [row[2] for row in own.deleted(0, 100)] == ["bank"] * 20


async def test_an_empty_list_is_held_back_by_the_ceiling(own: OwnGrants) -> None:
    job = cleanup(own, {})
    await job.once(GUARDED)
    assert own.count() == 40
    told = job.told()
    assert (told["deleted"], told["spared"], told["held_runs"]) == (0, 40, 1)
    assert told["last"] == "40 of 40 grants would go: more than 5.0%"


async def test_below_the_ceiling_only_proven_dead_ones_go(own: OwnGrants) -> None:
    gone = {("person-1", "bank"), ("person-2", "bank")}
    listed = {f"person-{n}": {c for c in ("shop", "bank") if (f"person-{n}", c) not in gone} for n in range(20)}
    job = cleanup(own, listed, {("person-1", "bank"): False, ("person-2", "bank"): True})
    await job.once(GUARDED)
    assert not own.has(("person-1", "bank")) and own.has(("person-2", "bank"))
    assert (job.counted.deleted, job.counted.spared) == (1, 1)


async def test_people_are_looked_at_in_turn_and_nobody_is_judged_without_a_list(own: OwnGrants) -> None:
    asked: list[str] = []

    async def lists(subject: str) -> set[str] | None:
        asked.append(subject)
        return None

    async def is_active(_: Pair) -> bool | None:
        return None

    job = Cleanup(own, lists, is_active)
    for _ in range(2):
        await job.once(Job(every_s=1, subjects=10))
    assert len(set(asked)) == 20 and own.count() == 40
    assert (job.counted.unanswered, job.counted.looked) == (20, 0)


async def test_it_runs_by_its_clock_until_it_is_stopped(own: OwnGrants) -> None:
    job = cleanup(own, None)
    job.start(Job(every_s=0.05, subjects=100))
    await asyncio.sleep(0.35)
    job.stop()
    runs = job.counted.runs
    assert runs >= 2 and not job.runs
    await asyncio.sleep(0.15)
    assert job.counted.runs == runs


async def test_a_restore_puts_back_and_takes_nothing_away(own: OwnGrants) -> None:
    with pytest.raises(ValueError, match="no kept copy"):
        own.restore()
    assert own.keep() == 40
    await asyncio.sleep(0.01)
    own.add([("new", "shop")])
    await cleanup(own, {"new": {"shop"}}).once(JOB)
    assert own.count() == 1
    assert own.restore() == {"restored": 40, "written_since": 1, "missing": 0}
    assert own.count() == 41 and own.has(("new", "shop")) and own.has(("person-7", "bank"))
    assert len(own.deleted(0, 100)) == 40, "what was deleted is still known"


def test_it_is_still_there_after_a_restart(tmp_path: Path) -> None:
    first = OwnGrants(tmp_path)
    first.add([("a", "shop")])
    first.close()
    again = OwnGrants(tmp_path)
    assert again.has(("a", "shop"))
    again.close()


@given(st.lists(st.tuples(st.tuples(st.text(max_size=3), st.text(max_size=3)), st.sampled_from([True, False, None]))),
       st.sampled_from(["introspect", "none"]))
def test_the_cross_check_lets_nothing_go_that_may_be_alive(unlisted: list[tuple[Pair, bool | None]],
                                                            how: str) -> None:
    going = deletable(unlisted, Guard(0.5, how))  # type: ignore[arg-type]
    if how == "introspect":
        assert going == [pair for pair, active in unlisted if active is False]
    else:
        assert len(going) == len(unlisted)


@given(st.integers(0, 500), st.integers(0, 500), st.floats(0.001, 1))
def test_the_ceiling_is_a_share_of_what_was_looked_at(looked: int, unlisted: int, ceiling: float) -> None:
    unlisted = min(unlisted, looked)
    why = held_back(looked, unlisted, Job(1, 1, guard=Guard(ceiling)))
    assert bool(why) == (unlisted > ceiling * looked)
    assert held_back(looked, unlisted, Job(1, 1)) == ""
    assert held_back(looked, unlisted, Job(1, 1, dry_run=True)) == "dry run"


def test_a_job_is_read_from_a_control_call() -> None:
    assert Job.read({"every_s": 2, "subjects": 5, "guard": {"ceiling": 0.1, "cross_check": "introspect"}}) == Job(
        2.0, 5, False, Guard(0.1))
    with pytest.raises(ValueError, match="above 0"):
        Job.read({"every_s": 0, "subjects": 5})
