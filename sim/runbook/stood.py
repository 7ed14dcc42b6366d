"""Where a run stood when its harness was killed, read from its history alone.

Whatever had begun counts as done: its undo is due, and every undo may be repeated. Where there is no
way back, the step that was under way is done again instead: every built-in act may be repeated too.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, NamedTuple

from sim.history.history import History
from sim.rigs.rig import Side
from sim.scenario import Cleanup, Migrate, Scenario, Soak, Step


class Pointed(NamedTuple):
    """Where one edge pointed."""

    to: Side = "blue"
    share: float = 1.0
    """How much of the requests went there."""
    epoch: int = 1
    """How often it was switched, plus one."""


@dataclass
class Stood:
    """What the stack is to be again, and what the runbook has behind it."""

    done: list[Step]
    """Steps that had begun and are not undone, oldest first."""
    under_way: str = ""
    """The step that was under way; '' = between two."""
    edges: list[Pointed] = field(default_factory=lambda: [Pointed()])
    """Of each edge, in the order of their names."""
    sides: dict[str, Side] = field(default_factory=dict)
    """login-consent, authz → where they pointed, if they ever were switched."""
    capture: str = "off"
    """off, forward or back."""
    writes_allowed: bool = True
    blue_runs: bool = True
    """Whether blue's Hydra served; False from when a step began that stops it."""
    facts: dict[str, Any] = field(default_factory=dict)
    """What the steps have left for later ones (see runner and switching)."""
    closing: bool = False
    """The last step had begun: there is no way back, and it must be finished."""
    past_return: bool = False
    """The one database had begun to be migrated, and the old Hydra can't read it: on is the only way."""
    left: list[Step] = field(default_factory=list)
    """Steps that had not ended, the one under way first."""
    ended: str = ""
    """How the run says it ended; '' = it was killed before."""
    last_s: float = 0.0

    @property
    def route(self) -> Side:
        """green as soon as one edge pointed there."""
        return "green" if any(edge.to == "green" for edge in self.edges) else "blue"

    @property
    def green_serves(self) -> bool:
        """Whether anybody was pointed at green, so that its Hydra must run again."""
        return "green" in (self.route, *self.sides.values())


def stood(history: History, scenario: Scenario) -> Stood:
    """Read it. The capture towards blue counts from the first edge's switch on.

    An edge may have turned in the instant before the kill, so that nobody wrote it down: once the cutover
    had begun, whatever green captured is carried back.
    """
    begun: dict[str, bool] = {}
    undone: set[str] = set()
    found = Stood([], edges=[Pointed()] * scenario.stack.edge.instances,
                  last_s=history.ops[-1].t_s if history.ops else 0.0)
    for op in history.ops:
        value = op.value or {}
        if op.process == "runbook" and op.f == "step":
            begun[str(value.get("step"))] = op.type == "ok"
        elif op.process == "runbook" and op.f == "undo" and op.type == "ok":
            undone.add(str(value.get("step")))
        elif op.f == "switch" and op.type == "info":
            if value.get("what") == "edge":
                _point(found.edges, value)
            else:
                found.sides[str(value.get("what")).replace("_", "-")] = value["to"]
        elif op.f == "writes" and op.type == "info":
            found.writes_allowed = bool(value.get("allowed", True))
        elif op.process == "harness" and op.f == "end":
            found.ended = str(value.get("ended"))
    steps = [step for step in scenario.runbook if step.name in begun]
    found.left = [step for step in scenario.runbook if not begun.get(step.name)]
    found.done = [step for step in steps if step.name not in undone]
    found.under_way = next((step.name for step in reversed(found.done) if not begun[step.name]), "")
    found.closing = any(step.kind == "close" for step in steps)
    found.blue_runs = not any(isinstance(s, Cleanup | Migrate) and s.old == "stopped" for s in found.done)
    found.past_return = not scenario.way_back_after_migration and any(isinstance(s, Migrate) for s in found.done)
    kinds = {step.kind: begun[step.name] for step in found.done}
    back = any(isinstance(s, Soak) and s.capture_back for s in scenario.runbook)
    if kinds.get("capture"):
        found.capture = "back" if back and found.route == "green" else "forward"
    capturing = found.capture != "off"
    found.facts = {"capturing": capturing, "capturing_back": capturing and back and "cutover" in kinds,
                   "lifetime_raised": "lifetime" in kinds, "crossed": "cutover" in kinds}
    return found


def _point(edges: list[Pointed], told: dict[str, Any]) -> None:
    """One switch, of all edges or of the one that it names (counted from 1)."""
    only = told.get("edge")
    for n, _ in enumerate(edges):
        if only in (None, n + 1):
            edges[n] = Pointed(told["to"], float(told.get("share", 1.0)), int(told.get("epoch", 2)))
