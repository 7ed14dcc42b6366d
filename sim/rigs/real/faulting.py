"""Faults on the real stack: each kind's maker makes, proves and heals its own."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Iterator, Mapping
from typing import Any

from asyncpg.exceptions import InterfaceError, PostgresError

from sim.errors import StepFailed
from sim.rigs.real.controls import Controls
from sim.rigs.real.faults.answers import Answers
from sim.rigs.real.faults.clock import Clock
from sim.rigs.real.faults.databases import Exhaust, Lock, Terminate
from sim.rigs.real.faults.disk import Disk
from sim.rigs.real.faults.fsync import Fsync
from sim.rigs.real.faults.limits import Limits
from sim.rigs.real.faults.links import LinkFaults
from sim.rigs.real.faults.maker import Maker, Told
from sim.rigs.real.faults.partitions import Partitions
from sim.rigs.real.faults.parts import PartFaults
from sim.rigs.real.faults.points import KillPoints
from sim.rigs.real.faults.queue import Duplicate, Full
from sim.rigs.real.faults.secret import WrongSecret
from sim.rigs.real.faults.twice import Twice
from sim.rigs.real.noted import NotedEngine
from sim.rigs.real.probing import Probing
from sim.rigs.real.secrets import Secrets
from sim.rigs.real.stack import Stack
from sim.rigs.real.standing import Standing
from sim.rigs.real.toxiproxy import Toxiproxy
from sim.scenario.kinds import on


class RealFaults:
    """Implements `sim.rigs.rig.Faults`; remembers what was begun by its name until it is healed."""

    def __init__(self, engine: NotedEngine, links: LinkFaults, makers: Mapping[str, Maker],
                 points: KillPoints) -> None:
        self.engine, self._links, self._points = engine, links, points
        self._makers: dict[str, Maker] = {**dict.fromkeys(on("link"), links), **makers}
        self._begun: dict[str, tuple[Maker, Told]] = {}
        self._turns: dict[str, asyncio.Lock] = {}
        """A fault is never made and healed at once: who heals waits until it is made."""

    async def make(self, fault: Told) -> None:
        """Make one fault (see sim.faults.telling). Raises StepFailed if it can't be made."""
        name = str(fault["name"])
        maker = self._makers[str(fault["fault"])]
        self._begun[name] = maker, fault
        async with self._turns.setdefault(name, asyncio.Lock()):
            with _lost_servers(fault):
                await maker.make(fault)

    async def prove(self, name: str) -> dict[str, Any]:
        """What a probe sees of a made fault: {proven, expected, seen}."""
        if name not in self._begun:
            return {"proven": False, "expected": "to be on", "seen": "it is healed"}
        maker, fault = self._begun[name]
        with _lost_servers(fault):
            return await maker.prove(fault)

    async def change(self, name: str, attributes: Mapping[str, int]) -> None:
        """Give a made toxic new attributes (the jitter's schedule)."""
        if name in self._begun:
            await self._links.change(self._begun[name][1], attributes)

    async def heal(self, name: str) -> dict[str, Any]:
        """Take a fault off; {seen: how its part is well again}. One that fails may be healed again."""
        if name not in self._begun:
            raise StepFailed("no such fault was begun", where=name)
        maker, fault = self._begun[name]
        self._points.call_off(name)  # what waits for a point is being made
        async with self._turns.setdefault(name, asyncio.Lock()):
            with _lost_servers(fault):
                told = await maker.heal(fault)
        self._begun.pop(name, None)
        return told

    async def prove_link(self, link: str) -> dict[str, Any]:
        """Prove that a link is in the path: {proven, usual_s, delayed_s}."""
        return await self._links.prove_link(link)


@contextlib.contextmanager
def _lost_servers(fault: Told) -> Iterator[None]:
    """A Postgres may go away under whoever works on it, by another fault too: that is no bug but StepFailed."""
    try:
        yield
    except (PostgresError, InterfaceError) as error:
        raise StepFailed("its Postgres refused, or went away", where=str(fault.get("part") or fault.get("link")),
                         seen=repr(error)[:200], todo="its log is in the run folder") from error


def fault_makers(engine: NotedEngine, stack: Stack, secrets: Secrets, probing: Probing,
                 controls: Mapping[str, Controls], standing: Standing) -> RealFaults:
    """Every maker over one running stack; what the runbook wants up is asked of its engine."""
    bare: Any = engine.bare
    links = LinkFaults(stack, Toxiproxy(*bare.direct("toxiproxy", "api")), probing)
    answers = Answers(bare, secrets)
    points = KillPoints(engine, controls, secrets)
    parts = PartFaults(bare, answers, controls, standing, lambda: engine.wanted, points)
    limits = Limits(bare, answers, standing, lambda: engine.wanted)
    return RealFaults(engine, links, {
        **dict.fromkeys(("kill", "stop", "pause", "restart"), parts), "cpu": limits, "memory": limits,
        "partition": Partitions(bare, stack, links, answers, lambda: engine.wanted),
        "terminate": Terminate(bare, secrets, answers), "exhaust": Exhaust(bare, secrets, answers),
        "lock": Lock(bare, secrets, answers),
        "fsync": Fsync(bare, secrets, answers, lambda: engine.wanted),
        "disk": Disk(bare, secrets, answers, lambda: engine.wanted), "full": Full(bare), "duplicate": Duplicate(bare),
        "clock": Clock(controls), "twice": Twice(bare),
        "wrong_secret": WrongSecret(bare, answers, lambda: engine.wanted)}, points)
