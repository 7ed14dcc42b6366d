"""Gates: a person, a clock, a written decision."""

from __future__ import annotations

from collections.abc import Generator, Iterable
from typing import Any, cast

import simpy

from sim.errors import BadInput, StepFailed
from sim.runbook.context import Context
from sim.runbook.desk import Answer
from sim.scenario import Gate, Scenario


def refuse_unattended(scenario: Scenario, *, attended: bool, yes: bool) -> None:
    """Refuse a run that would wait for nobody.

    Raises BadInput (254) if a gate says `unattended: refuse` and no terminal is there.
    """
    if attended or yes:
        return
    for step in scenario.runbook:
        if step.gate is not None and step.gate.unattended == "refuse":
            raise BadInput(f"the gate of step {step.name!r} needs a person and there is no terminal",
                           where=scenario.slug, todo="run it in a terminal, or with --yes to approve every gate")


def pass_gate(ctx: Context, name: str, gate: Gate, *, attended: bool, yes: bool,
              preconditions: Iterable[str]) -> Generator[simpy.Event, Any, None]:
    """Wait for the decision on one step; a postponement waits and asks again.

    Raises StepFailed if the decision is to roll back.
    """
    while True:
        i = ctx.journal.invoke("runbook", "gate", value={
            "step": name, "ask": gate.ask, "who": gate.who, "timeout_s": gate.timeout,
            "on_timeout": gate.on_timeout, "preconditions": list(preconditions)})
        answer = yield from _decide(ctx, name, gate, attended=attended, yes=yes)
        ctx.journal.complete(i, "ok", value={"decision": answer.decision, "who": answer.who,
                                             "reason": answer.reason, "for_s": answer.for_s})
        if answer.decision == "go":
            return
        if answer.decision == "rollback":
            raise StepFailed(f"no-go by {answer.who}: {answer.reason or 'no reason given'}", where=name)
        yield ctx.env.timeout(answer.for_s or ctx.desk.POSTPONE_S)


def _decide(ctx: Context, name: str, gate: Gate, *, attended: bool,
            yes: bool) -> Generator[simpy.Event, Any, Answer]:
    if yes:
        return Answer("go", "--yes", "every gate approved on the command line")
    if not attended and gate.unattended == "go":
        return Answer("go", "unattended", "the gate goes on without a person")
    ctx.journal.note("runbook", "state", {"state": "GATE", "why": gate.ask})
    decided = ctx.desk.open_gate(name)
    try:
        limit = ctx.env.timeout(gate.timeout)
        yield decided | limit
        if decided.triggered:
            return cast(Answer, decided.value)
        return Answer(gate.on_timeout, "timeout", f"nobody decided in {gate.timeout:g} s")
    finally:
        ctx.desk.close_gate()
        ctx.journal.note("runbook", "state", {"state": "RUNNING", "why": "gate decided"})
