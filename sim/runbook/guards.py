"""Guards: limits that act by themselves, looked at once a second from baseline to close.

One process looks for all of them, so a verdict is formed once a second however many there are.
Each acts once: a person who goes on after its pause has seen it.
"""

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

Figures = Callable[[], Callable[[str], float | None]]
"""Forms the verdict of now; what it returns gives `check.figure`, None while it can't be said."""


def watch(ctx: Context, guards: list[Guard], figures: Figures) -> Generator[simpy.Event, Any, None]:
    """Watch all guards; a breach that lasted its time acts. Ends when interrupted or past the return."""
    left = list(guards)
    since_s: dict[int, float] = {}
    """The guard's identity → when its breach began."""
    while left and not ctx.desk.past_return:
        try:
            yield ctx.env.timeout(LOOK_S)
        except simpy.Interrupt:
            return
        figure = figures()
        for guard in list(left):
            value = figure(guard.figure)
            if value is None or not _COMPARE[guard.op](value, guard.limit):
                since_s.pop(id(guard), None)
                continue
            lasted_s = ctx.env.now - since_s.setdefault(id(guard), ctx.env.now)
            if lasted_s >= guard.for_:
                left.remove(guard)
                ctx.journal.note("runbook", "guard", {"when": guard.when, "figure": guard.figure, "value": value,
                                                      "lasted_s": round(lasted_s, 3), "action": guard.then})
                act(ctx, guard)


def act(ctx: Context, guard: Guard) -> None:
    """Do what the guard says: pause, postpone or roll back; a refusal is told."""
    words = f"guard {guard.when}"
    try:
        if guard.then == "pause":
            if not ctx.desk.paused:
                ctx.desk.pause(words, {})
        elif guard.then == "postpone":
            ctx.desk.postpone(words, {})
        elif not ctx.desk.aborted.triggered:
            ctx.desk.abort(words, {"reason": "a limit was breached"})
    except Refused as refused:
        ctx.note(f"{words}: {refused}", "warn")
