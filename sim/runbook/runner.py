"""Walks the runbook: precondition, act, deadline; on any failure, undo back to blue.

Every step is an op; its undo too. Whatever goes wrong, steps are undone newest first and
blue is proven well before the run ends `rolled_back`.
"""

from __future__ import annotations

from collections.abc import Generator, Sequence
from typing import Any, Literal, NamedTuple, cast

import simpy

from sim.errors import RehearsalError, StepFailed
from sim.runbook import guards
from sim.runbook.catalogue import entry_of
from sim.runbook.context import Acting, Context
from sim.runbook.crossing import make_way
from sim.runbook.gates import pass_gate
from sim.runbook.stood import Stood
from sim.scenario import Step

UNDO_DEADLINE_S = 60.0
"""Assumption: no undo takes a minute; one that does is reported and the next is tried."""
READY_DEADLINE_S = 60.0
"""Assumption: a Hydra starts in seconds, its first boot in three; a minute is out of order."""
WELL_WATCH_S = 3.0
"""Assumption: three seconds of traffic without a failure belong to the proof that blue is well."""


class Ended(NamedTuple):
    """How the runbook ended."""

    how: Literal["completed", "rolled_back", "failed"]
    why: str = ""


class _Tried(NamedTuple):
    how: Literal["ok", "failed", "interrupted"]
    figures: dict[str, Any]
    why: str = ""


class Runner:
    """One walk through a scenario's runbook."""

    def __init__(self, ctx: Context, *, attended: bool, yes: bool, pause_before: str | None,
                 figures: guards.Figures) -> None:
        self.ctx = ctx
        self._attended, self._yes, self._pause_before = attended, yes, pause_before
        self._figures = figures
        self._watching: simpy.Process | None = None
        self._done: list[Step] = []

    def play(self) -> Generator[simpy.Event, Any, Ended]:
        """The runbook as a SimPy process; its value says how it ended."""
        ctx = self.ctx
        self._watching = ctx.env.process(guards.watch(ctx, ctx.scenario.guards, self._figures))
        try:
            return (yield from self._walk(ctx.scenario.runbook))
        finally:
            self._watch_no_more()

    def _walk(self, steps: Sequence[Step]) -> Generator[simpy.Event, Any, Ended]:
        """These steps, one after the other; the first that fails is rolled back with all before it."""
        runbook = self.ctx.scenario.runbook
        for step in steps:
            tried = yield from self._one(step, runbook.index(step) + 1, len(runbook))
            if tried.how != "ok":
                return (yield from self._roll_back(tried.why))
        return Ended("completed")

    def take_up(self, stood: Stood) -> Generator[simpy.Event, Any, Ended]:
        """After a kill: back to blue by the undo of all that had begun, or on to the end if there is no way back.

        Then nobody watches the guards' limits: what they lead to is gone.
        """
        ctx = self.ctx
        ctx.facts |= stood.facts
        self._done = list(stood.done)
        if stood.closing:
            last = ctx.scenario.runbook[-1]
            tried = yield from self._one(last, len(ctx.scenario.runbook), len(ctx.scenario.runbook))
            return Ended("completed") if tried.how == "ok" else Ended("failed", f"the end failed again: {tried.why}")
        if stood.past_return:
            ctx.desk.past_return = True
            first = stood.left[0].name if stood.left else "the end"
            ctx.note(f"blue's own database is being migrated and there is no way back: on from {first}", "warn")
            return (yield from self._walk(stood.left))
        at = f"in {stood.under_way}" if stood.under_way else "between two steps"
        return (yield from self._roll_back(f"the harness was killed {at}"))

    def _watch_no_more(self) -> None:
        """The guards' limits are about the way to green: they stop at the end and on the way back."""
        if self._watching is not None and self._watching.is_alive:
            self._watching.interrupt("the runbook ended")
        self._watching = None

    def _one(self, step: Step, n: int, of: int) -> Generator[simpy.Event, Any, _Tried]:
        ctx, entry = self.ctx, entry_of(step, self.ctx.scenario)
        if step.name == self._pause_before and not ctx.desk.paused:
            ctx.desk.pause("--pause-before", {})
        tried = yield from self._supervised(self._before(step, entry.needs), None)
        if tried.how != "ok":
            return tried
        if entry.ready is not None:
            self._done.append(step)
            tried = yield from self._supervised(entry.ready(ctx, step), READY_DEADLINE_S)
            if tried.how != "ok":
                return tried
        if step.role == "cutover":
            tried = yield from self._supervised(make_way(ctx), READY_DEADLINE_S)
            if tried.how != "ok":
                return tried
        i = ctx.journal.invoke("runbook", "step", value={
            "step": step.name, "kind": step.kind, "n": n, "of": of, "deadline_s": step.deadline,
            "undo": entry.undo_words, "does": entry.does})
        ctx.phases.mark(step.name)
        if step not in self._done:
            self._done.append(step)
        yield ctx.env.timeout(0)  # what is planned for this instant is ordered before the step acts
        began_s = ctx.env.now
        tried = yield from self._supervised(entry.act(ctx, step), step.deadline)
        took_s = round(ctx.env.now - began_s, 3)
        if tried.how == "ok":
            ctx.facts |= _facts(step)
            ctx.journal.complete(i, "ok", value={"step": step.name, "took_s": took_s, "figures": tried.figures})
            ctx.phases.mark(f"{step.name}.end")
        else:
            ctx.journal.complete(i, "fail", value={"step": step.name, "took_s": took_s}, error=tried.why)
        return tried

    def _before(self, step: Step, needs: str) -> Acting:
        """Whatever must be waited for before a step: a pause, a postponement, a gate."""
        ctx = self.ctx
        while ctx.desk.paused:
            ctx.journal.note("runbook", "state", {"state": "PAUSED", "why": f"before {step.name}"})
            yield ctx.desk.resumed
            ctx.journal.note("runbook", "state", {"state": "RUNNING", "why": "resumed"})
        ctx.desk.begun()
        if step.kind == "cutover":
            while ctx.env.now < ctx.desk.postponed_until_s:
                yield ctx.env.timeout(ctx.desk.postponed_until_s - ctx.env.now)
        if step.gate is not None:
            yield from pass_gate(ctx, step.name, step.gate, attended=self._attended, yes=self._yes,
                                 preconditions=[needs])
        return {}

    def _supervised(self, work: Acting, deadline_s: float | None) -> Generator[simpy.Event, Any, _Tried]:
        """Run work until it ends, its deadline passes or somebody aborts."""
        env, aborted = self.ctx.env, self.ctx.desk.aborted
        if aborted.triggered:
            work.close()
            return _Tried("interrupted", {}, f"aborted by {aborted.value}")
        process = env.process(_caught(work))
        events: list[simpy.Event] = [process, aborted]
        if deadline_s is not None:
            events.append(env.timeout(deadline_s))
        yield env.any_of(events)
        if process.triggered:
            return cast(_Tried, process.value)
        why = f"aborted by {aborted.value}" if aborted.triggered else f"its deadline of {deadline_s:g} s passed"
        process.interrupt(why)
        yield process
        return _Tried("interrupted", {}, why)

    def _roll_back(self, why: str) -> Generator[simpy.Event, Any, Ended]:
        ctx = self.ctx
        self._watch_no_more()
        ctx.journal.note("runbook", "state", {"state": "ABORTING", "why": why})
        ctx.note(f"rolling back to blue: {why}", "warn")
        if ctx.desk.past_return:
            return Ended("failed", f"{why}; there is no way back from here")
        heal_all = ctx.facts.get("heal_all")
        if heal_all is not None:
            yield ctx.env.process(heal_all())  # the way back must not meet the faults that led to it
        whole = True
        for step in reversed(self._done):
            entry = entry_of(step, ctx.scenario)
            if entry.undo is None:
                continue
            i = ctx.journal.invoke("runbook", "undo", value={"step": step.name, "undo": entry.undo_words})
            tried = yield from self._undoing(entry.undo(ctx, step))
            whole = whole and tried.how == "ok"
            ctx.journal.complete(i, "ok" if tried.how == "ok" else "fail",
                                 value={"step": step.name, **tried.figures}, error=tried.why or None)
        well = yield from self._prove_well()
        if not (whole and well):
            return Ended("failed", f"{why}; and blue could not be proven well")
        ctx.journal.note("runbook", "state", {"state": "ROLLED_BACK", "why": why})
        return Ended("rolled_back", why)

    def _undoing(self, work: Acting) -> Generator[simpy.Event, Any, _Tried]:
        process = self.ctx.env.process(_caught(work))
        yield process | self.ctx.env.timeout(UNDO_DEADLINE_S)
        if not process.triggered:
            process.interrupt("the undo's deadline passed")
            yield process
        return cast(_Tried, process.value)

    def _prove_well(self) -> Generator[simpy.Event, Any, bool]:
        ctx = self.ctx
        i = ctx.journal.invoke("runbook", "proof_well", value={"side": "blue"})
        tried = yield from self._undoing(self._well())
        ctx.journal.complete(i, "ok" if tried.how == "ok" else "fail", value=tried.figures, error=tried.why or None)
        return tried.how == "ok"

    def _well(self) -> Acting:
        ctx = self.ctx
        figures: dict[str, Any] = yield from ctx.do(ctx.rig.operations.prove_well("blue"))
        ctx.watcher.begin()
        yield ctx.env.timeout(WELL_WATCH_S)
        window = ctx.watcher.end()
        if window.failed or window.unanswered or not window.operations:
            raise StepFailed("blue serves, but not every request", where="rollback", seen=str(window))
        return {**figures, "operations": window.operations}


def _caught(work: Acting) -> Generator[simpy.Event, Any, _Tried]:
    try:
        figures = yield from work
    except simpy.Interrupt as interrupt:
        return _Tried("interrupted", {}, str(interrupt.cause))
    except RehearsalError as error:
        return _Tried("failed", {}, str(error))
    return _Tried("ok", figures or {})


def _facts(step: Step) -> dict[str, Any]:
    """What later steps must know of a step that succeeded."""
    if step.kind == "capture":
        return {"capturing": True}
    if step.kind == "lifetime":
        return {"lifetime_raised": True}
    return {}
