"""Rate and latency of each operation over time, for the timeline.

Latencies are kept exactly, four bytes each, and counted from when a call was due.
"""

from __future__ import annotations

from array import array
from collections.abc import Sequence

from sim.history.history import Call
from sim.report.calls import Outcome

QUANTILES = (0.50, 0.95, 0.99)


class Lane:
    """One operation between two instants, in bins of equal width."""

    __slots__ = ("asked", "f", "failed", "shed", "took")

    def __init__(self, f: str, bins: int) -> None:
        self.f = f
        self.asked, self.failed, self.shed = [0] * bins, [0] * bins, [0] * bins
        self.took: list[array[float] | None] = [None] * bins

    @property
    def total(self) -> int:
        return sum(self.asked)


class Lanes:
    """All operations' lanes."""

    def __init__(self, begin_s: float, end_s: float, *, bin_s: float) -> None:
        self.begin_s, self.bin_s = begin_s, bin_s
        self.bins = max(1, int((end_s - begin_s) / bin_s + 0.999999))
        self.end_s = begin_s + self.bins * bin_s
        self._lanes: dict[str, Lane] = {}

    def feed(self, call: Call, outcome: Outcome, due: float) -> None:
        """Take one call, due at `due` seconds; what is due outside counts nowhere."""
        if not self.begin_s <= due < self.end_s:
            return
        n = min(int((due - self.begin_s) / self.bin_s), self.bins - 1)
        f = call.begun.f
        lane = self._lanes.get(f)
        if lane is None:
            lane = self._lanes[f] = Lane(f, self.bins)
        lane.asked[n] += 1
        if outcome != "answered":
            if outcome == "failed":
                lane.failed[n] += 1
            elif outcome == "shed":
                lane.shed[n] += 1
        done = call.done
        if done is not None and done.type != "info":
            took = lane.took[n]
            if took is None:
                took = lane.took[n] = array("f")
            took.append(done.t_s - due)

    def busiest(self, most: int) -> list[Lane]:
        """Lanes by calls; one in which something failed or was shed is never left out."""
        lanes = sorted(self._lanes.values(), key=lambda lane: -lane.total)
        kept = lanes[:most]
        return kept + [lane for lane in lanes[most:] if any(lane.failed) or any(lane.shed)]


def quantile(ordered: Sequence[float], share: float) -> float:
    """The nearest-rank quantile of sorted values; there must be one."""
    rank = -int(-share * len(ordered) // 1)  # upwards
    return ordered[min(len(ordered), max(1, rank)) - 1]


def curve(lane: Lane) -> list[tuple[float, float, tuple[float, ...]]]:
    """[(first bin, end bin, (p50, p95, p99) in seconds)].

    Bins are joined where an operation is so rare that a bin alone would hold no quantile.
    """
    used = sum(1 for n in lane.asked if n) or 1
    mean = lane.total / used
    joined = min(10, max(1, round(8 / mean)))
    found = []
    for first in range(0, len(lane.took), joined):
        values: list[float] = []
        for took in lane.took[first:first + joined]:
            if took is not None:
                values += took
        if values:
            values.sort()
            found.append((float(first), float(min(first + joined, len(lane.took))),
                          tuple(quantile(values, q) for q in QUANTILES)))
    return found
