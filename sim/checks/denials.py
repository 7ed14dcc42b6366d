"""403s for good tokens: authz said no although Hydra called the token active.

Kept by when they came, because a job's damage shows as a rise after it and its mending as an end.
"""

from __future__ import annotations

import msgspec

from sim.checks.timeline import Timeline
from sim.history.op import Op

NOT_KNOWN = ("consent_not_listed", "grant_not_known")
"""Authz' reasons for a no to an active token with enough scope."""


class Denial(msgspec.Struct, frozen=True):
    """One answer of authz about an active token of a person's grant."""

    begun_i: int
    done_i: int
    denied: bool


class Denials:
    """Fed with every answer of authz."""

    def __init__(self) -> None:
        self.answers: list[Denial] = []

    def answered(self, begun: Op, done: Op) -> None:
        """Take an answer; those about dead tokens say nothing here."""
        value = done.value or {}
        denied = not value.get("allowed")
        if not denied or value.get("why") in NOT_KNOWN:
            self.answers.append(Denial(begun.i, done.i, denied))

    def between(self, first_i: float, last_i: float) -> tuple[list[int], int]:
        """(completions of the 403s asked for after `first_i` and before `last_i`, how many answers there were)."""
        some = [a for a in self.answers if first_i < a.begun_i < last_i]
        return [a.done_i for a in some if a.denied], len(some)


def restored_i(timeline: Timeline) -> float:
    """Index from which a restore was done; infinite if there was none."""
    step = timeline.step("restore")
    return step.done_i if step is not None and step.outcome == "ok" else float("inf")
