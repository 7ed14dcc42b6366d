"""A replayer is told before it begins, once; what waits is called off, unless it is too late to tell it otherwise."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from typing import Any

import pytest

from sim.errors import StepFailed
from sim.rigs.real.engines.engine import JobResult
from sim.rigs.real.faults.points import KillPoints
from sim.rigs.real.noted import NotedEngine
from sim.rigs.real.secrets import secrets

DIES = {"name": "dies", "fault": "kill", "part": "replayer", "message": 2}


class Jobs:
    """An engine whose jobs print so many lines and end when they are killed, or are let go."""

    def __init__(self, *lines: str) -> None:
        self.lines, self.environments = lines, list[Mapping[str, str]]()
        self.over = asyncio.Event()
        self.killed = 0

    async def job(self, service: str, command: list[str], *, environment: Mapping[str, str] | None = None,
                  on_line: Callable[[str], None] | None = None, deadline_s: float) -> JobResult:
        self.environments.append(dict(environment or {}))
        for line in self.lines:
            assert on_line is not None
            on_line(line)
        await self.over.wait()
        return JobResult(-9 if self.killed else 0, "")

    async def end_jobs(self, service: str) -> int:
        self.killed += 1
        self.over.set()
        return 1


def stand(*lines: str) -> tuple[Jobs, NotedEngine, KillPoints]:
    jobs: Any = Jobs(*lines)
    noted = NotedEngine(jobs, secrets(), lambda kind, text: None)
    return jobs, noted, KillPoints(noted, {}, secrets())


async def begun(points: KillPoints) -> asyncio.Task[int]:
    making = asyncio.create_task(points.replayer(DIES))
    await asyncio.sleep(0)
    return making


async def test_the_next_replayer_is_told_and_killed_when_it_stands() -> None:
    jobs, noted, points = stand('{"event":"progress","done":1}', "no JSON", '{"event":"halted","message":2}')
    making = await begun(points)
    heard: list[str] = []
    result = await noted.job("replayer", ["x"], environment={"A": "b"}, on_line=heard.append, deadline_s=5)
    assert (result.exit_code, await making, jobs.killed) == (-9, 1, 1)
    assert heard == list(jobs.lines), "whoever runs it hears everything too"
    assert jobs.environments == [{"A": "b", "REPLAY_HALT_AFTER": "2"}] and not noted.at_work
    await noted.job("replayer", ["x"], on_line=heard.append, deadline_s=5)
    assert jobs.environments[1] == {}, "an order counts once"


async def test_a_replayer_that_ends_before_is_no_proof() -> None:
    jobs, noted, points = stand()
    making = await begun(points)
    jobs.over.set()
    await noted.job("replayer", ["x"], deadline_s=5)
    with pytest.raises(StepFailed, match="ended before message 2"):
        await making


async def test_another_job_is_not_told() -> None:
    jobs, noted, points = stand()
    making = await begun(points)
    jobs.over.set()
    await noted.job("copier", ["x"], deadline_s=5)
    assert jobs.environments == [{}] and not making.done()
    points.call_off("dies")
    with pytest.raises(StepFailed, match="healed before the replayer began"):
        await making
    await noted.job("replayer", ["x"], deadline_s=5)
    assert jobs.environments[1] == {}, "called off"


async def test_one_at_work_can_be_told_nothing_more() -> None:
    jobs, noted, points = stand()
    making = await begun(points)
    working = asyncio.create_task(noted.job("replayer", ["x"], deadline_s=5))
    await asyncio.sleep(0)
    with pytest.raises(StepFailed, match="at work already"):
        await points.replayer({**DIES, "name": "late"})
    points.call_off("dies")
    await asyncio.sleep(0.01)
    assert not making.done(), "it will stand at its message, and somebody must end it there"
    jobs.over.set()
    await working
    with pytest.raises(StepFailed, match="ended before"):
        await making


async def test_a_part_has_one_order_at_a_time() -> None:
    _, _, points = stand()
    making = await begun(points)
    with pytest.raises(StepFailed, match="dies waits for a point of replayer already"):
        await points.replayer({**DIES, "name": "second", "message": 3})
    points.call_off("second")
    await asyncio.sleep(0.01)
    assert not making.done()
    points.call_off("dies")
    with pytest.raises(StepFailed, match="healed before"):
        await making
