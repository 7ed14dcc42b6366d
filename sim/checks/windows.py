"""Which operations' latencies count where, as the runbook goes on.

Two questions, two pairs of windows. What did clients feel: the baseline step against everything
from the switch to the verify step, the replay included. What is the new Hydra like: the same
number of seconds of the baseline and of the first soak on green, so that neither the replay nor
a longer time weighs in; resident memory, heap and processor time are read over the same spans.
"""

from __future__ import annotations

from typing import NamedTuple

from sim.checks.latencies import Window
from sim.checks.timeline import Timeline
from sim.history.op import Op

WARM_UP_S = 2.0
"""Assumption: connections, plans and caches are warm two seconds after a change."""


class Stretch(NamedTuple):
    """A window of a length that is known when it opens."""

    begins_s: float
    ends_s: float
    window: Window


class Windows:
    """Fed with the runbook's turns; says which windows an operation belongs to, by when it was due."""

    def __init__(self, compared_s: float) -> None:
        self.baseline, self.after = Window(), Window()
        self.compared: dict[str, Stretch] = {}
        """`before` and `after`, of one length; absent until begun."""
        self._compared_s = compared_s
        """Length of each compared window in seconds; 0 = nothing is compared."""
        self._felt: Window | None = None
        self._felt_from_s = 0.0
        self._stretch: Stretch | None = None

    def of(self, due_s: float) -> tuple[Window, ...]:
        """The windows of an operation that was due then."""
        felt = self._felt if self._felt is not None and due_s >= self._felt_from_s else None
        stretch = self._stretch
        compared = stretch.window if stretch is not None and stretch.begins_s <= due_s < stretch.ends_s else None
        if felt is None:
            return () if compared is None else (compared,)
        return (felt,) if compared is None else (felt, compared)

    def turn(self, op: Op, timeline: Timeline) -> None:
        """Open and close them at a step, a switch or the end of an unsteady baseline window."""
        if op.f == "switch":
            if (op.value or {}).get("what", "edge") == "edge":
                self._feel(self.after if timeline.serving == "green" else None, op.t_s)
        elif op.f == "unsteady":  # that window was no measure; the next one is watched
            self.baseline = Window()
            self._feel(self.baseline, op.t_s)
            self._compare("before", op.t_s)
        elif op.f == "step":
            self._step(op, timeline)

    def _step(self, op: Op, timeline: Timeline) -> None:
        step, begins = timeline.steps[-1] if timeline.steps else None, op.type == "invoke"
        if step is None:
            return
        if step.kind == "baseline":
            self._feel(self.baseline if begins else None, op.t_s)
            if begins:
                self._compare("before", op.t_s)
        elif step.kind == "verify":
            self._felt = None  # its proofs are several times the traffic: no client's latency
        elif step.kind == "soak" and begins and timeline.serving == "green" and "after" not in self.compared:
            self._compare("after", op.t_s)

    def _feel(self, window: Window | None, now_s: float) -> None:
        self._felt, self._felt_from_s = window, now_s + WARM_UP_S

    def _compare(self, name: str, now_s: float) -> None:
        if self._compared_s:
            begins_s = now_s + WARM_UP_S
            self._stretch = self.compared[name] = Stretch(begins_s, begins_s + self._compared_s, Window())
