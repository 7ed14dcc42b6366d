"""What a step may use, and how it waits for what it started."""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Generator, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

import simpy

from sim.clock import LiveEnvironment
from sim.errors import RehearsalError, StepFailed
from sim.history.journal import Journal
from sim.phases import Phases
from sim.rigs.rig import Rig
from sim.runbook.desk import Desk
from sim.runbook.price import Price
from sim.runbook.steady import Watcher
from sim.scenario import Scenario

Acting = Generator[simpy.Event, Any, dict[str, Any]]
"""A step at work: yields events, returns the figures of its completion."""


class Chains(Protocol):
    """What the runbook must know of the traffic's ledger (sim.traffic keeps it)."""

    def signatures(self) -> Mapping[str, str]:
        """Refresh-token signature → grant name, of grants made in the run."""
        ...

    def owners(self, names: Iterable[str]) -> list[tuple[str, str]]:
        """(subject, client) of grants that are known."""
        ...


class Proofs(Protocol):
    """The verify step's questions to the API, asked as ordinary ops (sim.traffic makes them)."""

    def prove(self, *, revoked: Iterable[str], sample: int) -> Coroutine[Any, Any, dict[str, Any]]: ...


@dataclass
class Context:
    """Everything a step uses. `rig_notes` are facts one step leaves for a later one."""

    env: LiveEnvironment
    scenario: Scenario
    rig: Rig
    journal: Journal
    phases: Phases
    desk: Desk
    price: Price
    watcher: Watcher
    chains: Chains
    proofs: Proofs
    facts: dict[str, Any] = field(default_factory=dict)

    def do(self, work: Coroutine[Any, Any, Any]) -> Generator[simpy.Event, Any, Any]:
        """Wait for a coroutine; its failure becomes the step's.

        Raises the RehearsalError it raised, or StepFailed with what was seen.
        """
        return (yield from self.done(self.env.call(work)))

    def done(self, call: simpy.Event) -> Generator[simpy.Event, Any, Any]:
        """Wait for a call that was begun before (see `do`)."""
        outcome = yield call
        if outcome.kind == "ok":
            return outcome.value
        if isinstance(outcome.error, RehearsalError):
            raise outcome.error
        raise StepFailed("a part did not answer", seen=repr(outcome.error)[:300])

    def progress(self, step: str) -> Callable[[dict[str, Any]], None]:
        """A callback that writes `progress` ops of one step."""

        def report(figures: dict[str, Any]) -> None:
            self.journal.note("runbook", "progress", {"step": step, **figures})

        return report

    def note(self, text: str, level: str = "info") -> None:
        """A note on the screen and in the history."""
        self.journal.note("harness", "note", {"text": text, "level": level})

    def measure(self, question: str, **arguments: Any) -> Generator[simpy.Event, Any, dict[str, Any]]:
        """Ask the rig a question by key; the answer is an op of process `verify`."""
        i = self.journal.invoke("verify", question, value={k: v for k, v in arguments.items() if k in ("when", "job")})
        outcome = yield self.env.call(self.rig.operations.measure(question, arguments))
        if outcome.kind != "ok":
            self.journal.complete(i, "info", error=str(outcome.error)[:300])
            if isinstance(outcome.error, RehearsalError):
                raise outcome.error
            raise StepFailed(f"the question {question!r} was not answered", seen=repr(outcome.error)[:300])
        answer: dict[str, Any] = outcome.value
        self.journal.complete(i, "ok", value=answer)
        return answer
