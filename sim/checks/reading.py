"""Reads a history once, op by op, and keeps what the checks need.

The same reading serves the judge (a whole history) and the screen (a run still going): all
figures are kept as the ops come, so that asking for a verdict costs no second pass.
"""

from __future__ import annotations

from collections import Counter
from typing import Any

from sim.checks.answers import is_5xx, is_answer, is_cut_off, is_planned, is_refusal
from sim.checks.denials import Denials
from sim.checks.gaps import Gaps
from sim.checks.kept import KeptFailures
from sim.checks.latencies import Window
from sim.checks.logins import Logins, spans
from sim.checks.published import Published
from sim.checks.refusals import Refusals
from sim.checks.standing import Stand
from sim.checks.terms import Terms
from sim.checks.timeline import Timeline
from sim.checks.tracking import Tracking
from sim.checks.verdict import WITNESSES
from sim.checks.windows import Windows
from sim.history.op import TAKE_CONSENT, Op

LATE_S = 0.05
"""Assumption: a sender 50 ms behind its plan no longer plays the plan; measured lateness on an
idle machine is below 3 ms at p99 (ANCHORS C)."""

HARNESS = frozenset({"runbook", "harness", "nemesis", "verify", "operator"})


class Counted:
    """One operation's completions."""

    __slots__ = ("answered", "failed", "shed", "total")

    def __init__(self) -> None:
        self.total = self.answered = self.failed = self.shed = 0


class Reading:
    """Everything the checks know about a history so far."""

    def __init__(self, terms: Terms) -> None:
        self.terms = terms
        self.timeline = Timeline()
        self.tracking = Tracking(refresh_s=terms.refresh_s)
        self.published = Published()
        self.logins = Logins()
        self.gaps = Gaps()
        self.wrong_subject_i: list[int] = []
        self.wrong_subjects = 0
        """Active answers about a person's token that name nobody, or somebody else."""
        self.denials = Denials()
        self.counted: dict[str, Counted] = {}
        self.failed_i: list[int] = []
        self.shed_i: list[int] = []
        self.failed_text: Counter[str] = Counter()
        self.shed_revocations = 0
        self.kept = KeptFailures()
        self.refusals = Refusals()
        self.longest_buffering_s, self.longest_buffering_i = 0.0, -1
        self.said_waits = False
        """Whether ops say how long they waited at the edge."""
        self.planned = self.late = 0
        self.windows = Windows(terms.compared_s)
        self.captured_acks = 0
        """Revocations acknowledged by blue with a capture sequence, for green: after a way back there is none."""
        self.shared_captures = 0
        """Revocations acknowledged with a capture sequence that another of their stack had been given."""
        self._captures: dict[str, set[int]] = {}
        """Stack → capture sequences acknowledged."""
        self.acks_in_window = 0
        """Revocations acknowledged between the snapshot and the switch."""
        self.rotated_acks_in_window = 0
        """Of them, those of a chain rotated since the snapshot."""
        self.uncaptured_i: list[int] = []
        """Acknowledged in the window, without a capture sequence, though capture was asked for."""
        self.first_capture_s: float | None = None
        self.last_s = 0.0
        self.ops = 0
        self._begun: dict[int, tuple[Op, tuple[Window, ...]]] = {}

    def feed(self, op: Op) -> None:
        """Take the next op."""
        self.ops += 1
        self.last_s = op.t_s
        if op.process in HARNESS:
            self.timeline.feed(op)
            if op.f in ("step", "switch", "unsteady"):
                self.windows.turn(op, self.timeline)
            return
        if op.type == "invoke":
            self._invoked(op)
            return
        entry = self._begun.pop(op.of, None) if op.of is not None else None
        if entry is not None:
            self._completed(entry[0], op, entry[1])

    # -- invocations ------------------------------------------------------------------------

    def _invoked(self, op: Op) -> None:
        windows: tuple[Window, ...] = ()
        if op.due_s is not None:
            self.planned += 1
            if op.t_s - op.due_s > LATE_S:
                self.late += 1
            windows = self.windows.of(op.due_s)
        self._begun[op.i] = (op, windows)
        f = op.f
        self.gaps.begins(f, op.i, op.t_s)
        if f == "refresh":
            self.kept.begins(op)
        if f == "refresh" or f == "code":
            self.tracking.issue_begins(op)
        elif f == "revoke":
            self.tracking.revoke_begins(op)

    # -- completions ------------------------------------------------------------------------

    def _completed(self, begun: Op, done: Op, windows: tuple[Window, ...]) -> None:
        f, kind, value = begun.f, done.type, done.value or {}
        cut_off = is_cut_off(done)
        answered = kind == "ok" or (kind == "fail" and is_answer(f, value))
        self.gaps.ends(f, begun.i, done.i, done.t_s, waited_s=float(value.get("waited_s") or 0.0),
                       answered=None if cut_off or value.get("shed") else answered)
        if not cut_off:
            self._count(begun, done, value)
        if windows and kind != "info":
            took_s = done.t_s - (begun.due_s if begun.due_s is not None else begun.t_s)
            for window in windows:
                window.all.note(took_s)
                if f == "introspect":
                    window.introspect.note(took_s)
        if f == "introspect":
            if kind == "ok":
                self._read(begun, done, bool(value.get("active")))
                if value.get("active") and value.get("sub_ok") is False:
                    self.wrong_subjects += 1
                    if len(self.wrong_subject_i) < WITNESSES:
                        self.wrong_subject_i.append(done.i)
        elif f == "refresh":
            self._refreshed(begun, done, value)
        elif f == "client_credentials":
            self.tracking.service_token(begun, done)
        elif f == "revoke":
            self._revoked(begun, done, value)
        elif f == "authz":
            if kind == "ok":
                self.denials.answered(begun, done)
                self._read(begun, done, bool(value.get("allowed")))
        elif f == "code":
            self._exchanged(begun, done, value)
        elif f == "authorize":
            self.logins.ends(begun, done, self.timeline, refused=answered, taken_back=self._consent_taken_back(begun))
        elif f == "logout" and kind == "fail" and not value.get("shed") and self._cut_in_two(begun, value):
            self.logins.in_flight[done.i] = None
        elif f in ("discovery", "jwks", "id_token"):
            self.published.seen(begun, done, after=self._after_switch(begun))

    def side(self, begun: Op, done: Op) -> str:
        """The stack that answered: as the edge said, else where `authz` or the edge pointed."""
        if done.route is not None:
            return done.route
        side = "blue"
        for switch in self.timeline.switches:
            if switch.i < done.i and switch.value.get("what", "edge") == ("authz" if begun.f == "authz" else "edge"):
                side = str(switch.value.get("to"))
        return side

    def _snapshot_i(self) -> int:
        return self.timeline.snapshot.i if self.timeline.snapshot is not None else -1

    def _after_switch(self, begun: Op) -> bool:
        return 0 <= self.timeline.switched_i < begun.i

    def _read(self, begun: Op, done: Op, accepted: bool) -> None:
        timeline = self.timeline
        side = done.route or self.side(begun, done)
        self.tracking.read(
            begun, done, accepted=accepted, crossing=begun.i < timeline.any_switch_i,
            after_switch=0 <= timeline.switched_i < begun.i, side=side,
            stays=side != timeline.serving, replayed_i=timeline.replayed_i.get(side), snapshot_i=self._snapshot_i())

    def _refreshed(self, begun: Op, done: Op, value: dict[str, Any]) -> None:
        tracking, side = self.tracking, self.side(begun, done)
        self.kept.ends(begun, done)
        accepted = done.type == "ok"
        refused = done.type == "fail" and is_refusal(value)
        if accepted or refused:
            tracking.refreshed += 1
            tracking.refreshed_after_switch += self._after_switch(begun)
            tracking.refresh_of_revoked(begun, done, accepted=accepted, side=side,
                                        replayed_i=self.timeline.replayed_i.get(side))
        if refused:
            tracking.refused_refresh(begun, done, planned=is_planned(begun), side=side,
                                     snapshot_i=self._snapshot_i())
        tracking.issue_ends(begun, done)
        if not is_cut_off(done):
            tracking.settle(begun, done, side=side, snapshot_i=self._snapshot_i())

    def _exchanged(self, begun: Op, done: Op, value: dict[str, Any]) -> None:
        self.tracking.issue_ends(begun, done)
        self.published.signed(done)
        self.logins.exchanged(begun, done, refused=done.type == "fail" and is_refusal(value),
                              timeline=self.timeline, stand=self.tracking.stands.get(begun.grant or ""))

    def _revoked(self, begun: Op, done: Op, value: dict[str, Any]) -> None:
        snapshot, asked = self.timeline.snapshot, begun.value or {}
        in_window = (done.type == "ok" and snapshot is not None and done.i > snapshot.i
                     and not self.timeline.crossed and asked.get("kind") != "login")
        if in_window:
            self.acks_in_window += 1
            self.rotated_acks_in_window += any(
                s is not None and snapshot is not None and s.rotated_i > snapshot.i
                for s in self._stands(asked, begun))
        fresh = all(s is None or not (s.revokes or s.doubt) for s in self._stands(asked, begun))
        self.tracking.revoke_ends(begun, done)
        self.refusals.feed(begun, done, shed=bool(value.get("shed")))
        if done.type != "ok":
            return
        capture = value.get("capture")
        if capture is not None:
            if self.first_capture_s is None:
                self.first_capture_s = done.t_s
            if done.route != "green" and not self.timeline.returned:
                self.captured_acks += 1
            given = self._captures.setdefault(done.route or "blue", set())
            self.shared_captures += int(capture) in given
            given.add(int(capture))
        elif in_window and fresh and "capture" in self.terms.roles:
            self.uncaptured_i.append(done.i)

    def _consent_taken_back(self, begun: Op) -> bool:
        """Whether a revocation that takes the consent too was acknowledged, or may have been carried out."""
        stand = self.tracking.stands.get(str((begun.value or {}).get("consent_of")))
        return stand is not None and bool(stand.open_revokes or stand.doubt or any(
            revoke.kind in TAKE_CONSENT for revoke in stand.revokes))

    def _stands(self, asked: dict[str, Any], begun: Op) -> list[Stand | None]:
        return [self.tracking.stands.get(g) for g in asked.get("grants") or [begun.grant]]

    def _count(self, begun: Op, done: Op, value: dict[str, Any]) -> None:
        counted = self.counted.get(begun.f)
        if counted is None:
            counted = self.counted[begun.f] = Counted()
        counted.total += 1
        if value:
            waited = value.get("waited_s")
            if waited is not None:
                self.said_waits = True
                if waited > self.longest_buffering_s:
                    self.longest_buffering_s, self.longest_buffering_i = float(waited), done.i
        if done.type == "ok":
            counted.answered += 1
        elif value.get("shed"):
            counted.shed += 1
            self.shed_revocations += begun.f == "revoke"
            if len(self.shed_i) < WITNESSES:
                self.shed_i.append(done.i)
        elif done.type == "info" or not (is_answer(begun.f, value) or self._cut_in_two(begun, value)):
            counted.failed += 1
            self.failed_text[f"{begun.f}: {done.error or value.get('status') or 'no answer'}"] += 1
            if len(self.failed_i) < WITNESSES:
                self.failed_i.append(done.i)
        else:
            counted.answered += 1

    def _cut_in_two(self, begun: Op, value: dict[str, Any]) -> bool:
        """A login or logout that the switch cut in two is lost, and not counted as failed too."""
        if begun.f == "logout" and is_5xx(value):
            return False
        return begun.f in ("authorize", "code", "logout") and spans(begun, self.timeline)
