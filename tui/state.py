"""What the screen shows, reduced from ops; pure, so that it can be tested without a screen.

Every widget reads this and nothing else. `feed` takes each op once; figures that cost more
(the checks' verdict) are renewed by `settle`, at most once a second of the recording's time.
"""

from __future__ import annotations

from array import array
from collections import deque
from typing import TYPE_CHECKING, Any

from sim.checks.forming import Forming
from sim.checks.reading import HARNESS, Reading
from sim.checks.standing import Stand
from sim.checks.verdict import Check, Verdict
from sim.history.gameday import is_hidden
from sim.history.op import Header, Op
from sim.report.earlier import Earlier
from tui.captures import Captures
from tui.database import DatabaseSeen
from tui.dayseen import DaySeen
from tui.events import NEWS, Event, event
from tui.faultsseen import FaultsSeen
from tui.rates import Traffic
from tui.runbook import Runbook

if TYPE_CHECKING:
    from sim.scenario import Scenario

EVENTS_KEPT = 500
VERDICT_EVERY_S = 1.0
READ = frozenset({"equality", "migrations"})
SETTLED = ("held", "broken", "unknown")


class Shown:
    """The whole screen's state."""

    def __init__(self, scenario: Scenario | None = None, earlier: Earlier | None = None, *,
                 is_masked: bool = False) -> None:
        if is_masked and scenario is not None and scenario.gameday is not None:
            scenario = scenario.model_copy(update={"gameday": scenario.gameday.model_copy(update={"card": []})})
        self.scenario = scenario
        self.is_masked = is_masked
        """A player's screen: surprises and the facilitator's commands are not there (sim.history.gameday)."""
        self.kept = 0
        """How many ops were kept from it."""
        self.day = DaySeen() if scenario is not None and scenario.gameday is not None else None
        """What is noticed on a game day; None in an ordinary run."""
        self.earlier = earlier or Earlier({}, 0)
        self.header: Header | None = None
        self.runbook = Runbook()
        self.traffic = Traffic()
        self.captures = Captures()
        self.events: deque[Event] = deque(maxlen=EVENTS_KEPT)
        self.gauge: dict[str, Any] = {}
        self.gauge_i = 0
        """The op of that gauge."""
        self.cores: dict[str, float] = {}
        """Cores used by blue's and green's Hydra over the last second."""
        self.faults = FaultsSeen()
        self.links: dict[str, bool | None] = {}
        """Every link the run tried → whether it was proven; None while it is tried."""
        self.database = DatabaseSeen()
        self.read: dict[str, Op] = {}
        """The last answers read by key that a precondition is measured by (READ)."""
        self.lines: array[int] = array("I")
        """Indexes of the ops that are a line of the log: all but invocations of traffic and gauges."""
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
        self._link_names: dict[int, str] = {}
        self._asked: dict[int, Op] = {}
        """Commands that are not answered yet."""

    # -- reduction ---------------------------------------------------------------------------

    def feed(self, op: Op) -> None:
        """Take the next op."""
        self.ops += 1
        self.now_s = op.t_s
        if self.is_masked and is_hidden(op):
            self.kept += 1
            return
        if self.day is not None:
            self.day.feed(op)
        if (op.type != "invoke" or op.process in HARNESS) and op.f != "gauge":
            self.lines.append(op.i)
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
            case "link":
                self._link(op)
            case "fault" | "made" | "heal":
                self.faults.feed(op)
        if op.f in READ and op.type == "ok":
            self.read[op.f] = op
        self.runbook.feed(op)
        self.database.feed(op)
        value = op.value or {}
        if op.f == "progress":
            step = self.runbook.current
            if step is not None and step.kind == "replay":
                self.captures.replaying(value)
        elif op.f == "step" and op.type == "ok":
            step = self.runbook.step(str(value.get("step")))
            if step is not None and step.kind == "replay":
                self.captures.replayed(value.get("figures") or {})
        asked = None
        if op.process == "operator":
            if op.type == "invoke":
                self._asked[op.i] = op
            elif op.of is not None:
                asked = self._asked.pop(op.of, None)
        told = event(op, asked)
        if told is not None and (op.f != "state" or value.get("state") in NEWS):
            self.events.append(told)

    def _gauged(self, op: Op) -> None:
        value = op.value or {}
        since_s = op.t_s - self._gauged_s
        for side in ("blue", "green"):
            now, before = (value.get(side) or {}).get("cpu_s"), (self.gauge.get(side) or {}).get("cpu_s")
            if now is not None and before is not None and since_s > 0:
                self.cores[side] = max(0.0, (now - before) / since_s)
        self.gauge, self._gauged_s = value, op.t_s
        self.gauge_i = op.i
        self.database.gauged(op, value)
        self.captures.gauged((value.get("edge") or {}).get("capture") or {})

    def _link(self, op: Op) -> None:
        name = str((op.value or {}).get("link", ""))
        if op.type == "invoke":
            self._link_names[op.i] = name
            self.links.setdefault(name, None)
            return
        name = self._link_names.get(-1 if op.of is None else op.of, name)
        self.links[name] = op.type == "ok" and bool((op.value or {}).get("proven"))

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

    @property
    def stands(self) -> dict[str, Stand]:
        """What the checks know of each grant that was touched; {} without a scenario."""
        return self._forming.reading.tracking.stands if self._forming is not None else {}

    @property
    def reading_of_checks(self) -> Reading | None:
        """What the checks have read, for the ledger."""
        return self._forming.reading if self._forming is not None else None

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

    def way_back(self) -> tuple[str, str]:
        """(free | costs | closed, why) of an abort this second."""
        told = self.gauge.get("way_back") or {}
        return str(told.get("state", "free")), str(told.get("why", "blue serves; nothing is lost"))

    def back_s(self) -> tuple[float, bool] | None:
        """(seconds the way back takes, whether all of it is known) as earlier undos took; None if nobody knows."""
        steps = [s for s in self.runbook.steps if s.outcome != "waits" and not s.undone and s.has_undo]
        known = [self.earlier.undo_s[s.name] for s in steps if s.name in self.earlier.undo_s]
        return (sum(known), len(known) == len(steps)) if known else None

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

    @property
    def edges(self) -> int:
        """How many edges stand."""
        return self.scenario.stack.edge.instances if self.scenario is not None else 1

    def side_word(self, side: str) -> str:
        """SERVING, FENCED, MIGRATING … of blue or green."""
        runbook = self.runbook
        if (serving := runbook.serves(side, self.edges)) and runbook.state != "STARTING":
            if runbook.state == "BUFFERING":
                return "BUFFERING"
            return "SERVING" if serving == self.edges else f"SERVING {serving} OF {self.edges} EDGES"
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
