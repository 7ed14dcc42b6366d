"""What each operation did in the parts of a run: baseline, before the copy, window, green, after."""

from __future__ import annotations

from array import array
from typing import NamedTuple

from sim.checks.timeline import Timeline
from sim.history.history import Call
from sim.report.calls import Outcome
from sim.report.lanes import QUANTILES, quantile


class Part(NamedTuple):
    """A stretch of the run."""

    name: str
    begin_s: float
    end_s: float


class Line(NamedTuple):
    """One operation in one part."""

    f: str
    part: str
    calls: int
    failed: int
    shed: int
    quantiles_s: tuple[float, ...]
    """p50, p95, p99; empty if nothing was answered."""


def parts(timeline: Timeline, end_s: float) -> list[Part]:
    """Those that this run had, in order; together they are the whole run."""
    marks = [("before the baseline", 0.0)]
    baseline, verify = timeline.step("baseline"), timeline.step("verify")
    if baseline is not None:
        marks.append(("baseline", baseline.begun_s))
        if baseline.done_i >= 0:
            marks.append(("before the copy", baseline.done_s))
    if timeline.snapshot is not None:
        marks.append(("copy to switch", timeline.snapshot.t_s))
    for switch in timeline.switches:
        if switch.value.get("what", "edge") == "edge":
            marks.append(("on green" if switch.value.get("to") == "green" else "back on blue", switch.t_s))
    if verify is not None and timeline.crossed:
        marks.append(("verify and after", verify.begun_s))
    marks.sort(key=lambda mark: mark[1])
    if len(marks) == 1:
        return [Part("the run", 0.0, end_s + 1.0)]
    ends = [*(t for _, t in marks[1:]), end_s + 1.0]
    return [Part(name, begin, end) for (name, begin), end in zip(marks, ends, strict=True)]


class Periods:
    """Fed with clients' calls: not with the proofs of the verify step."""

    def __init__(self, found: list[Part]) -> None:
        self.parts = found
        self._took: dict[tuple[str, str], array[float]] = {}
        self._counts: dict[tuple[str, str], list[int]] = {}

    def feed(self, call: Call, outcome: Outcome, due: float) -> None:
        """Take one call, due at `due` seconds."""
        for part in self.parts:
            if part.begin_s <= due < part.end_s:
                self._note(part.name, call, outcome, due)
                return

    def _note(self, part: str, call: Call, outcome: Outcome, due: float) -> None:
        key = call.begun.f, part
        counts = self._counts.get(key)
        if counts is None:
            counts = self._counts[key] = [0, 0, 0]
            self._took[key] = array("f")
        counts[0] += 1
        counts[1] += outcome == "failed"
        counts[2] += outcome == "shed"
        if call.done is not None and call.done.type != "info":
            self._took[key].append(call.done.t_s - due)

    def lines(self) -> list[Line]:
        """By operation, the busiest first, then by part."""
        totals: dict[str, int] = {}
        for (f, _), counts in self._counts.items():
            totals[f] = totals.get(f, 0) + counts[0]
        order = list(dict.fromkeys(p.name for p in self.parts))
        keys = sorted(self._counts, key=lambda k: (-totals[k[0]], k[0], order.index(k[1])))
        found = []
        for key in keys:
            values = sorted(self._took[key])
            calls, failed, shed = self._counts[key]
            seconds = tuple(quantile(values, q) for q in QUANTILES) if values else ()
            found.append(Line(*key, calls, failed, shed, seconds))
        return found
