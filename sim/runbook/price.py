"""What a cut would cost now, and what the way back would cost: live prices.

Counted from the ops as they are written: what only blue has since the copy (new grants,
rotated chains, logins under way) until the switch; what only green has after it.
"""

from __future__ import annotations

from typing import Any

from sim.history.op import Op


class Price:
    """Subscribes to a journal."""

    def __init__(self) -> None:
        self._snapshot = self._switched = self._closed = False
        self._new: set[str] = set()
        self._rotated: set[str] = set()
        self._logins: set[int] = set()
        self._made_on_green: set[str] = set()
        self._revoked_on_green = 0
        self._frozen: dict[str, int] | None = None

    def __call__(self, op: Op) -> None:
        f = op.f
        if f == "snapshot":
            self._snapshot = True
            self._new.clear()
            self._rotated.clear()
        elif f == "switch" and (op.value or {}).get("what") == "edge":
            if (op.value or {}).get("to") == "green":
                self._frozen = self._now()
                self._switched = True
            else:
                self._switched, self._frozen = False, None
                self._made_on_green.clear()
        elif f == "step" and op.type == "ok" and (op.value or {}).get("step") == "close":
            self._closed = True
        elif f == "authorize":
            if op.type == "invoke":
                self._logins.add(op.i)
            elif op.of is not None:
                self._logins.discard(op.of)
        elif op.type == "ok":
            self._completed(op)

    def _completed(self, op: Op) -> None:
        if op.grant is None:
            return
        green = op.route == "green"
        if op.f == "code":
            if green:
                self._made_on_green.add(op.grant)
            elif self._snapshot:
                self._new.add(op.grant)
        elif op.f == "refresh" and self._snapshot and not green:
            self._rotated.add(op.grant)
        elif op.f == "revoke":
            if green:
                self._revoked_on_green += 1
            for grant in (op.value or {}).get("grants") or [op.grant]:
                self._new.discard(grant)
                self._rotated.discard(grant)

    def _now(self) -> dict[str, int]:
        return {"grants": len(self._new), "chains": len(self._rotated - self._new),
                "logins": len(self._logins) if self._snapshot else 0}

    def cut(self) -> dict[str, int]:
        """Lost if we cut now, {grants, chains, logins}; frozen at the switch."""
        return self._frozen or self._now()

    def way_back(self) -> dict[str, Any]:
        """{state: free|costs|closed, grants, revocations, why}."""
        if self._closed:
            return {"state": "closed", "grants": 0, "revocations": 0, "why": "blue is closed"}
        if not self._switched:
            return {"state": "free", "grants": 0, "revocations": 0, "why": "blue serves; nothing is lost"}
        lost = len(self._made_on_green)
        return {"state": "costs" if lost else "free", "grants": lost, "revocations": self._revoked_on_green,
                "why": f"{lost} grants made on green would be lost, "
                       f"{self._revoked_on_green} revocations carried over"}
