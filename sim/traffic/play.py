"""Plays a plan against a rig: starts every actor when it is due and keeps the books.

Traffic is open: it comes when the plan says, whatever the answers are. What could not be sent
in time, or at all, is counted, because a late sender proves nothing about a server.
"""

from __future__ import annotations

import gc
from collections.abc import Generator
from typing import TYPE_CHECKING, Any

import simpy

from sim.clock import Call, LiveEnvironment, LiveProcess
from sim.history.journal import Journal
from sim.phases import Phases
from sim.rigs.rig import Clients
from sim.traffic import personas
from sim.traffic.acts import Acts
from sim.traffic.intents import Asks, Held, Item, Lookup, Revocation, Service, Session, Visit
from sim.traffic.ledger import Ledger
from sim.traffic.personas import Life, Stage
from sim.traffic.plan import Plan
from sim.traffic.watching import Watchlist

if TYPE_CHECKING:
    from hdrh.histogram import HdrHistogram

    from sim.scenario import Scenario
    from sim.traffic.minting import Minter
    from sim.traffic.population import Population

STOP = "stop"
"""Cause of the interrupt that ends an actor's thinking."""


class Traffic:
    """All personas of a run. `start` once, `stop` once.

    `population` is the one the plan was made for; `clients` the rig's.
    """

    def __init__(self, env: LiveEnvironment, plan: Plan, population: Population, minter: Minter,
                 clients: Clients, journal: Journal, phases: Phases, scenario: Scenario) -> None:
        self._env, self._plan, self._journal, self._phases = env, plan, journal, phases
        self.ledger = Ledger(population, minter)
        self._watchlist = Watchlist()
        self.acts = Acts(env, clients, journal, self.ledger, self._watchlist, scenario.traffic.client_timeout)
        self._stage = Stage(env, self.acts, self.ledger, self._watchlist, phases, env.now, plan.good)
        self._alive: set[LiveProcess] = set()
        self._idle: simpy.Event | None = None

    @property
    def lateness(self) -> HdrHistogram:
        """How late operations were sent, in microseconds."""
        return self.acts.lateness

    @property
    def late(self) -> int:
        """Operations sent more than 50 ms late."""
        return self.acts.late

    @property
    def sent(self) -> int:
        """Operations sent."""
        return self.acts.sent

    @property
    def unsent(self) -> int:
        """Planned operations never sent, because too many were under way."""
        return self._stage.unsent

    @property
    def skipped(self) -> int:
        """Intents that had no object when they were due: a grant gone, no token alive."""
        return self._stage.skipped

    def start(self) -> None:
        """From now on actors come as planned; their times count from here."""
        gc.collect()
        gc.freeze()  # plan and population live to the end: walking them would make sends late
        self._stage.begin_s = self._env.now
        self._begin(self._dispatch())
        self._begin(self._follow_phases())
        for intent in self._plan.cohorts:
            self._begin(self._cohort(intent))

    def stop(self) -> simpy.Event:
        """No new arrivals; fires when everything under way has been completed."""
        stage = self._stage
        if self._idle is None:
            self._idle = self._env.event()
            stage.stopping = True
            for process in list(self._alive):
                if not _is_calling(process):
                    process.interrupt(STOP)
            self._env.process(self._settle())
        return self._idle

    # ---- inside

    def _begin(self, life: Life) -> None:
        process = self._env.process(self._live(life))
        self._alive.add(process)

    def _live(self, life: Life) -> Generator[simpy.Event, Any, None]:
        """A life that `stop` may end while it thinks."""
        try:
            yield from life
        except simpy.Interrupt:
            return
        finally:
            if self._env.active_process is not None:
                self._alive.discard(self._env.active_process)

    def _dispatch(self) -> Life:
        """Start each actor when it is due."""
        begin_s = self._stage.begin_s
        for item in self._plan.items:
            wait_s = begin_s + item.due_s - self._env.now
            if wait_s > 0:
                yield self._env.timeout(wait_s)
            if self._env.room or isinstance(item, Asks):
                self._begin(self._life(item))
            else:
                self._stage.unsent += 1

    def _life(self, item: Item) -> Life:
        stage = self._stage
        if isinstance(item, Asks):
            return personas.asks(stage, item)
        if isinstance(item, Session):
            return personas.holds(stage, item)
        if isinstance(item, Service):
            return personas.serves(stage, item)
        if isinstance(item, Visit):
            return personas.visits(stage, item)
        if isinstance(item, Revocation):
            return personas.revokes(stage, item)
        if isinstance(item, Lookup):
            return personas.looks_up(stage, item)
        return personas.keeps(stage, item)

    def _cohort(self, intent: Revocation | Held) -> Life:
        """Wait for the phase, then act."""
        yield self._phases.reached(intent.anchor or "")
        yield self._env.timeout(intent.due_s)
        yield from self._life(intent)

    def _follow_phases(self) -> Life:
        """Tell ledger and prober what the runbook reached."""
        snapshot, switch = self._phases.reached("snapshot"), self._phases.reached("switch")
        yield snapshot | switch
        if snapshot.triggered:
            self.ledger.snapshot()
            yield switch
        self._watchlist.switched()

    def _settle(self) -> Life:
        """Wait until every actor is gone and every operation is completed."""
        assert self._idle is not None
        while self._alive or self.acts.open:
            yield self._env.timeout(0.02)
        self._idle.succeed()


def _is_calling(process: LiveProcess) -> bool:
    """Whether an operation of its own is under way: that one is completed first."""
    return isinstance(process.target, Call)
