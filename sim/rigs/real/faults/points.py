"""`kill` at a named point: the part stands still there, says so, and is killed from outside.

An edge is ordered through its control listener and stands with one captured revocation; the replayer
is told before it begins and stands after so many messages. From the order to the death nothing of it
goes on. The proof of an edge's point is not the edge's word: it is what the queue and the rows of the
side that was asked hold of that revocation.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from asyncpg.exceptions import InterfaceError, PostgresError

from sim.errors import RehearsalError, StepFailed
from sim.rigs.real.controls import Controls
from sim.rigs.real.databases import DATABASE, HARNESS
from sim.rigs.real.faults.maker import Told
from sim.rigs.real.noted import NextJob, NotedEngine
from sim.rigs.real.secrets import Secrets
from sim.services.queue import Queue, QueueDown
from sim.services.replayer import HALT_AFTER, SOURCE
from sim.services.replaying import Collected
from sim.services.rows import Rows
from sim.services.settings import Direction

ASKED_S = 2.0
"""Assumption: below the ten seconds of a control call; asked again until a revocation stands."""
IDLE_S = 0.05
"""Assumption: the edge is dead, so nothing of its revocation can still come."""
HELD = {"intent": "lives", "forward": "is dead"}
"""Point → what the rows of the side that was asked say of the grant, if the part died there."""


@dataclass
class _Waiting:
    """One fault whose part has not come to its point."""

    part: str
    called_off: asyncio.Event = field(default_factory=asyncio.Event)
    job: NextJob | None = None


class KillPoints:
    """Waits with a fault until its part stands at the point; remembers where it stood for the proof."""

    def __init__(self, engine: NotedEngine, controls: Mapping[str, Controls], secrets: Secrets) -> None:
        self._engine, self._controls, self._secrets = engine, controls, secrets
        self._waiting: dict[str, _Waiting] = {}
        self._stood: dict[str, dict[str, Any]] = {}
        """Fault → {id, direction} of the revocation with which an edge stood."""

    def call_off(self, name: str) -> None:
        """Nobody waits for the point any more; nothing if nobody does, or if the replayer is at work.

        A replayer that was told can't be told otherwise: it ends soon, at its message or without.
        """
        waiting = self._waiting.get(name)
        if waiting is not None and (waiting.job is None or not waiting.job.begun):
            waiting.called_off.set()

    async def edge(self, fault: Told) -> None:
        """Return once an edge stands at the fault's point. Raises StepFailed if it can't come there any more."""
        name, part = str(fault["name"]), str(fault["part"])
        control = self._controls[part]
        waiting = self._begin(name, _Waiting(part))
        looking = off = None
        try:
            await control.ask("PUT", "/halt", {"after": fault["after"]}, quiet=True)
            looking = asyncio.ensure_future(_standing(control, part))
            off = asyncio.ensure_future(waiting.called_off.wait())
            await asyncio.wait({looking, off}, return_when=asyncio.FIRST_COMPLETED)
            if looking.done():
                self._stood[name] = looking.result()
                return
            with contextlib.suppress(RehearsalError):
                await control.ask("PUT", "/halt", {"after": None}, quiet=True)
            raise StepFailed("healed before a captured revocation came to the point", where=part,
                             todo="make it while capture is on, for longer")
        finally:
            for one in (looking, off):
                if one is not None:
                    one.cancel()
            del self._waiting[name]

    def _begin(self, name: str, waiting: _Waiting) -> _Waiting:
        """Raises StepFailed if another fault waits for a point of the same part: a part has one order at a time."""
        for other, its in self._waiting.items():
            if its.part == waiting.part:
                raise StepFailed(f"{other} waits for a point of {its.part} already", where=its.part,
                                 todo="heal that one first, or make this one later")
        self._waiting[name] = waiting
        return waiting

    async def replayer(self, fault: Told) -> int:
        """Kill the next replayer once it stands after the fault's message; how many jobs were ended.

        Raises StepFailed if it is at work already, or ends before.
        """
        name, part = str(fault["name"]), str(fault["part"])
        if part in self._engine.at_work:
            raise StepFailed("the replayer is at work already", where=part, todo="make the fault before it begins")
        stands = asyncio.Event()

        def line(text: str) -> None:
            with contextlib.suppress(ValueError):
                if json.loads(text).get("event") == "halted":
                    stands.set()

        job = NextJob({HALT_AFTER: str(fault["message"])}, line)
        waiting = self._begin(name, _Waiting(part, job=job))
        self._engine.next_jobs[part] = job
        waits = [asyncio.ensure_future(one.wait()) for one in (stands, job.ended, waiting.called_off)]
        try:
            await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
            if stands.is_set() and (killed := await self._engine.bare.end_jobs(part)):
                return killed
            if stands.is_set() or job.ended.is_set():
                raise StepFailed(f"the replayer ended before message {fault['message']}", where=part,
                                 todo="write a smaller message: there were fewer captured revocations")
            raise StepFailed("healed before the replayer began", where=part)
        finally:
            for one in waits:
                one.cancel()
            if self._engine.next_jobs.get(part) is job:
                del self._engine.next_jobs[part]
            del self._waiting[name]

    async def proof(self, fault: Told) -> dict[str, Any]:
        """{proven, expected, seen}: what queue and rows hold of the revocation with which the edge died."""
        point, stood = str(fault["after"]), self._stood[str(fault["name"])]
        side = SOURCE[stood["direction"]]
        expected = f"an intent without outcome, whose grant {HELD[point]} on {side}"
        try:
            collected = await self._collected(stood["direction"])
            intent = collected.intents.get(stood["id"])
            if intent is None:
                return {"proven": False, "expected": expected, "seen": "its intent is not in the queue"}
            rows = await Rows.open(self._dsn(side), connections=1)
            try:
                alive = await rows.alive([(intent, intent.request_ids)])
            finally:
                await rows.close()
        except (QueueDown, PostgresError, InterfaceError, OSError, TimeoutError) as error:
            return {"proven": False, "expected": expected, "seen": f"queue or rows can't be read: {error!r}"[:200]}
        outcome, whole = collected.outcomes.get(intent.id), set(intent.request_ids)
        held = "lives" if alive == whole else "is dead" if not alive else "lives in part"
        return {"proven": outcome is None and held == HELD[point], "expected": expected,
                "seen": f"its intent has {f'the outcome {outcome}' if outcome else 'no outcome'}, "
                        f"its grant {held} on {side}"}

    def forget(self, name: str) -> None:
        """The fault is over."""
        self._stood.pop(name, None)

    async def _collected(self, direction: Direction) -> Collected:
        """Everything the queue holds for one direction, read round every link."""
        host, port = self._engine.direct("queue", "nats")
        queue, collected = Queue(f"nats://{host}:{port}"), Collected()
        try:
            async for message in queue.read(direction, idle_s=IDLE_S):
                collected.take(message.subject, message.data)
        finally:
            await queue.close()
        return collected

    def _dsn(self, side: Any) -> str:
        host, port = self._engine.direct(self._engine.database(side), "sql")
        return f"postgres://{HARNESS}:{self._secrets.database}@{host}:{port}/{DATABASE}?sslmode=disable"


async def _standing(control: Controls, part: str) -> dict[str, Any]:
    """{id, direction} once a revocation stands. Raises StepFailed if the edge knows of no order any more."""
    while True:
        told = await control.ask("POST", "/halted", {"within_s": ASKED_S}, quiet=True)
        if told["id"]:
            return told
        if not told["ordered"]:
            raise StepFailed("the edge was started again before a revocation came to the point", where=part,
                             todo="heal the other fault first")
