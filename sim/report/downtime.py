"""For how long an operation could not be done.

An operation is down from when a call was due that got no usable answer (failed, or refused on
purpose) until the next call of the same kind was due that got one. What this can't see: an
answer that is clear and false, which is the continuity checks' to judge.
"""

from __future__ import annotations

from array import array
from bisect import bisect_right

from sim.history.history import Call
from sim.report.calls import Outcome


class Downtime:
    """Fed with clients' calls: not with the proofs of the verify step."""

    def __init__(self) -> None:
        self._answered: dict[str, array[float]] = {}
        self._refused: dict[str, array[float]] = {}
        self.longest_wait_s: dict[str, float] = {}
        """Operation → the longest that a usable answer took, from when it was due."""
        self._last_s = 0.0

    def feed(self, call: Call, outcome: Outcome, due: float) -> None:
        """Take one call, due at `due` seconds."""
        f, done = call.begun.f, call.done
        if done is None or outcome == "cut off":
            return
        if done.t_s > self._last_s:
            self._last_s = done.t_s
        home = self._answered if outcome == "answered" else self._refused
        dues = home.get(f)
        if dues is None:
            dues = home[f] = array("d")
        dues.append(due)
        if outcome == "answered" and done.t_s - due > self.longest_wait_s.get(f, 0.0):
            self.longest_wait_s[f] = done.t_s - due

    def spans(self, f: str) -> list[tuple[float, float]]:
        """[(from, until)] in which `f` was down, in order and apart."""
        good = sorted(self._answered.get(f, ()))
        found: list[tuple[float, float]] = []
        for due in sorted(self._refused.get(f, ())):
            if found and due < found[-1][1]:
                continue
            n = bisect_right(good, due)
            found.append((due, good[n] if n < len(good) else self._last_s))
        return found

    def seconds(self) -> dict[str, float]:
        """Operation → how long it was down altogether; every operation that was asked for."""
        return {f: sum(end - begin for begin, end in self.spans(f))
                for f in sorted({*self._answered, *self._refused})}
