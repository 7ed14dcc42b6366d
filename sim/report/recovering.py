"""Since when all was well again after a fault: its guard's figure back within the baseline for 5 s.

The figure is said of each second by itself, of the calls that were due in it. The baseline is
what the worst second of the baseline step was. Pure: nothing here reads a history.
"""

from __future__ import annotations

import math
from array import array
from collections.abc import Mapping
from typing import NamedTuple

WELL_S = 5
"""Well again is five whole seconds on end within the baseline. Source: the game day's own rule."""
P99 = 0.99


class Recovery(NamedTuple):
    """What became of one figure after an injection."""

    hurt: bool
    """It left its baseline."""
    worst: float
    """The worst second's value; 0 if it was not hurt."""
    well_s: float | None
    """Since when it is back for good; None: it was not hurt, or not back before the history ended."""


class Signs:
    """Calls by the second in which they were due; feed them in any order."""

    def __init__(self) -> None:
        self._all: dict[int, int] = {}
        self._failed: dict[int, int] = {}
        self._shed: dict[int, int] = {}
        self._introspect: dict[int, array[float]] = {}

    def feed(self, f: str, due_s: float, done_s: float, *, failed: bool, shed: bool) -> None:
        """Take one call that has ended."""
        second = int(due_s)
        self._all[second] = self._all.get(second, 0) + 1
        if failed:
            self._failed[second] = self._failed.get(second, 0) + 1
        elif shed:
            self._shed[second] = self._shed.get(second, 0) + 1
        elif f == "introspect":
            self._introspect.setdefault(second, array("d")).append(done_s - due_s)

    def broke(self, from_s: float, to_s: float) -> int:
        """Calls due from one instant's second to another's that failed or were shed."""
        return sum(n for by in (self._failed, self._shed) for second, n in by.items() if int(from_s) <= second < to_s)

    def series(self, figure: str) -> dict[int, float]:
        """Second → the figure's value in it; seconds in which nobody asked are absent.

        Raises KeyError for a figure that can't be followed (sim.scenario.gameday.FOLLOWED).
        """
        if figure == "availability.failed_share":
            return {second: self._failed.get(second, 0) / n for second, n in self._all.items()}
        if figure == "availability.shed":
            return {second: float(self._shed.get(second, 0)) for second in self._all}
        if figure == "latency.introspect_p99":
            return {second: _p99(taken) for second, taken in self._introspect.items()}
        raise KeyError(figure)


def _p99(taken: array[float]) -> float:
    return sorted(taken)[min(len(taken) - 1, math.ceil(len(taken) * P99) - 1)]


def bound(series: Mapping[int, float], begun_s: float, ended_s: float) -> float | None:
    """The worst whole second of the baseline step; None if it had none."""
    return max((value for second, value in series.items() if begun_s <= second and second + 1 <= ended_s),
               default=None)


def recovery(series: Mapping[int, float], within: float, made_s: float, healed_s: float, last_s: float) -> Recovery:
    """What became of the figure after a fault that was on from `made_s` to `healed_s` (inf = it stayed).

    It has recovered at the end of its last second that was not seen well; the trouble is over after 5 s on end within
    the baseline, counted from the healing at the earliest, so that a relapse under the fault counts.
    """
    hurt, worst, well_from, on_end = False, 0.0, made_s, 0
    for second in range(int(made_s), int(last_s)):
        value = series.get(second)
        if value is None:
            well_from, on_end = float(second + 1), 0  # nobody asked: neither well nor ill
        elif value > within:
            hurt, worst, well_from, on_end = True, max(worst, value), float(second + 1), 0
        else:
            on_end += 1
            if on_end >= WELL_S and second + 1 - max(well_from, healed_s) >= WELL_S:
                break
    return Recovery(hurt, worst, well_from if hurt and on_end >= WELL_S else None)
