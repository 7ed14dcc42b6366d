"""One grant's life: its ops in order, and where it stood after each: blue, queue, copy, green.

The ops are the history's. The lanes between them follow from them and from the runbook's own
instants (snapshot, switch, end of the replay); what only a probe can prove, a probe's op shows.
"""

from __future__ import annotations

from typing import Literal, NamedTuple

from sim.history.op import Op
from tui import opened
from tui.ink import Role
from tui.state import Shown

Stood = Literal["none", "alive", "dead", "held"]
GLYPH: dict[Stood, str] = {"none": " ", "alive": "│", "dead": "✗", "held": "◆"}


class Moment(NamedTuple):
    """One line: an op of the grant, or an instant of the runbook."""

    t_s: float
    i: int
    """Of the op; -1 for an instant of the runbook."""
    who: str
    what: str
    how: str
    lanes: tuple[Stood, Stood, Stood, Stood]
    """blue, queue, copy, green."""
    at: int
    """The lane in which it happened, or -1."""
    role: Role


def moments(pairs: list[tuple[Op | None, Op | None]], shown: Shown, grant: str) -> list[Moment]:
    """The life as far as it is shown."""
    told: list[tuple[float, Op | None, Op | None, str]] = []
    for begun, done in pairs:
        op = done or begun
        if op is not None:
            told.append((op.t_s, begun, done, ""))
    for t_s, what in _instants(shown):
        told.append((t_s, None, None, what))
    told.sort(key=lambda m: m[0])
    life = _Life(seeded=not grant.startswith(("n-", "s-")))
    return [life.step(*moment) for moment in told]


def _instants(shown: Shown) -> list[tuple[float, str]]:
    found = []
    runbook = shown.runbook
    if runbook.snapshot_s is not None:
        found.append((runbook.snapshot_s, "snapshot"))
    if runbook.switched_s is not None:
        found.append((runbook.switched_s, "switch"))
    replay = runbook.step("replay")
    if replay is not None and replay.outcome == "ok":
        found.append((replay.begun_s + replay.took_s, "replay"))
    return found


class _Life:
    """Where the grant stands, moment by moment."""

    def __init__(self, *, seeded: bool) -> None:
        self.blue: Stood = "alive" if seeded else "none"
        self.queue: Stood = "none"
        self.copy: Stood = "none"
        self.green: Stood = "none"

    def step(self, t_s: float, begun: Op | None, done: Op | None, instant: str) -> Moment:
        """Take one moment."""
        if instant:
            return self._instant(t_s, instant)
        op = done or begun
        assert op is not None
        at = {"blue": 0, "green": 3}.get(op.route or "", -1)
        role: Role = ""
        if done is not None and done.type == "ok":
            if op.f in ("code", "refresh"):
                self._lives(op.route)
            elif op.f == "revoke":
                self._dies(op)
            elif op.f == "introspect" and (done.value or {}).get("token") is None:
                role = self._probed(op)
        elif done is not None and done.type in ("fail", "info"):
            role = "ask"
        what, how = opened.one_line(begun, done, grant=False)
        return Moment(t_s, op.i, op.process, what, how, self._lanes(), at, role)

    def _instant(self, t_s: float, instant: str) -> Moment:
        if instant == "snapshot":
            self.copy = self.blue if self.blue == "alive" else "none"
            what = "the copy's snapshot: " + ("it is in the copy" if self.copy == "alive" else "it is not in it")
            at = 2
        elif instant == "switch":
            self.green, self.copy = self.copy, "none"
            what, at = "the switch: green serves", 3
        else:
            if self.queue == "held":
                self.queue = "none"
                self.green = "dead" if self.green == "alive" else self.green
            what, at = "the replay is done", 1
        return Moment(t_s, -1, "runbook", what, "", self._lanes(), at, "strong")

    def _lives(self, route: str | None) -> None:
        if route == "green":
            self.green = "alive"
        else:
            self.blue = "alive"

    def _dies(self, op: Op) -> None:
        if (op.value or {}).get("capture") is not None and op.route != "green":
            self.queue = "held"
        if op.route == "green":
            self.green = "dead"
        else:
            self.blue = "dead"

    def _probed(self, op: Op) -> Role:
        """A revoked grant that is called active is what this is all about."""
        active = bool((op.value or {}).get("active"))
        lane = self.green if op.route == "green" else self.blue
        revoked = "dead" in (self.blue, self.green) or self.queue == "held"
        return "bad" if active and revoked else "ask" if not active and lane == "alive" and not revoked else ""

    def _lanes(self) -> tuple[Stood, Stood, Stood, Stood]:
        return self.blue, self.queue, self.copy, self.green
