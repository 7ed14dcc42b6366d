"""Traffic as the screen shows it: a count a second, latency from when each was due, failures.

Kept in buckets of one second, so that a tick costs no walk over old operations.
"""

from __future__ import annotations

from collections import deque
from typing import NamedTuple

from sim.checks.answers import is_answer, is_cut_off
from sim.history.op import Op
from tui.heat import ALL, Heat

KEPT_S = 62
"""A minute of sparkline and the second under way."""
LATENCY_S = 10
RATE_S = 5
"""Assumption: a rate over five seconds is steady enough to read and fast enough to see a change."""

NAMES = {"client_credentials": "client_cred.", "code": "code → token", "authz": "authz", "id_token": "id_token"}
BUSINESS = ("introspect", "refresh", "client_credentials", "authorize", "revoke", "code", "authz")
"""Operations with a row of their own; all else is `other`."""
OTHER = "other"
ISSUING = frozenset({"refresh", "code", "client_credentials"})


class Row:
    """One operation's (or one stack's) figures."""

    def __init__(self) -> None:
        self.total = self.failed = self.shed = self.wrong = 0
        self._seconds: deque[tuple[int, list[float]]] = deque(maxlen=KEPT_S)
        self._quantiles: tuple[int, int, tuple[float | None, float | None, float | None]] = (-1, -1, (None,) * 3)

    def note(self, t_s: float, latency_s: float) -> None:
        """One answer at this instant."""
        self.total += 1
        second = int(t_s)
        if not self._seconds or self._seconds[-1][0] < second:
            self._seconds.append((second, []))
        self._seconds[-1][1].append(latency_s)

    def series(self, now_s: float, seconds: int) -> list[int]:
        """Answers in each of the last whole seconds, oldest first."""
        last = int(now_s) - 1
        counts = {second: len(latencies) for second, latencies in self._seconds}
        return [counts.get(second, 0) for second in range(last - seconds + 1, last + 1)]

    def rate(self, now_s: float) -> float:
        """Answers a second over the last whole seconds."""
        seconds = max(1, min(RATE_S, int(now_s) - 1))
        return sum(self.series(now_s, seconds)) / seconds

    def quantiles(self, now_s: float) -> tuple[float | None, float | None, float | None]:
        """p50, p95, p99 of the last ten seconds, in seconds; None without an answer."""
        second = int(now_s)
        if self._quantiles[0] != second:
            window = sorted(
                x
                for s, latencies in self._seconds
                if second - LATENCY_S <= s < second or s == second
                for x in latencies
            )
            n = len(window)
            found = tuple(window[min(n - 1, int(q * n))] for q in (0.5, 0.95, 0.99)) if n else (None,) * 3
            self._quantiles = (second, n, found)  # type: ignore[assignment]  # three of them either way
        return self._quantiles[2]


class Probed(NamedTuple):
    """The answer to a probe."""

    active: bool
    at_s: float
    i: int
    """The op."""


class Issued(NamedTuple):
    """An access token, as its client was told."""

    lifetime_s: float
    i: int
    """The op."""


class Traffic:
    """Fed with the ops of actors; ops of the harness are no traffic."""

    def __init__(self) -> None:
        self.rows: dict[str, Row] = {}
        self.sides: dict[str, Row] = {"blue": Row(), "green": Row()}
        self.by_place: dict[str, Row] = {"clients": Row(), "resource servers": Row()}
        self.revoking = Row()
        self.probed: dict[tuple[str, bool], Probed] = {}
        """(stack, whether the grant is good) → what the last probe was told."""
        self.issued: Issued | None = None
        """The last access token that was issued."""
        self._revoked: set[str] = set()
        self.personas: dict[str, Row] = {}
        """Persona → its figures, whatever it does."""
        self.by_f: dict[str, Row] = {ALL: Row()}
        """Every operation by its own name, and all of them."""
        self.heat = Heat()
        self.total = 0
        self._begun: dict[int, float] = {}

    def feed(self, op: Op, route: str = "blue") -> None:
        """Take the next op of an actor; `route` is where the edge points: lost answers count there."""
        if op.type == "invoke":
            self._begun[op.i] = op.t_s if op.due_s is None else op.due_s
            return
        due_s = self._begun.pop(op.of, None) if op.of is not None else None
        if due_s is None or op.process.startswith("verify") or is_cut_off(op):
            return
        self.total += 1
        latency_s = op.t_s - due_s
        row = self._row(op)
        side = self.sides.get(op.route or route)
        place = self.by_place["resource servers" if op.f == "introspect" else "clients"]
        failed, shed = outcome(op)
        persona = op.process.partition("-")[0]
        actor = self.personas.get(persona)
        if actor is None:
            actor = self.personas[persona] = Row()
        own = self.by_f.get(op.f)
        if own is None:
            own = self.by_f[op.f] = Row()
        for each in (row, side, place, actor, own, self.by_f[ALL]):
            if each is not None:
                each.note(op.t_s, latency_s)
                each.failed += failed
                each.shed += shed
        self.heat.note(op.f, persona, op.t_s, latency_s, bad=failed or shed)
        if op.type == "ok" and op.f in ISSUING and (lifetime_s := (op.value or {}).get("expires_in_s")) is not None:
            self.issued = Issued(float(lifetime_s), op.i)
        if op.f == "revoke":
            self.revoking.note(op.t_s, latency_s)
            if op.type == "ok":
                self._revoked.update((op.value or {}).get("grants") or ([op.grant] if op.grant else []))
        elif op.f == "introspect" and op.type == "ok" and op.grant and op.process.startswith("probe"):
            good = op.grant not in self._revoked
            self.probed[op.route or "blue", good] = Probed(bool((op.value or {}).get("active")), op.t_s, op.i)

    def _row(self, op: Op) -> Row:
        name = op.f if op.f in BUSINESS and not op.process.startswith("probe") else OTHER
        row = self.rows.get(name)
        if row is None:
            row = self.rows[name] = Row()
        return row

    @property
    def others(self) -> str:
        """The log's filter for `other`: what has no row of its own. (A probe's introspections have none either.)"""
        return f"op:{','.join(sorted(f for f in self.by_f if f not in BUSINESS and f != ALL))}"

    def shown_rows(self, now_s: float, most: int) -> list[tuple[str, Row]]:
        """The busiest, those with trouble first; `other` always last."""
        rows = [(name, row) for name, row in self.rows.items() if name != OTHER]
        rows.sort(key=lambda r: (-(r[1].failed + r[1].wrong > 0), -self._weight(r[0]), r[0]))
        if OTHER in self.rows and len(rows) < most:
            rows.append((OTHER, self.rows[OTHER]))
        return rows[:most]

    def _weight(self, name: str) -> int:
        # The order of the mix, not of the second: rows must not dance.
        return len(BUSINESS) - BUSINESS.index(name)


def outcome(op: Op) -> tuple[bool, bool]:
    """(failed, shed) of a completion, as the availability check counts."""
    if op.type == "ok":
        return False, False
    value = op.value or {}
    if value.get("shed"):
        return False, True
    return op.type == "info" or not is_answer(op.f, value), False
