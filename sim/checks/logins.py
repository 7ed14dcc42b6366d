"""Authorizations: those that the switch cut in two, codes refused, consents asked for again."""

from __future__ import annotations

from typing import NamedTuple

from sim.checks.standing import Stand
from sim.checks.timeline import Timeline
from sim.history.op import Op


class Code(NamedTuple):
    """A code as given."""

    issued_i: int
    route: str | None


class Logins:
    """Fed with authorizations and code exchanges."""

    def __init__(self) -> None:
        self.authorized = self.authorized_after = 0
        self.exchanged_after = 0
        self.in_flight: dict[int, str | None] = {}
        """Index of the refusal → grant, of authorizations (and, without a grant, logouts) begun before the switch."""
        self.codes: dict[int, str | None] = {}
        """Index of the refusal → grant, of codes that were good."""
        self.refused: list[int] = []
        """Refusals of authorizations begun after the switch."""
        self.consented: set[str] = set()
        """Grants to which a person said yes in this run."""
        self.asked_again: list[int] = []
        """Authorizations that asked for a consent which was remembered."""
        self.remembered = 0
        """Authorizations of which the history says that consent was remembered."""
        self._codes: dict[str, Code] = {}
        self._unanswered: set[str] = set()

    def ends(self, begun: Op, done: Op, timeline: Timeline, *, refused: bool, taken_back: bool) -> None:
        """Its code, a refusal (`refused`: an answer, no outage), or nothing.

        `taken_back`: the consent that it relied on may have been, before it was answered.
        """
        after = 0 <= timeline.switched_i < begun.i
        value = done.value or {}
        if done.type == "fail" and not value.get("shed"):
            if spans(begun, timeline):
                self.in_flight[done.i] = begun.grant
            elif after and refused:
                self.refused.append(done.i)
            return
        if done.type != "ok":
            return
        self.authorized += 1
        self.authorized_after += after
        if value.get("code"):
            self._codes[str(value["code"])] = Code(done.i, done.route)
        if value.get("skipped_consent") is False and begun.grant is not None:
            self.consented.add(begun.grant)
        if (begun.value or {}).get("remembered") and not taken_back:
            self.remembered += 1
            if value.get("skipped_consent") is False:
                self.asked_again.append(done.i)

    def exchanged(self, begun: Op, done: Op, *, refused: bool, timeline: Timeline, stand: Stand | None) -> None:
        """A code was presented."""
        code = begun.token_hash or ""
        if 0 <= timeline.switched_i < begun.i and (done.type == "ok" or refused):
            self.exchanged_after += 1
        if done.type == "info":
            self._unanswered.add(code)
        if not refused or code in self._unanswered:
            return  # a code counts once: after an attempt without an answer, either
        if stand is not None and (stand.revokes or stand.doubt or stand.open_revokes):
            return
        given = self._codes.get(code)
        if spans(begun, timeline):
            self.in_flight[done.i] = begun.grant
        elif given is None:
            if done.route == "green":
                self.codes[done.i] = begun.grant
        elif given.route != done.route and timeline.snapshot is not None and given.issued_i > timeline.snapshot.i:
            self.in_flight[done.i] = begun.grant
        else:
            self.codes[done.i] = begun.grant


def spans(begun: Op, timeline: Timeline) -> bool:
    """Was it begun before the switch, and answered at it or after it?

    Called when it was answered. login_consent and authz turn before the edge does, so from the
    beginning of the cutover step on an answer may already come from both sides.
    """
    if begun.i < timeline.any_switch_i:
        return True
    cutover = timeline.step("cutover")
    return cutover is not None and cutover.outcome == "open" and not timeline.crossed
