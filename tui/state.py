"""What the screen shows, reduced from ops; pure, so that it can be tested without a screen.

Every widget reads this and nothing else. `feed` takes each op once; figures that cost more
(the checks' verdict) are renewed by `settle`, at most once a second of the recording's time.
"""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Any

from sim.checks.forming import Forming
from sim.checks.reading import HARNESS
from sim.checks.verdict import Check, Verdict
from sim.history.op import Header, Op
from tui.captures import Captures
from tui.earlier import Earlier
from tui.events import Event, event
from tui.rates import Traffic
from tui.runbook import Runbook

if TYPE_CHECKING:
    from sim.scenario import Scenario

EVENTS_KEPT = 500
VERDICT_EVERY_S = 1.0
SETTLED = ("held", "broken", "unknown")


class Cost:
    """One price of a cut: how many, and how many the scenario allows."""

    def __init__(self, label: str, now: int, allowed: float | None, *, estimated: bool = False) -> None:
        self.label, self.now, self.allowed, self.estimated = label, now, allowed, estimated
        """`allowed` None = all of them; `estimated`: the share of a number not yet counted."""

    @property
    def share(self) -> float:
        """Of what is allowed, 0 to 1 and beyond."""
        if self.allowed is None:
            return 0.0
        return self.now / self.allowed if self.allowed else float(self.now > 0)


class Shown:
    """The whole screen's state."""

    def __init__(self, scenario: Scenario | None = None, earlier: Earlier | None = None) -> None:
        self.scenario = scenario
        self.earlier = earlier or Earlier({}, 0)
        self.header: Header | None = None
        self.runbook = Runbook()
        self.traffic = Traffic()
        self.captures = Captures()
        self.events: deque[Event] = deque(maxlen=EVENTS_KEPT)
        self.gauge: dict[str, Any] = {}
        self.cores: dict[str, float] = {}
        """Cores used by blue's and green's Hydra over the last second."""
        self.links_tried = self.links_proven = 0
        self.faults: dict[str, dict[str, Any]] = {}
        """Active faults by name: what the invocation said."""
        self.now_s = 0.0
        self.ops = 0
        self.verdict: Verdict | None = None
        """As far as it has formed, or as verdict.json says it once the run has ended."""
        self.is_final = False
        self.replay_word = ""
        """`REPLAY 4×` in a replay, else empty."""
        self.reading = ""
        """`reading 43 %` while an old run is caught up with."""
        self._forming = Forming(scenario) if scenario is not None else None
        self._verdict_s = -VERDICT_EVERY_S
        self._verdict_ops = -1
        self._wrong = 0.0
        self._gauged_s = 0.0
        self._fault_names: dict[int, str] = {}

    # -- reduction ---------------------------------------------------------------------------

    def feed(self, op: Op) -> None:
        """Take the next op."""
        self.ops += 1
        self.now_s = op.t_s
        if self._forming is not None:
            self._forming.feed(op)
        if op.process in HARNESS:
            self._harness(op)
            return
        self.traffic.feed(op, self.runbook.route)
        if op.f == "revoke" and op.type != "invoke":
            self.captures.revoked(op)

    def settle(self) -> None:
        """Renew the verdict, if it is old enough and anything happened since."""
        due = self.now_s - self._verdict_s >= VERDICT_EVERY_S or self.runbook.ended
        if self.is_final or self._forming is None or not due or self._verdict_ops == self.ops:
            return
        self._verdict_s, self._verdict_ops = self.now_s, self.ops
        self.verdict = self._forming.verdict()
        wrong = (self.figure("revocation.uses") or 0.0) + (self.figure("token_continuity.false_inactive") or 0.0)
        if wrong != self._wrong:
            # What became wrong since the last look is put on the stack that serves.
            more, self._wrong = int(wrong - self._wrong), wrong
            side = self.traffic.sides[self.runbook.route]
            side.wrong = max(0, side.wrong + more)
            if "introspect" in self.traffic.rows:
                self.traffic.rows["introspect"].wrong = int(wrong)

    def conclude(self, verdict: Verdict) -> None:
        """The run has ended and this is its verdict.json."""
        self.verdict, self.is_final = verdict, True

    def _harness(self, op: Op) -> None:
        match op.f:
            case "gauge":
                self._gauged(op)
                return
            case "link" if op.type != "invoke":
                self.links_tried += 1
                self.links_proven += op.type == "ok" and bool((op.value or {}).get("proven"))
            case "fault" | "heal":
                self._fault(op)
        self.runbook.feed(op)
        value = op.value or {}
        if op.f == "progress":
            step = self.runbook.current
            if step is not None and step.kind == "replay":
                self.captures.replaying(value)
        elif op.f == "step" and op.type == "ok":
            step = self.runbook.step(str(value.get("step")))
            if step is not None and step.kind == "replay":
                self.captures.replayed(value.get("figures") or {})
        told = event(op)
        if told is not None:
            self.events.append(told)

    def _gauged(self, op: Op) -> None:
        value = op.value or {}
        since_s = op.t_s - self._gauged_s
        for side in ("blue", "green"):
            now, before = (value.get(side) or {}).get("cpu_s"), (self.gauge.get(side) or {}).get("cpu_s")
            if now is not None and before is not None and since_s > 0:
                self.cores[side] = max(0.0, (now - before) / since_s)
        self.gauge, self._gauged_s = value, op.t_s
        self.captures.gauged((value.get("edge") or {}).get("capture") or {})

    def _fault(self, op: Op) -> None:
        value = op.value or {}
        name = str(value.get("name", ""))
        if op.f == "fault" and op.type == "invoke":
            self._fault_names[op.i] = name
            self.faults[name] = value
        elif op.f == "fault" and op.type == "fail":
            self.faults.pop(self._fault_names.get(op.of or -1, name), None)
        elif op.f == "heal" and op.type == "ok":
            self.faults.pop(name, None)

    # -- what widgets ask --------------------------------------------------------------------

    @property
    def slug(self) -> str:
        """The scenario's name."""
        if self.header is not None:
            return self.header.scenario
        return self.scenario.slug if self.scenario is not None else "…"

    @property
    def state(self) -> str:
        """STARTING RUNNING PAUSED GATE BUFFERING ABORTING ROLLED_BACK FINISHED."""
        return "FINISHED" if self.runbook.ended else self.runbook.state

    @property
    def is_gate(self) -> bool:
        """Does a gate wait for a decision?"""
        return self.runbook.gate is not None and self.state == "GATE"

    def figure(self, name: str) -> float | None:
        """`check.figure` so far."""
        return self.verdict.figure(name) if self.verdict is not None else None

    def by_word(self, word: str) -> list[Check]:
        """The checks of one verdict, in their order."""
        return [c for c in self.verdict.checks if c.verdict == word] if self.verdict is not None else []

    def telling(self) -> Check | None:
        """The one broken, unknown or open check that matters most."""
        for word in ("broken", "unknown", "open"):
            found = self.by_word(word)
            if found:
                return next((c for c in found if c.evidence), found[0])
        return None

    def costs(self) -> list[Cost]:
        """New grants, lost chains, logins in flight: if we cut now, or lost once we did."""
        cut = self.gauge.get("cut") or {}
        return [
            self._cost("new grants", "write_loss.grants", int(cut.get("grants") or 0)),
            self._cost("lost chains", "session_continuity.lost_chains", int(cut.get("chains") or 0)),
            self._cost("logins in flight", "login_continuity.in_flight", int(cut.get("logins") or 0)),
        ]

    def _cost(self, label: str, figure: str, gauged: int) -> Cost:
        counted = self.figure(figure)
        verified = (step := self.runbook.step("verify")) is not None and step.outcome == "ok"
        now = int(counted) if (verified or self.is_final) and counted is not None else gauged
        limit = self.scenario.tolerate.get(figure) if self.scenario is not None else None
        if limit is None:
            return Cost(label, now, 0)
        if limit.max == "all":
            return Cost(label, now, None)
        if limit.unit != "share":
            return Cost(label, now, float(limit.max))
        live = self.figure("session_continuity.live_chains") or 0.0
        grants = self.header.grants if self.header is not None else 0
        return Cost(label, now, float(int(float(limit.max) * (live or grants))), estimated=not live)

    def way_back(self) -> tuple[str, str]:
        """(free | costs | closed, why) of an abort this second."""
        told = self.gauge.get("way_back") or {}
        return str(told.get("state", "free")), str(told.get("why", "blue serves; nothing is lost"))

    def remaining_s(self, kind: str) -> float | None:
        """Estimated seconds until the step of that kind begins; None if nobody knows or it is past."""
        steps, at = self.runbook.steps, self.runbook.at
        left_s = 0.0
        for n, step in enumerate(steps):
            if step.kind == kind:
                return left_s if n > at else None
            if n < at or step.outcome in ("ok", "fail"):
                continue
            estimate_s = self.estimate_s(step.name)
            if estimate_s is None:
                return None
            left_s += max(0.0, estimate_s - (self.now_s - step.begun_s if step.outcome == "runs" else 0.0))
        return None

    def estimate_s(self, name: str) -> float | None:
        """How long a step is thought to take: as in earlier runs, or what the scenario makes it wait."""
        if name in self.earlier.took_s:
            return self.earlier.took_s[name]
        step = self.runbook.step(name)
        return step.least_s if step is not None and step.least_s else None

    def share_done(self) -> float | None:
        """How far the step under way is, 0 to 1; None if nobody can tell."""
        step = self.runbook.current
        if step is None or step.outcome != "runs":
            return None
        progress = self.runbook.progress
        if progress.get("total"):
            return min(1.0, float(progress.get("done") or 0) / float(progress["total"]))
        estimate_s = self.estimate_s(step.name)
        return min(1.0, (self.now_s - step.begun_s) / estimate_s) if estimate_s else None

    def side_word(self, side: str) -> str:
        """SERVING, FENCED, MIGRATING … of blue or green."""
        runbook = self.runbook
        if runbook.route == side and runbook.state != "STARTING":
            return "BUFFERING" if runbook.state == "BUFFERING" else "SERVING"
        if side == "blue":
            closed = (step := runbook.step("close")) is not None and step.outcome == "ok"
            return (
                "STOPPED"
                if closed
                else "FENCED"
                if "blue" in runbook.fenced
                else "STARTING"
                if runbook.stack_ready_s is None
                else "IDLE"
            )
        return self._green_word()

    def _green_word(self) -> str:
        words = {
            "copy": ("COPYING", "COPIED"),
            "cleanup": ("CLEANING", "CLEAN"),
            "migrate": ("MIGRATING", "MIGRATED"),
            "repair": ("REPAIRING", "REPAIRED"),
            "cutover": ("STARTING", "READY"),
        }
        for kind in ("cutover", "repair", "migrate", "cleanup", "copy"):
            step = self.runbook.step(kind)
            if step is None or step.outcome == "waits":
                continue
            if step.undone:
                return "DROPPED"
            return words[kind][0] if step.outcome == "runs" else "STOPPED" if step.outcome == "fail" else words[kind][1]
        return "EMPTY"
