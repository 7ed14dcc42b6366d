"""When what happened: steps, undos, the snapshot, switches, faults, links, measures, the end.

Everything that is not traffic, read once as the ops come. Instants are kept as indexes in the
history too, because only indexes order ops without doubt.
"""

from __future__ import annotations

from typing import Any, Literal

import msgspec

from sim.history.op import Op

KINDS = frozenset({
    "baseline", "preflight", "lifetime", "capture", "writes", "upgrade", "copy", "cleanup", "migrate", "repair",
    "cutover", "replay", "janitor", "soak", "return", "restore", "verify", "close", "exec", "manual"})


class Span(msgspec.Struct):
    """A step, an undo or a fault, from its invocation to its completion."""

    name: str
    kind: str
    i: int
    begun_s: float
    done_i: int = -1
    done_s: float = -1.0
    outcome: Literal["ok", "fail", "info", "open"] = "open"
    value: dict[str, Any] = {}
    """The completion's value."""
    error: str = ""

    @property
    def figures(self) -> dict[str, Any]:
        """A step's figures."""
        found = self.value.get("figures")
        return found if isinstance(found, dict) else self.value


class Instant(msgspec.Struct, frozen=True):
    """A note that marks a moment."""

    i: int
    t_s: float
    value: dict[str, Any]


class Timeline:
    """Fed with every op that is not traffic, in order."""

    def __init__(self) -> None:
        self.steps: list[Span] = []
        self.undos: list[Span] = []
        self.proofs_well: list[Span] = []
        self.faults: list[Span] = []
        self.heals: list[Span] = []
        self.links: list[Span] = []
        self.stacks: list[Span] = []
        self.measures: dict[str, list[Span]] = {}
        """Question → its answers by key, in order."""
        self.snapshot: Instant | None = None
        self.switches: list[Instant] = []
        self.turns: list[Instant] = []
        """Switches of the edge to the other side, by the first of several edges."""
        self.fences: list[Instant] = []
        self.writes: list[Instant] = []
        """When whatever writes was refused at the edge, and let in again."""
        self.states: list[Instant] = []
        self.gauges: list[Instant] = []
        self.unsteady: list[Instant] = []
        """Ends of baseline windows that are no measure."""
        self.ended: Literal["completed", "rolled_back", "failed", "running"] = "running"
        self.why = ""
        self.planted = ""
        """The bug that was planted to try the checks; '' in every honest run."""
        self.serving: str = "blue"
        """Where the edge points, by the last note of a switch."""
        self.switched_i = -1
        """Index of the last switch of the edge."""
        self.switched_s = -1.0
        self.any_switch_i = -1
        """Index of the last switch of anything."""
        self.replayed_i: dict[str, int] = {}
        """Side → index at which everything captured had been applied on it; absent until then."""
        self.replayed_s: dict[str, float] = {}
        self._open: dict[int, Span] = {}
        self._kind: dict[str, str] = {}

    def feed(self, op: Op) -> None:
        """Take one op of the runbook, the harness, the nemesis or the key reader."""
        if op.type == "invoke":
            self._begin(op)
        elif op.of is not None:
            self._end(op)
        else:
            self._note(op)

    def step(self, role: str) -> Span | None:
        """The last run of the step of that kind, or None if it was not begun."""
        return next((s for s in reversed(self.steps) if s.kind == role), None)

    def measured(self, question: str, **having: Any) -> dict[str, Any] | None:
        """The last answer to a question by key; `having` must equal what it was asked with."""
        for span in reversed(self.measures.get(question, [])):
            if span.outcome == "ok" and all(span.value.get(k) == v for k, v in having.items()):
                return span.value
        return None

    def asked(self, question: str) -> Span | None:
        """The last time a question was asked, answered or not."""
        spans = self.measures.get(question)
        return spans[-1] if spans else None

    def _begin(self, op: Op) -> None:
        value = op.value or {}
        name = str(value.get("step") or value.get("name") or value.get("link") or op.f)
        kind = str(value.get("kind", name))
        span = Span(name, name if name in KINDS else kind, op.i, op.t_s, value=value)
        home: list[Span] | None = {
            "step": self.steps, "undo": self.undos, "proof_well": self.proofs_well, "fault": self.faults,
            "heal": self.heals, "link": self.links, "stack": self.stacks,
        }.get(op.f)
        if op.process == "verify":
            home = self.measures.setdefault(op.f, [])
        if home is None:
            return
        home.append(span)
        self._open[op.i] = span

    def _end(self, op: Op) -> None:
        span = self._open.pop(op.of, None) if op.of is not None else None
        if span is None:
            return
        span.done_i, span.done_s, span.error = op.i, op.t_s, op.error or ""
        span.outcome = op.type  # type: ignore[assignment]  # a completion is never an invocation
        span.value = {**span.value, **(op.value or {})}
        if op.type != "ok":
            return
        if op.f == "step" and span.kind == "replay":
            self._replayed("green", op)
        elif op.f == "undo" and self.serving == "blue" and "replayed_back" in span.value:
            self._replayed("blue", op)

    def _replayed(self, side: str, op: Op) -> None:
        self.replayed_i[side], self.replayed_s[side] = op.i, op.t_s

    def _note(self, op: Op) -> None:
        value = op.value or {}
        now = Instant(op.i, op.t_s, value)
        if op.f == "gauge":
            self.gauges.append(now)
        elif op.f == "unsteady":
            self.unsteady.append(now)
        elif op.f == "snapshot":
            self.snapshot = now
        elif op.f == "switch":
            self.switches.append(now)
            self.any_switch_i = op.i
            if value.get("what", "edge") == "edge":
                self._turn(now)
        elif op.f == "fence":
            self.fences.append(now)
        elif op.f == "writes":
            self.writes.append(now)
        elif op.f == "state":
            self.states.append(now)
        elif op.f == "planted":
            self.planted = str(value.get("bug"))
        elif op.f == "end":
            self.ended = value.get("ended", "failed")
            self.why = str(value.get("why") or "")

    def _turn(self, now: Instant) -> None:
        """An edge was switched; one that follows the first to the same side is no turn of its own."""
        to = str(now.value.get("to"))
        if to != self.serving:
            self.turns.append(now)
            self.serving, self.switched_i, self.switched_s = to, now.i, now.t_s

    @property
    def nobody_wrote(self) -> bool:
        """Were writes refused from before the copy's snapshot until the switch?"""
        first = self.first_switch
        until_i = first.i if first is not None else 1 << 62
        said = [w for w in self.writes if w.i < until_i]
        return (self.snapshot is not None and bool(said) and said[-1].i < self.snapshot.i
                and said[-1].value.get("allowed") is False)

    @property
    def crossed(self) -> bool:
        """Did the edge ever point at green?"""
        return self.first_switch is not None

    @property
    def window_s(self) -> float:
        """From the copy's snapshot to the edge's first switch to green; 0 if either was not."""
        first = self.first_switch
        return first.t_s - self.snapshot.t_s if first is not None and self.snapshot is not None else 0.0

    @property
    def returned(self) -> bool:
        """Does blue serve again after green did?"""
        return self.serving == "blue" and self.crossed

    @property
    def first_switch(self) -> Instant | None:
        """The edge's first switch to green."""
        return next((s for s in self.turns if s.value.get("to") == "green"), None)
