"""Revocations on their way: acknowledged, in the queue, on green. Counted from what clients were told."""

from __future__ import annotations

from collections import Counter
from typing import Any

from sim.history.op import Op


class Captures:
    """Fed with revoke ops, the replay's progress and the edge's own account in the gauge."""

    def __init__(self) -> None:
        self.acknowledged = 0
        """Revocations acknowledged by blue with a capture sequence."""
        self.by_kind: Counter[str] = Counter()
        self.uncaptured = 0
        """Acknowledged while capture was on, without a sequence."""
        self.shed = 0
        self.on_green = self.void = 0
        self.back = 0
        """Acknowledged by green, captured towards blue."""
        self.is_on = False
        self.missing = 0
        """Acknowledged, and the edge's account does not hold them: the sum is off."""
        self._acknowledged_before = 0
        """At the gauge before: those the edge must know by now."""

    @property
    def in_queue(self) -> int:
        """Captured and neither applied on green nor void."""
        return max(0, self.acknowledged - self.on_green - self.void)

    def revoked(self, op: Op) -> None:
        """A revoke's completion."""
        value = op.value or {}
        if op.type == "ok" and value.get("capture") is not None:
            if op.route == "green":
                self.back += 1
            else:
                self.acknowledged += 1
                self.by_kind[_kind(str(value.get("kind", "")))] += 1
        elif op.type == "ok" and self.is_on and op.route != "green":
            self.uncaptured += 1
        elif value.get("shed"):
            self.shed += 1

    def replaying(self, progress: dict[str, Any]) -> None:
        """The replay's progress."""
        self.on_green = max(self.on_green, int(progress.get("done") or 0))

    def replayed(self, figures: dict[str, Any]) -> None:
        """The replay is done: its own account."""
        if "replayed" in figures:
            self.on_green = int(figures["replayed"])
            self.void = int(figures.get("void") or 0) + int(figures.get("skipped") or 0)

    def gauged(self, capture: dict[str, Any]) -> None:
        """The edge's account, a moment old."""
        self.is_on = bool(capture.get("on"))
        if self.is_on and capture.get("direction") == "forward" and "captured" in capture:
            self.missing = max(0, self._acknowledged_before - int(capture["captured"]))
        self._acknowledged_before = self.acknowledged


def _kind(kind: str) -> str:
    return "token" if kind in ("access", "refresh") else kind or "token"
