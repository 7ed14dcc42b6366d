"""Clients' calls in the order in which they were answered, and what became of each.

One pass over the history, in which only calls under way are kept.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

from sim.checks.answers import is_answer, is_cut_off
from sim.checks.reading import HARNESS
from sim.checks.timeline import Timeline
from sim.history.history import Call, History
from sim.history.op import Op

Outcome = Literal["answered", "failed", "shed", "cut off"]
"""As the check `availability` counts them; cut off = the run ended before an answer."""


def completed(history: History) -> Iterator[Call]:
    """Traffic's calls as they end; those that never did, last."""
    begun: dict[int, Op] = {}
    for op in history.ops:
        if op.type == "invoke":
            if op.process not in HARNESS:
                begun[op.i] = op
        elif op.of is not None:
            asked = begun.pop(op.of, None)
            if asked is not None:
                yield Call(asked, op)
    for op in begun.values():
        yield Call(op, None)


def acts(history: History) -> Iterator[Call]:
    """What runbook, nemesis, operators and harness did, in the order in which it began."""
    done = {op.of: op for op in history.ops if op.of is not None and op.process in HARNESS}
    for op in history.ops:
        if op.type == "invoke" and op.process in HARNESS:
            yield Call(op, done.get(op.i))


def due_s(call: Call) -> float:
    """When it should have been sent; when it was, if nobody planned it."""
    begun = call.begun
    return begun.t_s if begun.due_s is None else begun.due_s


def is_proof(call: Call) -> bool:
    """Is it one of the verify step's own questions, which no client asked?"""
    return call.begun.process.startswith("verify")


class Outcomes:
    """Says what became of a call, by the same rules as the check `availability`."""

    def __init__(self, timeline: Timeline) -> None:
        self._switches = [s.i for s in timeline.switches]
        cutover, first = timeline.step("cutover"), timeline.first_switch
        self._cutover = (cutover.i, first.i) if cutover is not None and first is not None else (-1, -1)

    def of(self, call: Call) -> Outcome:
        """What became of it."""
        done = call.done
        if done is None:
            return "cut off"
        if done.type == "ok":
            return "answered"
        if is_cut_off(done):
            return "cut off"
        value = done.value or {}
        if value.get("shed"):
            return "shed"
        if done.type == "info" or not (is_answer(call.begun.f, value) or self._cut_in_two(call, done.i)):
            return "failed"
        return "answered"

    def _cut_in_two(self, call: Call, done_i: int) -> bool:
        """A login that the switch cut in two is a lost login, and not counted as failed too."""
        if call.begun.f not in ("authorize", "code"):
            return False
        opened, crossed = self._cutover
        return any(call.begun.i < i < done_i for i in self._switches) or opened < done_i < crossed
