"""The nemesis: makes faults at their instant, planned or ordered, proves and heals them.

Both take one road: written down, made, seen by a probe, held for their time, taken off. So an
order from the desk is as trustworthy in the history as a line of the scenario.
"""

from __future__ import annotations

from collections.abc import Generator
from math import inf
from typing import Any, Literal

import msgspec
import simpy

from sim.clock import LiveEnvironment, Outcome
from sim.faults.telling import mark, tell
from sim.faults.toxics import JITTER_EVERY_S, jittered
from sim.faults.written import Written
from sim.history.journal import Journal
from sim.phases import Phases
from sim.rigs.rig import Faults
from sim.scenario import Fault
from sim.scenario.faults import Anchor
from sim.scenario.kinds import CATALOGUE

State = Literal["making", "made", "proven", "not proven", "healing", "not healed"]


class Active(msgspec.Struct):
    """A fault that may be on: from before it is made until it is known to be off."""

    fault: Fault
    state: State = "making"
    seen: str = ""
    """What its probe saw."""
    effect_s: float | None = None
    """Seconds from the order (or the planned instant) until it was in effect."""
    ends_s: float = inf
    """When it is healed, on the environment's clock; inf = by hand or at the end."""
    healing: simpy.Event | None = None
    """Fires when the healing under way has ended."""

    @property
    def is_on(self) -> bool:
        """False once somebody heals it."""
        return self.state not in ("healing", "not healed")


class Nemesis:
    """One process a fault; every fault is an op when made and another when healed."""

    def __init__(self, env: LiveEnvironment, faults: list[Fault], rig: Faults, journal: Journal,
                 phases: Phases, written: Written, seed: int) -> None:
        self._env, self._rig = env, rig
        self._journal, self._phases, self._written, self._seed = journal, phases, written, seed
        self.planned = {fault.name: fault for fault in faults}
        """Those not begun yet, by name; the ones `by hand` wait for somebody to ask for them."""
        self.active: dict[str, Active] = {}
        self.names = set(self.planned)
        """Every name ever used: a second fault of one name could not be told from the first."""

    def start(self) -> None:
        """Wait for the phases of all planned faults."""
        for fault in list(self.planned.values()):
            if fault.at != "by hand":
                self._env.process(self._awaited(fault))

    def make(self, fault: Fault, *, by: str) -> tuple[Active, simpy.Event]:
        """Make a fault that somebody asked for, now; the event fires when its proof is over."""
        self.names.add(fault.name)
        self.planned.pop(fault.name, None)
        active = self.active[fault.name] = Active(fault)
        tried = self._env.event()
        self._env.process(self._whole(active, self._journal.now_s(), tried, by))
        return active, tried

    def _awaited(self, fault: Fault) -> Generator[simpy.Event, Any, None]:
        assert isinstance(fault.at, Anchor)
        yield from self._reached(fault.at)
        if self.planned.pop(fault.name, None) is None:
            return  # somebody made it by hand meanwhile, or called it off
        active = self.active[fault.name] = Active(fault)
        yield from self._whole(active, self._journal.now_s(), self._env.event(), "")

    def _whole(self, active: Active, ordered_s: float, tried: simpy.Event,
               by: str) -> Generator[simpy.Event, Any, None]:
        """From the order to the healing; `tried` fires when it was proven, or failed."""
        if active.fault.waits and active.fault.until is not None:
            self._env.process(self._bounded(active))
        made = yield from self._made(active, ordered_s, by)
        tried.succeed()
        if made:
            yield from self._last(active)
        yield from self.heal(active)

    def _made(self, active: Active, ordered_s: float, by: str) -> Generator[simpy.Event, Any, bool]:
        fault = active.fault
        told = tell(fault)
        self._written.write(fault.name, "making", told)
        i = self._journal.invoke("nemesis", "fault", value={**told, **({"by": by} if by else {})})
        outcome: Outcome = yield self._env.call(self._rig.make(told))
        if outcome.kind != "ok":
            active.seen = str(outcome.error)[:300]
            self._journal.complete(i, outcome.kind, value={"name": fault.name, **mark(fault)},
                                   error=active.seen)
            return False
        active.effect_s = round(self._journal.now_s() - ordered_s, 4)
        active.state = "made" if active.is_on else active.state
        active.ends_s = self._env.now + (fault.for_ if fault.for_ is not None else inf)
        self._written.write(fault.name, "made")
        self._journal.note("nemesis", "made", {"name": fault.name, "effect_s": active.effect_s, **mark(fault)})
        outcome = yield self._env.call(self._rig.prove(fault.name))
        proof = outcome.value if outcome.kind == "ok" else {"proven": False, "seen": str(outcome.error)[:300]}
        if not active.is_on:
            proof["seen"] = f"healed before it was proven; {proof['seen']}"
        else:
            active.state = "proven" if proof["proven"] else "not proven"
        active.seen = str(proof["seen"])
        self._journal.complete(i, "ok", value={"name": fault.name, "effect_s": active.effect_s, **proof,
                                             **mark(fault)})
        return True

    def _last(self, active: Active) -> Generator[simpy.Event, Any, None]:
        """Hold the fault for its time; a jittered one moves on its seeded schedule."""
        fault, n = active.fault, 0
        if not CATALOGUE[fault.fault].lasts:
            return
        over = self._over(fault)
        while fault.jitter and active.is_on and self._env.now < active.ends_s and not over.triggered:
            n += 1
            yield self._env.call(self._rig.change(fault.name, jittered(fault, self._seed, n)))
            yield self._env.timeout(min(JITTER_EVERY_S, max(0.0, active.ends_s - self._env.now)))
        if active.ends_s == inf:
            yield over  # or until somebody heals it, or the end of the run
        elif self._env.now < active.ends_s:
            yield self._env.any_of([over, self._env.timeout(active.ends_s - self._env.now)])

    def _bounded(self, active: Active) -> Generator[simpy.Event, Any, None]:
        """What waits for its point waits until its last instant, and no longer."""
        assert active.fault.until is not None
        yield from self._reached(active.fault.until)
        if active.state == "making":
            yield from self.heal(active)

    def _over(self, fault: Fault) -> simpy.Event:
        """Fires at the instant at which the fault is healed at the latest; never, if it has none."""
        if fault.until is None:
            return self._env.event()
        return self._env.process(self._reached(fault.until))

    def _reached(self, anchor: Anchor) -> Generator[simpy.Event, Any, None]:
        yield self._phases.reached(anchor.step)
        left_s = self._phases.times_s[anchor.step] + anchor.offset_s - self._env.now
        if left_s > 0:
            yield self._env.timeout(left_s)

    def heal(self, active: Active) -> Generator[simpy.Event, Any, None]:
        """Take one fault off; written down when it is. One that could not be healed may be tried again."""
        if active.healing is not None:
            yield active.healing
            return
        name, marked = active.fault.name, mark(active.fault)
        if self.active.get(name) is not active:
            return
        active.state, active.healing = "healing", self._env.event()
        i = self._journal.invoke("nemesis", "heal", value={"name": name, **_place(active.fault), **marked})
        outcome: Outcome = yield self._env.call(self._rig.heal(name))
        if outcome.kind == "ok":
            self._written.write(name, "healed")
            del self.active[name]
            told = dict(outcome.value or {})
            note = told.pop("note", None)
            self._journal.complete(i, "ok", value={"name": name, **told, **marked})
            if note:
                self._journal.note("harness", "note", {"text": note, "level": "warn", **marked})
        else:
            active.state, active.seen = "not healed", str(outcome.error)[:300]
            self._journal.complete(i, outcome.kind, value={"name": name, **marked}, error=active.seen)
        done, active.healing = active.healing, None
        done.succeed()

    def stand_down(self) -> Generator[simpy.Event, Any, None]:
        """Take every fault off and make none that is planned: the end of a run and the way back begin so."""
        self.planned.clear()
        yield from self.heal_all()

    def heal_all(self) -> Generator[simpy.Event, Any, None]:
        """Take every fault off that may be on."""
        healing = [self._env.process(self.heal(active)) for active in list(self.active.values())]
        if healing:
            yield self._env.all_of(healing)


def _place(fault: Fault) -> dict[str, str]:
    return {"link": fault.link} if fault.link is not None else {"part": fault.where}
