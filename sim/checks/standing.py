"""What is known of a token, a grant and a revocation at some index of a history.

Plain records: `tracking` writes them as it reads, checks, report and screen look at them.
"""

from __future__ import annotations

from typing import Literal, NamedTuple

import msgspec

from sim.history.op import Op

Cause = Literal["", "new_grant", "rotated", "service_token"]
"""Why a token may be unknown to the stack that refused it: it was made on the other one after
the copy. "" is no such cause."""


class Token(msgspec.Struct, gc=False):
    """One token as issued (or first seen active)."""

    kind: str
    """access or refresh."""
    begun_i: int
    """Index of the invocation that asked for it (-1: before the run)."""
    issued_i: int
    """Index of the completion that gave it (-1: before the run)."""
    known_i: int
    """Index from which it is known to be good."""
    expires_s: float
    """The earliest instant at which it may have expired."""
    route: str | None
    """The stack that issued it."""
    stand: Stand | None
    """Of its grant; None for a service's own."""


class Revoke(NamedTuple):
    """An acknowledged revocation."""

    begun_i: int
    done_i: int
    done_s: float
    route: str | None
    kind: str
    process: str
    capture: int | None


class Stand:
    """What is known of one grant."""

    __slots__ = ("access", "created_i", "created_route", "disturbed_i", "doubt", "ever_reused", "in_doubt_i",
                 "last_issue_i", "last_revoke_i", "lost", "open_issues", "open_revokes", "pending", "refresh",
                 "refreshes", "reused_i", "revokes", "rotated_i", "sheds")

    def __init__(self) -> None:
        self.access: str | None = None
        """The newest access token, or None if none must be active."""
        self.refresh: str | None = None
        """The newest refresh token given or successfully presented."""
        self.created_i = -1
        """Index of the completion that made the grant in this run; -1: it was seeded."""
        self.created_route: str | None = None
        self.rotated_i = -1
        """Index of its last successful refresh."""
        self.refreshes = 0
        self.disturbed_i = -1
        """Index of the last completion of a write of it."""
        self.last_issue_i = -1
        self.last_revoke_i = -1
        """Index of the last completion of a revoke of it, whatever came of it."""
        self.open_issues = 0
        self.open_revokes = 0
        self.in_doubt_i = -1
        """Index of the last issue without an answer; cleared by a later one with an answer."""
        self.doubt = False
        """A revoke without an answer may have ended it, now or later."""
        self.reused_i = -1
        """Index at which an older refresh token was refused: the server may have ended the chain for
        it; cleared by a later success."""
        self.ever_reused = False
        self.revokes: tuple[Revoke, ...] = ()
        self.sheds: tuple[int, ...] = ()
        """Indexes of revocations of it that were refused on purpose."""
        self.pending: tuple[Op, Op] | None = None
        """A refused refresh, invocation and completion: a loss unless an overlapping attempt succeeds."""
        self.lost: Loss | None = None

    def reuse(self, i: int) -> None:
        """An older refresh token was refused at index `i`."""
        self.reused_i, self.ever_reused = max(self.reused_i, i), True


class Loss(NamedTuple):
    """A chain that a client could not continue."""

    i: int
    t_s: float
    route: str | None
    process: str
    cause: Cause


class Wrong(NamedTuple):
    """A token that must be active and was called inactive."""

    i: int
    t_s: float
    grant: str
    token_hash: str
    process: str
    route: str | None
    cause: Cause
    shed: bool
    """A revocation of it had been refused on purpose, and none acknowledged."""
    stays: bool = False
    """Whoever was asked still went to a stack that no longer serves: no token is lost by that."""
    asked: str = ""
    """Who that was: authz or the edge."""


class Use:
    """Acceptances of one revoked grant by one stack, and what bounds them."""

    __slots__ = ("accepted_done_i", "count", "first_done_s", "first_i", "last_begun_s", "last_done_s", "last_i",
                 "process", "refused_s", "revoke", "when", "witnesses")

    def __init__(self, revoke: Revoke, *, process: str) -> None:
        self.revoke, self.process = revoke, process
        self.count = 0
        self.first_i = self.last_i = -1
        self.first_done_s = self.last_begun_s = self.last_done_s = -1.0
        self.accepted_done_i = -1
        self.refused_s: float | None = None
        """First refusal asked for after the last acceptance had been answered."""
        self.when: dict[str, int] = {}
        """`gap`, `after_replay`, `same_stack` → acceptances."""
        self.witnesses: list[int] = []


def cause_of(stand: Stand | None, token: Token | None, side: str, snapshot_i: int) -> Cause:
    """Was this token made on the other stack, where the copy could not see it?"""
    if token is None or token.route is None or token.route == side:
        return ""
    if token.route == "blue" and (snapshot_i < 0 or token.issued_i < snapshot_i):
        return ""
    if token.kind == "service" or stand is None:
        return "service_token"
    made_i = stand.created_i
    if made_i >= 0 and (stand.created_route == "green" or made_i > snapshot_i) and stand.created_route != side:
        return "new_grant"
    return "rotated"
