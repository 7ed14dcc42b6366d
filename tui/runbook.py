"""Where the runbook stands, from its own ops: plan, steps, progress, gate, state."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal

from sim.history.op import Op

Outcome = Literal["waits", "runs", "ok", "fail"]


@dataclass
class StepSeen:
    """One step as far as it went."""

    name: str
    kind: str = ""
    undo: str = ""
    abort_costs: str = ""
    deadline_s: float = 0.0
    least_s: float = 0.0
    has_gate: bool = False
    needs: str = ""
    """Its precondition."""
    measured: str = ""
    """The figure that measures it (tui.measured)."""
    outcome: Outcome = "waits"
    begun_s: float = 0.0
    took_s: float = 0.0
    figures: dict[str, Any] = field(default_factory=dict)
    undone: bool = False
    i: int = -1
    """The op that began it."""

    @property
    def has_undo(self) -> bool:
        """Whether it is undone by an act of its own, as its words say."""
        return bool(self.undo) and not self.undo.startswith(("nothing", "goes with", "none"))


@dataclass
class GateSeen:
    """A gate that waits for a decision."""

    step: str
    ask: str
    who: str
    opened_s: float
    timeout_s: float
    on_timeout: str
    preconditions: list[str]


class Runbook:
    """Fed with the ops of process `runbook` and with `stack` and `end` of the harness."""

    def __init__(self) -> None:
        self.steps: list[StepSeen] = []
        self.state = "STARTING"
        self.why = ""
        self.progress: dict[str, Any] = {}
        """The last progress of the step under way; {} between steps."""
        self.command = ""
        """The last command that ran, secrets masked."""
        self.gate: GateSeen | None = None
        self.ended = ""
        """completed | rolled_back | failed, once the run has ended."""
        self.ended_why = ""
        self.undoing = ""
        self.stack_ready_s: float | None = None
        self.snapshot_s: float | None = None
        self.switched_s: float | None = None
        self.route = "blue"
        self.turned_s = float("-inf")
        """When an edge last went over to the other side."""
        self.routes: dict[int, str] = {}
        """Edge (1, 2, …) → its route, of edges that were switched one by one."""
        self.sides = {"login_consent": "blue", "authz": "blue"}
        self.fenced: set[str] = set()
        self.pause_asked = False
        """Somebody asked for a pause; it begins when the step under way has ended."""
        self.slowest: dict[str, float] = {}
        """Migration file → the longest it was seen at work, in seconds."""

    def serves(self, side: str, edges: int = 1) -> int:
        """To how many of so many edges a side answers."""
        if not self.routes:
            return edges if self.route == side else 0
        other = "blue" if self.route == "green" else "green"
        return sum(self.routes.get(n, other) == side for n in range(1, edges + 1))

    @property
    def at(self) -> int:
        """Index of the step under way, or of the last one that ran; -1 before the first."""
        last = -1
        for n, step in enumerate(self.steps):
            if step.outcome == "runs":
                return n
            if step.outcome != "waits":
                last = n
        return last

    @property
    def current(self) -> StepSeen | None:
        """The step under way, or the last one that ran."""
        return self.steps[self.at] if self.at >= 0 else None

    def step(self, name: str) -> StepSeen | None:
        """The step of that name (or of that kind), if the plan has it."""
        return next((s for s in self.steps if name in (s.name, s.kind)), None)

    def feed(self, op: Op) -> None:
        """Take the next op of runbook or harness."""
        value = op.value or {}
        match op.f:
            case "plan":
                self.steps = [
                    StepSeen(
                        str(s.get("name")),
                        str(s.get("kind", s.get("name"))),
                        str(s.get("undo", "")),
                        str(s.get("abort_costs", "")),
                        float(s.get("deadline_s") or 0),
                        float(s.get("least_s") or 0),
                        bool(s.get("gate")),
                        str(s.get("needs", "")),
                        str(s.get("measured", "")),
                    )
                    for s in value.get("steps", [])
                ]
            case "state":
                self.state, self.why = str(value.get("state", "")), str(value.get("why") or "")
            case "step":
                self._step(op, value)
            case "undo":
                self._undo(op, value)
            case "progress" if "blocked" not in value:  # who waits is no progress: how far it is stays
                self.progress = value
                if "version" in value:
                    name = str(value.get("now", value["version"]))
                    self.slowest[name] = max(self.slowest.get(name, 0.0), float(value.get("for_s") or 0.0))
            case "cmd":
                self.command = str(value.get("command", ""))
            case "gate":
                self._gate(op, value)
            case "snapshot":
                self.snapshot_s = op.t_s
            case "switch":
                self._switch(op, value)
            case "fence":
                (self.fenced.add if value.get("on") else self.fenced.discard)(str(value.get("side")))
            case "pause" | "resume" if op.process == "operator" and op.type == "ok":
                self.pause_asked = op.f == "pause"
            case "stack":
                if op.type == "ok":
                    self.stack_ready_s = float(value.get("ready_s") or 0.0)
            case "end":
                self.ended, self.ended_why = str(value.get("ended", "failed")), str(value.get("why") or "")
                self.gate = None

    def _step(self, op: Op, value: dict[str, Any]) -> None:
        step = self.step(str(value.get("step")))
        if step is None:
            step = StepSeen(str(value.get("step")), str(value.get("kind", value.get("step"))))
            self.steps.append(step)
        if op.type == "invoke":
            step.outcome, step.begun_s, step.undone, step.i = "runs", op.t_s, False, op.i
            step.undo = str(value.get("undo") or step.undo)
            step.deadline_s = float(value.get("deadline_s") or step.deadline_s)
            self.progress = {}
        else:
            step.outcome = "ok" if op.type == "ok" else "fail"
            step.took_s = float(value.get("took_s") or op.t_s - step.begun_s)
            step.figures = value.get("figures") or {}
            self.progress = {}

    def _undo(self, op: Op, value: dict[str, Any]) -> None:
        self.undoing = str(value.get("step")) if op.type == "invoke" else ""
        step = self.step(str(value.get("step")))
        if step is not None and op.type == "ok":
            step.undone = True

    def _gate(self, op: Op, value: dict[str, Any]) -> None:
        if op.type != "invoke":
            self.gate = None
            return
        self.gate = GateSeen(
            str(value.get("step")),
            str(value.get("ask") or "go?"),
            str(value.get("who") or ""),
            op.t_s,
            float(value.get("timeout_s") or 0),
            str(value.get("on_timeout") or ""),
            [str(p) for p in value.get("preconditions") or []],
        )

    def _switch(self, op: Op, value: dict[str, Any]) -> None:
        what, to = str(value.get("what", "edge")), str(value.get("to"))
        if what == "edge":
            if to != self.route:
                self.turned_s = op.t_s
            self.route = to
            self.routes = {**self.routes, edge: to} if (edge := value.get("edge")) is not None else {}
            self.switched_s = op.t_s if to == "green" else None
        else:
            self.sides[what] = to
