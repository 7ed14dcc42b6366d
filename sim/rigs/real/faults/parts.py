"""Faults on whole parts: killed, stopped, frozen, started again.

What is wanted up is started again at the heal, as the runbook had it: our services get back the
route, capture and side they had, and the proof reads these from them.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from typing import Any

from sim.errors import RehearsalError, StepFailed
from sim.rigs.real.controls import Controls
from sim.rigs.real.engines.engine import Engine
from sim.rigs.real.faults.answers import Answers
from sim.rigs.real.faults.maker import Told, looked_for
from sim.rigs.real.faults.points import KillPoints
from sim.rigs.real.standing import Standing, lost_with, standing_of
from sim.scenario.replicas import EDGE, origin

SEEN_WITHIN_S = 2.0
"""Assumption: a killed or frozen part stops answering at once; two seconds cover a slow look at it."""
STATUS_S = 0.3
"""Assumption: a service that lives tells its status in milliseconds; nobody waits longer for it to die."""


class PartFaults:
    """Makes, proves and heals `kill`, `stop`, `pause` and `restart`."""

    def __init__(self, engine: Engine, answers: Answers, controls: Mapping[str, Controls], standing: Standing,
                 wanted: Callable[[], set[str]], points: KillPoints) -> None:
        self._engine, self._answers, self._controls, self._points = engine, answers, controls, points
        self._standing, self._wanted = standing, wanted
        self._status: dict[str, dict[str, Any]] = {}
        """Fault → the part's status just before; {} if it told none."""
        self._jobs: dict[str, int] = {}
        """Fault → how many jobs it ended."""

    async def make(self, fault: Told) -> None:
        """See `Maker.make`."""
        name, kind, part = str(fault["name"]), str(fault["fault"]), str(fault["part"])
        if fault.get("message") is not None:
            self._jobs[name] = await self._points.replayer(fault)
            return
        if part not in self._wanted():
            self._jobs[name] = await self._engine.end_jobs(part) if kind == "kill" else 0
            if self._jobs[name]:
                return
            raise StepFailed(f"{part} does not run now", where=part, todo="make the fault while it does")
        if not await self._engine.incarnation(part):
            raise StepFailed(f"{part} is down already", where=part, todo="heal the other fault first")
        if fault.get("after") is not None:
            await self._points.edge(fault)
        self._status[name] = await self._told(part)
        if kind == "pause":
            await self._engine.pause(part)
        elif kind == "kill":
            await self._engine.kill(part)
        else:
            await self._engine.stop(part)

    async def prove(self, fault: Told) -> dict[str, Any]:
        """See `Maker.prove`."""
        if jobs := self._jobs.get(str(fault["name"])):
            at = f" after message {fault['message']}" if fault.get("message") is not None else ""
            return {"proven": True, "expected": f"its job ended{at}",
                    "seen": f"{jobs} of its jobs ended by SIGKILL{at}"}
        gone = await looked_for(lambda: self._look(fault), SEEN_WITHIN_S)
        if fault.get("after") is None or not gone["proven"]:
            return gone
        there = await self._points.proof(fault)
        return {"proven": there["proven"], "expected": f"{gone['expected']}; {there['expected']}",
                "seen": f"{gone['seen']}; {there['seen']}"}

    async def _look(self, fault: Told) -> dict[str, Any]:
        part, frozen = str(fault["part"]), fault["fault"] == "pause"
        runs = bool(await self._engine.incarnation(part))
        silent = await self._answers.asked(part)
        expected = "frozen, no answer" if frozen else "process gone, no answer"
        seen = f"{'process there' if runs else 'process gone'}; {silent or 'it answers'}"
        return {"proven": runs is frozen and bool(silent), "expected": expected, "seen": seen}

    async def heal(self, fault: Told) -> dict[str, Any]:
        """See `Maker.heal`."""
        name, part = str(fault["name"]), str(fault["part"])
        self._points.forget(name)
        if self._jobs.pop(name, 0):
            return {"seen": "a job is not started again: its step says what became of it"}
        if name not in self._status:
            return {"seen": "it was never made"}
        if part not in self._wanted():
            return {"seen": "the runbook has stopped this part meanwhile"}
        if fault["fault"] == "pause":
            await self._engine.resume(part)
        elif not await self._engine.incarnation(part):
            await self._engine.start(part, environment=self._standing.environment(part))
        took_s = await self._answers.well(part)
        told: dict[str, Any] = {"seen": f"it answers again, after {took_s * 1000:.0f} ms"}
        before = self._status.pop(name)
        if fault["fault"] != "pause" and self._standing.wanted(part):
            told |= await self._as_it_stood(part, before)
        return told

    async def _as_it_stood(self, part: str, before: dict[str, Any]) -> dict[str, Any]:
        """{restored, lost, note} of a service that came back. Raises StepFailed if it stands elsewhere."""
        status = await self._controls[part].ask("GET", "/status")
        stands, wanted = standing_of(status), self._standing.wanted(part)
        if stands != wanted:
            raise StepFailed(f"{part} came back otherwise than it was", where=part, seen=f"{stands}, not {wanted}")
        lost = lost_with(before) if before else {}
        words = ", ".join(f"{name.replace('_', ' ')} {number}" for name, number in lost.items()) or "nothing it told"
        has = ", ".join(f"{name.replace('_', ' ')} {_word(value)}" for name, value in stands.items())
        kept = "; its kept refresh answers are gone" if origin(part) == EDGE else ""
        return {"restored": stands, "lost": lost, "note": f"{part} is back: {has}. Lost with it: {words}{kept}"}

    async def _told(self, part: str) -> dict[str, Any]:
        """A service's status; {} if it tells none."""
        if part not in self._controls:
            return {}
        try:
            async with asyncio.timeout(STATUS_S):
                return await self._controls[part].ask("GET", "/status")
        except (RehearsalError, TimeoutError):
            return {}


def _word(value: Any) -> str:
    return {True: "yes", False: "no"}.get(value, str(value)) if isinstance(value, bool) else str(value)
