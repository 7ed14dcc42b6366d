"""Latencies of one window as a histogram; noted cheaply, filled in when somebody looks."""

from __future__ import annotations

from array import array
from typing import Any

from hdrh.histogram import HdrHistogram

LONGEST_US = 120_000_000
"""Two minutes: over any client timeout; longer answers count as this long."""
DIGITS = 3
"""Significant digits of a quantile: 0.1 % is finer than any tolerance."""


class Latencies:
    """Seconds in, quantiles in seconds out."""

    def __init__(self) -> None:
        self._noted = array("q")
        make: Any = HdrHistogram  # the library has no types
        self._histogram: Any = make(1, LONGEST_US, DIGITS)

    def note(self, took_s: float) -> None:
        """Take one latency."""
        self._noted.append(min(max(1, int(took_s * 1e6)), LONGEST_US))

    @property
    def count(self) -> int:
        """How many were noted."""
        return int(self._histogram.get_total_count()) + len(self._noted)

    def quantile_s(self, percent: float) -> float:
        """A quantile in seconds; 0 if nothing was noted."""
        for value in self._noted:
            self._histogram.record_value(value)
        del self._noted[:]
        if not self._histogram.get_total_count():
            return 0.0
        return float(self._histogram.get_value_at_percentile(percent)) / 1e6


class Window:
    """Latencies from due time between two instants of the runbook."""

    __slots__ = ("all", "introspect")

    def __init__(self) -> None:
        self.all, self.introspect = Latencies(), Latencies()
