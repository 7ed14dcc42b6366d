"""The nemesis: makes a scenario's faults at their phase and offset, proves and heals them."""

from __future__ import annotations

from collections.abc import Generator
from math import inf
from typing import Any

import simpy

from sim.clock import LiveEnvironment
from sim.faults.toxics import JITTER_EVERY_S, as_op, jittered
from sim.faults.written import Written
from sim.history.journal import Journal
from sim.phases import Phases
from sim.rigs.rig import Faults
from sim.scenario import Fault


class Nemesis:
    """One process a fault; every fault is an op when made and another when healed."""

    def __init__(self, env: LiveEnvironment, faults: list[Fault], rig: Faults, journal: Journal,
                 phases: Phases, written: Written, seed: int) -> None:
        self._env, self._faults, self._rig = env, faults, rig
        self._journal, self._phases, self._written, self._seed = journal, phases, written, seed
        self.active: dict[str, Fault] = {}

    def start(self) -> None:
        """Wait for the phases of all planned faults."""
        for fault in self._faults:
            if fault.at != "by hand":
                self._env.process(self._life(fault))

    def _life(self, fault: Fault) -> Generator[simpy.Event, Any, None]:
        anchor = fault.at
        assert not isinstance(anchor, str)
        yield self._phases.reached(anchor.step)
        due_s = self._phases.times_s[anchor.step] + anchor.offset_s
        yield self._env.timeout(max(0.0, due_s - self._env.now))
        made = yield from self._make(fault)
        if not made:
            return
        yield from self._last(fault)
        yield from self.heal(fault)

    def _make(self, fault: Fault) -> Generator[simpy.Event, Any, bool]:
        told = as_op(fault)
        self._written.write(fault.name, "making", told)
        i = self._journal.invoke("nemesis", "fault", value=told)
        self.active[fault.name] = fault
        outcome = yield self._env.call(self._rig.make(told))
        if outcome.kind != "ok":
            self._journal.complete(i, outcome.kind, error=str(outcome.error)[:300])
            yield from self.heal(fault)
            return False
        self._written.write(fault.name, "made")
        self._journal.complete(i, "ok", value={"name": fault.name, **outcome.value})
        return True

    def _last(self, fault: Fault) -> Generator[simpy.Event, Any, None]:
        """Hold the fault for its time; a jittered one moves on its seeded schedule."""
        ends_s = inf if fault.for_ is None else self._env.now + fault.for_
        n = 0
        while fault.jitter and fault.name in self.active and self._env.now < ends_s:
            n += 1
            yield self._env.call(self._rig.change(fault.name, jittered(fault, self._seed, n)))
            yield self._env.timeout(min(JITTER_EVERY_S, max(0.0, ends_s - self._env.now)))
        if ends_s == inf:
            yield self._env.event()  # until the end of the run
        yield self._env.timeout(max(0.0, ends_s - self._env.now))

    def heal(self, fault: Fault) -> Generator[simpy.Event, Any, None]:
        """Take one fault off; written down when it is."""
        if self.active.pop(fault.name, None) is None:
            return
        i = self._journal.invoke("nemesis", "heal", value={"name": fault.name, "link": fault.link})
        outcome = yield self._env.call(self._rig.heal(fault.name))
        if outcome.kind == "ok":
            self._written.write(fault.name, "healed")
            self._journal.complete(i, "ok", value={"name": fault.name, **(outcome.value or {})})
        else:
            self._journal.complete(i, outcome.kind, value={"name": fault.name}, error=str(outcome.error)[:300])

    def heal_all(self) -> Generator[simpy.Event, Any, None]:
        """Take every fault off; the end of a run and the way back begin with it."""
        for fault in list(self.active.values()):
            yield from self.heal(fault)
