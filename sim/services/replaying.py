"""What the replayer does about each captured revocation: decided from the messages alone.

Messages come in any order, more than once, and late. `Collected` takes them in; `plan` says
for each intent what to do. Both are independent of order and of duplicates, so a replay can be
repeated and interrupted at will.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Literal

from sim.services.revocations import BadMessage, Intent, Said, decode_intent, decode_outcome

Action = Literal["apply", "settle", "skip"]
Effect = Literal["replayed", "void", "skipped"]


@dataclass(frozen=True, slots=True)
class Case:
    """One intent and what is to be done about it."""

    intent: Intent
    outcome: Said | None
    """None: no outcome was ever stored. A store that timed out and came late, or an edge that died."""
    action: Action
    """settle: ask the source's rows which of the grants are dead there, and apply those."""
    why: str


@dataclass(slots=True)
class Collected:
    """Everything the queue held for one direction."""

    intents: dict[str, Intent] = field(default_factory=dict)
    outcomes: dict[str, Said] = field(default_factory=dict)
    duplicates: int = 0
    """Messages that said again what was known."""
    unreadable: int = 0

    def take(self, subject: str, data: bytes) -> None:
        """One message of the stream; what can't be read is counted, not dropped in silence."""
        try:
            if subject.startswith("revocation.intent."):
                intent = decode_intent(data)
                self.duplicates += intent.id in self.intents
                self.intents.setdefault(intent.id, intent)
            else:
                outcome = decode_outcome(data)
                self.duplicates += outcome.id in self.outcomes
                self.outcomes[outcome.id] = _stronger(self.outcomes.get(outcome.id), outcome.outcome)
        except BadMessage:
            self.unreadable += 1

    @property
    def unexpected(self) -> int:
        """Outcomes nobody announced, and messages nobody can read."""
        return self.unreadable + sum(id not in self.intents for id in self.outcomes)

    def cases(self) -> list[Case]:
        """One per intent, oldest first; ties by id."""
        ordered = sorted(self.intents.values(), key=lambda intent: (intent.at, intent.id))
        return [_case(intent, self.outcomes.get(intent.id)) for intent in ordered]


@dataclass(frozen=True, slots=True)
class Applied:
    """One line of the replayer's `records`."""

    id: str
    kind: str
    request_ids: list[str]
    outcome: str
    """confirmed, refused, unknown, or `none`."""
    effect: Effect
    why: str


def _case(intent: Intent, outcome: Said | None) -> Case:
    if outcome == "refused":
        return Case(intent, outcome, "skip", "refused by Hydra")
    if outcome == "confirmed":
        if intent.kind in ("access", "refresh") and intent.request_ids and intent.owner != intent.client:
            return Case(intent, outcome, "skip", "asked by a client that does not own the grant")
        return Case(intent, outcome, "apply", "confirmed")
    if outcome == "unknown":
        return Case(intent, outcome, "settle", "outcome unknown")
    return Case(intent, outcome, "settle", "no outcome")


def _stronger(known: Said | None, new: Said) -> Said:
    """Of two different words about one intent the same one wins in either order."""
    rank: dict[Said, int] = {"unknown": 0, "refused": 1, "confirmed": 2}
    return new if known is None or rank[new] > rank[known] else known


def grants_of(cases: Iterable[Case]) -> list[str]:
    """The distinct request_ids of `cases`, sorted."""
    return sorted({request_id for case in cases for request_id in case.intent.request_ids})
