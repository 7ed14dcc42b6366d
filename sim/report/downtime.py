"""For how long an operation could not be done.

An operation is down from when a call was due that got no usable answer (failed, or refused on
purpose) until the next call of the same kind was due that got one. What this can't see: an
answer that is clear and false, which is the continuity checks' to judge.
"""

from __future__ import annotations

from array import array
from bisect import bisect_right

from sim.history.history import Call
from sim.report.calls import Outcome, due_s, is_proof


class Downtime:
    """Fed with every call; proofs of the verify step are left out."""

    def __init__(self) -> None:
        self._answered: dict[str, array[float]] = {}
        self._refused: dict[str, array[float]] = {}
        self.longest_wait_s: dict[str, float] = {}
        """Operation → the longest that a usable answer took, from when it was due."""
        self._last_s = 0.0

    def feed(self, call: Call, outcome: Outcome) -> None:
        """Take one call."""
        if outcome == "cut off" or is_proof(call) or call.done is None:
            return
        f, due = call.begun.f, due_s(call)
        self._last_s = max(self._last_s, call.done.t_s)
        home = self._answered if outcome == "answered" else self._refused
        home.setdefault(f, array("d")).append(due)
        if outcome == "answered":
            self.longest_wait_s[f] = max(self.longest_wait_s.get(f, 0.0), call.done.t_s - due)

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
