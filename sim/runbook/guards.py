"""Guards: limits that act by themselves, looked at once a second."""

from __future__ import annotations

import operator
from collections.abc import Callable, Generator
from typing import Any

import simpy

from sim.errors import Refused
from sim.runbook.context import Context
from sim.scenario import Guard

LOOK_S = 1.0
"""SCENARIO-FORMAT: guards are looked at every second from baseline to close."""
_COMPARE: dict[str, Callable[[float, float], bool]] = {
    ">": operator.gt, ">=": operator.ge, "<": operator.lt, "<=": operator.le}


def watch(ctx: Context, guard: Guard, figure: Callable[[str], float | None]) -> Generator[simpy.Event, Any, None]:
    """Watch one guard until it was breached for its time, then act once; ends when interrupted."""
    breached_since: float | None = None
    while True:
        try:
            yield ctx.env.timeout(LOOK_S)
        except simpy.Interrupt:
            return
        value = figure(guard.figure)
        if value is None or not _COMPARE[guard.op](value, guard.limit):
            breached_since = None
            continue
        if breached_since is None:
            breached_since = ctx.env.now
        if ctx.env.now - breached_since >= guard.for_:
            ctx.journal.note("runbook", "guard", {"when": f"{guard.figure} {guard.op} {guard.limit:g}",
                                                  "figure": guard.figure, "value": value, "action": guard.then})
            act(ctx, guard)
            return


def act(ctx: Context, guard: Guard) -> None:
    """Do what the guard says: pause, postpone or roll back."""
    words = f"guard {guard.figure} {guard.op} {guard.limit:g}"
    try:
        if guard.then == "pause":
            if not ctx.desk.paused:
                ctx.desk.pause(words, {})
        elif guard.then == "postpone":
            ctx.desk.postpone(words, {})
        elif not ctx.desk.aborted.triggered and not ctx.desk.past_return:
            ctx.desk.abort(words, {"reason": "a limit was breached"})
    except Refused as refused:
        ctx.note(f"{words}: {refused}", "warn")
