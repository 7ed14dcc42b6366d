"""Grant by grant, what the checks know: the ledger's rows, trouble first."""

from __future__ import annotations

from typing import NamedTuple

from sim.checks.standing import Stand, Use
from tui import words
from tui.ink import Role
from tui.state import Shown

RENEW_S = 1.0
"""Assumption: a list of tens of thousands is made anew at most once a second of the run."""


class Entry(NamedTuple):
    """One grant's row."""

    grant: str
    order: int
    """Trouble has the lower number."""
    mark: str
    word: str
    role: Role
    made: str
    refreshes: int
    revoked: str
    capture: str
    told: str
    """What the filter looks through."""


class Ledgered:
    """The rows, kept until something happened."""

    def __init__(self) -> None:
        self.filter = ""
        self._rows: list[Entry] = []
        self._of: tuple[object, float, str] = (None, -1.0, "")

    def rows(self, shown: Shown) -> list[Entry]:
        """The grants that pass the filter, trouble first, then the newest revocation."""
        reading = shown.reading_of_checks
        if reading is None:
            return []
        key = (shown, shown.now_s // RENEW_S, self.filter)
        if key != self._of:
            self._of = key
            wanted = self.filter.lower().split()
            uses: dict[str, list[Use]] = {}
            for (grant, _), use in reading.tracking.uses.items():
                uses.setdefault(grant, []).append(use)
            snapshot = reading.timeline.snapshot
            snapshot_i = snapshot.i if snapshot is not None else -1
            made = [
                entry(grant, stand, uses.get(grant, []), snapshot_i, reading.timeline.switched_i)
                for grant, stand in reading.tracking.stands.items()
            ]
            self._rows = [e for e in made if all(w in e.told for w in wanted)]
            self._rows.sort(key=lambda e: (e.order, e.revoked == "", e.grant))
        return self._rows


def entry(grant: str, stand: Stand, uses: list[Use], snapshot_i: int, switched_i: int) -> Entry:
    """One grant in words."""
    made = "seeded" if stand.created_i < 0 else f"on {stand.created_route or '?'}"
    if stand.created_i >= 0 and 0 <= snapshot_i < stand.created_i and stand.created_route == "blue":
        made += ", after the copy"
    revoked = capture = ""
    if stand.revokes:
        last = stand.revokes[-1]
        revoked = f"{words.instant(last.done_s, tenths=True)} {last.kind} on {last.route or '?'}"
        if last.capture is not None:
            capture = f"#{last.capture}"
        elif last.route == "blue" and 0 <= snapshot_i < last.done_i and not 0 <= switched_i < last.done_i:
            capture = "none"
    order, mark, word, role = _state(stand, uses, capture)
    told = f"{grant} {word} {made} {revoked} {'captured' if capture.startswith('#') else ''}".lower()
    return Entry(grant, order, mark, word, role, made, stand.refreshes, revoked, capture, told)


def _state(stand: Stand, uses: list[Use], capture: str) -> tuple[int, str, str, Role]:
    if uses:
        count = sum(use.count for use in uses)
        return 0, "✗", f"let in {count}× after", "bad"
    if stand.lost is not None:
        why = {"new_grant": "made after the copy", "rotated": "rotated after the copy"}.get(stand.lost.cause, "refused")
        return 1, "✗", f"lost: {why}", "ask" if stand.lost.cause else "bad"
    if stand.doubt:
        return 2, "?", "revoke without answer", "ask"
    if stand.revokes:
        return (3, "?", "revoked, no capture", "ask") if capture == "none" else (4, "–", "revoked", "")
    if stand.sheds:
        return 3, "?", "revoke was shed", "ask"
    return 6 if stand.created_i < 0 else 5, "○", "live", ""
