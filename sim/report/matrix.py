"""The cross-version matrix: tokens minted on one version, used on another, from real calls.

A cell says how often what should be accepted was, and how often what had been revoked was
refused. Which token should be what is not decided here again: a refusal counts against a good
token if the checks' own tracking says so, and a token is revoked if a revocation of its grant
was acknowledged before the call was sent. What lies between (a revoke under way, a superseded
or expired token that is refused) shows nothing and is left out.
"""

from __future__ import annotations

from typing import Literal, NamedTuple

from sim.checks.answers import is_refusal
from sim.checks.reading import Reading
from sim.checks.standing import Stand
from sim.history.history import Call
from sim.history.op import Op

Use = Literal["introspect", "refresh", "revoke", "consent list", "redeem code"]
USES: tuple[Use, ...] = ("introspect", "refresh", "revoke", "consent list", "redeem code")
_USE: dict[str, Use] = {"introspect": "introspect", "refresh": "refresh", "revoke": "revoke", "authz": "consent list",
                        "code": "redeem code"}

Minted = Literal["old blue", "blue, in the copy", "blue, after the copy", "green"]
Where = Literal["old blue", "blue", "green, before the replay", "green, after the replay", "blue, after the return"]
WHERE: tuple[Where, ...] = ("old blue", "blue", "green, before the replay", "green, after the replay",
                            "blue, after the return")
"""`old blue` is what blue was until its own upgrade, where the runbook has one."""
MINTED: tuple[Minted, ...] = ("old blue", "blue, in the copy", "blue, after the copy", "green")


class Cell:
    """The calls of one cell."""

    __slots__ = ("accepted", "refused", "revoked_accepted", "revoked_refused")

    def __init__(self) -> None:
        self.accepted = 0
        """Good tokens accepted; for `revoke`, acknowledgements."""
        self.refused = 0
        """Good tokens refused."""
        self.revoked_accepted = 0
        self.revoked_refused = 0

    @property
    def calls(self) -> int:
        return self.accepted + self.refused + self.revoked_accepted + self.revoked_refused


class Row(NamedTuple):
    """One line of the matrix; a cell of None was not shown."""

    minted: Minted
    use: Use
    cells: dict[Where, Cell | None]


class Matrix:
    """Fed with every call, after the history was read for the checks."""

    def __init__(self, reading: Reading) -> None:
        timeline, tracking = reading.timeline, reading.tracking
        self._reading, self._tokens = reading, tracking.tokens
        self._snapshot_i = timeline.snapshot.i if timeline.snapshot is not None else 1 << 62
        self._replayed_i = timeline.replayed_i.get("green", 1 << 62)
        upgrade = timeline.step("upgrade")
        self._upgraded_i = upgrade.done_i if upgrade is not None and upgrade.outcome == "ok" else -2
        """Tokens of the population were minted before anything, at -1."""
        first = timeline.first_switch
        self._crossed_i = first.i if first is not None else 1 << 62
        self._wrong = {w.i for w in tracking.wrongs} | {loss.i for loss in tracking.losses.values()}
        self._wrong |= set(reading.logins.codes) | set(reading.logins.in_flight)
        self._codes: dict[str, tuple[int, str | None]] = {}
        self._cells: dict[tuple[Minted, Use, Where], Cell] = {}

    def feed(self, call: Call) -> None:
        """Take one call."""
        begun, done = call
        if done is None or done.type == "info":
            return
        if begun.f == "authorize" and done.type == "ok":
            code = (done.value or {}).get("code")
            if code is not None:
                self._codes[str(code)] = (done.i, done.route)
        use = _USE.get(begun.f)
        if use is not None and begun.token_hash is not None:
            self._count(use, begun, done)

    def rows(self) -> list[Row]:
        """Lines that any cell of shows something, by where the token was minted."""
        found = []
        for minted in MINTED:
            for use in USES:
                cells: dict[Where, Cell | None] = {where: self._cells.get((minted, use, where)) for where in WHERE}
                if any(cells.values()):
                    found.append(Row(minted, use, cells))
        return found

    def columns(self) -> list[tuple[Where, str]]:
        """(where tokens could be used in this run, how to call it); a return only if there was one."""
        seen = {where for _, _, where in self._cells}
        old, blue, early, late, again = WHERE
        found: list[tuple[Where, str]] = [(old, old)] if old in seen else []
        if self._replayed_i < 1 << 62:
            found += [(blue, blue), (early, early), (late, late)]
        else:
            found += [(blue, blue), (early, "green")]
        return [*found, (again, again)] if again in seen else found

    def _count(self, use: Use, begun: Op, done: Op) -> None:
        accepted = _accepted(use, done)
        if accepted is None:
            return
        revoked, doubtful = self._revoked(begun, done)
        if use == "revoke" and accepted:
            revoked = False  # an acknowledgement is what is shown, whatever was revoked before
        elif doubtful or (not accepted and not revoked and done.i not in self._wrong):
            return
        minted = self._minted(begun)
        if minted is None:
            return
        key = minted, use, self._where(begun, done)
        cell = self._cells.get(key)
        if cell is None:
            cell = self._cells[key] = Cell()
        if revoked:
            cell.revoked_accepted += accepted
            cell.revoked_refused += not accepted
        else:
            cell.accepted += accepted
            cell.refused += not accepted

    def _minted(self, begun: Op) -> Minted | None:
        """None: it was known, and was forgotten for the sake of memory."""
        presented = begun.token_hash or ""
        token = self._tokens.get(presented)
        if token is None and begun.f != "code" and self._may_be_forgotten(begun):
            return None
        issued_i, route = (token.issued_i, token.route) if token is not None else self._codes.get(presented, (-1, None))
        if route == "green":
            return "green"
        if issued_i < self._upgraded_i:
            return "old blue"
        return "blue, after the copy" if issued_i > self._snapshot_i else "blue, in the copy"

    def _may_be_forgotten(self, begun: Op) -> bool:
        tracking = self._reading.tracking
        stand = tracking.stands.get(begun.grant or "")
        return tracking.forgot and (stand is None or stand.refreshes > 0 or stand.created_i >= 0)

    def _where(self, begun: Op, done: Op) -> Where:
        side = done.route or self._reading.side(begun, done)
        if side == "green":
            return "green, after the replay" if self._replayed_i < begun.i else "green, before the replay"
        if begun.i < self._upgraded_i:
            return "old blue"
        return "blue, after the return" if self._crossed_i < begun.i else "blue"

    def _revoked(self, begun: Op, done: Op) -> tuple[bool, bool]:
        """Was its grant revoked before the call; can nobody say?"""
        stand: Stand | None = self._reading.tracking.stands.get(begun.grant or "")
        if stand is None or not stand.revokes:
            return False, False
        if any(r.done_i < begun.i for r in stand.revokes):
            return True, False
        return False, any(r.begun_i < done.i and r.begun_i != begun.i for r in stand.revokes)


def _accepted(use: Use, done: Op) -> bool | None:
    """Was the token accepted? None = no clear answer."""
    if use == "introspect" or use == "consent list":
        if done.type != "ok" or done.value is None:
            return None
        return bool(done.value.get("active" if use == "introspect" else "allowed"))
    if done.type == "ok":
        return True
    return False if is_refusal(done.value or {}) else None
