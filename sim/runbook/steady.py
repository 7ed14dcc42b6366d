"""Is the traffic steady? Looks at every completion since it was told to begin."""

from __future__ import annotations

import msgspec

from sim.history.op import Op

ANSWERED = frozenset({"introspect", "refresh", "client_credentials", "authorize", "code", "revoke"})
"""The operations whose failure makes a stack unwell."""

WARM_UP_S = 3.0
"""Assumption: traffic runs this long before anything is asked of it, so that connections are open."""
MAX_SLOWDOWN = 3.0
"""Assumption: p95 of the second half at most three times that of the first."""
FLOOR_S = 0.02
"""Assumption: below 20 ms a ratio of two p95s is noise, not a trend."""
MIN_OPERATIONS = 100
"""Assumption: fewer completions say nothing about steadiness."""
HANGS_S = 2.0
"""Assumption: who has waited two seconds at a window's end hangs. Clients give up after five, and
the proof that blue is well watches for three: it would never hear of them."""


class Window(msgspec.Struct, frozen=True):
    """What was seen between two instants."""

    operations: int
    failed: int
    unanswered: int
    first_p95_s: float
    second_p95_s: float

    def trouble(self) -> str | None:
        """Why this is not steady, as a sentence; None if it is."""
        return self.outage() or self.slowing()

    def outage(self) -> str | None:
        """Why this can't be called well, however long one watches on; None if it can."""
        if self.operations < MIN_OPERATIONS:
            return f"only {self.operations} operations were answered: too few to call it steady"
        if self.failed or self.unanswered:
            return f"{self.failed} operations failed and {self.unanswered} had no answer"
        return None

    def slowing(self) -> str | None:
        """Why this window is no measure of another: it became slower; None if it did not."""
        if self.second_p95_s > max(FLOOR_S, self.first_p95_s * MAX_SLOWDOWN):
            return (f"p95 rose from {self.first_p95_s * 1000:.0f} to {self.second_p95_s * 1000:.0f} ms: "
                    "the machine or the stack does not keep up")
        return None


class Watcher:
    """Subscribes to a journal; `begin` opens a window, `end` reads it."""

    def __init__(self) -> None:
        self._due: dict[int, float] = {}
        self._sent: dict[int, float] = {}
        self._now_s = 0.0
        self._seen: list[tuple[float, float]] = []
        self._failed = self._unanswered = 0
        self._watching = False

    def begin(self) -> None:
        """Forget what was seen and watch from now on."""
        self._due.clear()
        self._sent.clear()
        self._seen.clear()
        self._failed = self._unanswered = 0
        self._watching = True

    def __call__(self, op: Op) -> None:
        self._now_s = op.t_s
        if not self._watching or op.f not in ANSWERED or op.process.startswith("verify"):
            return
        if op.type == "invoke":
            self._due[op.i] = op.due_s if op.due_s is not None else op.t_s
            if op.f != "authorize":  # a person may linger at the login page
                self._sent[op.i] = op.t_s
            return
        due_s = self._due.pop(op.of, None) if op.of is not None else None
        if due_s is None or op.of is None:
            return
        self._sent.pop(op.of, None)
        self._seen.append((op.t_s, op.t_s - due_s))
        if op.type == "info":
            self._unanswered += 1
        elif op.type == "fail" and _is_outage(op):
            self._failed += 1

    def end(self) -> Window:
        """Stop watching; what was seen since `begin`. Who hangs at the end has no answer."""
        self._watching = False
        self._unanswered += sum(self._now_s - sent_s >= HANGS_S for sent_s in self._sent.values())
        if not self._seen:
            return Window(0, self._failed, self._unanswered, 0.0, 0.0)
        middle = (self._seen[0][0] + self._seen[-1][0]) / 2
        first = sorted(took for at, took in self._seen if at <= middle)
        second = sorted(took for at, took in self._seen if at > middle)
        return Window(len(self._seen), self._failed, self._unanswered, _p95(first), _p95(second))


def _is_outage(op: Op) -> bool:
    status = (op.value or {}).get("status")
    return status is None or int(status) >= 500


def _p95(ordered: list[float]) -> float:
    return ordered[int(0.95 * (len(ordered) - 1))] if ordered else 0.0
