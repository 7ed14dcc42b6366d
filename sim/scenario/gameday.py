"""A game day: roles, goals and the facilitator's card of surprises.

A surprise is a fault like any other (same keys, same rules, same road through the nemesis) that
the players are not told of, with what the facilitator hopes they do about it.
"""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, WithJsonSchema, field_validator

from sim.history.gameday import FACILITATOR
from sim.scenario.faults import Fault, Guard
from sim.scenario.messages import suggest
from sim.scenario.quantities import Duration
from sim.scenario.steps import Strict

FOLLOWED = ("availability.failed_share", "availability.shed", "latency.introspect_p99")
"""Figures that can be said of each second by itself, so that one can see them come back to their baseline."""

ROLES = {"lead": "decides and approves", "operator": "acts", "scribe": "writes notes", FACILITATOR: "injects"}
"""Who takes part, unless the scenario or the card says otherwise."""


class Surprise(Fault):
    """A line of the card."""

    noticed_in: Duration | None = None
    """Seconds in which somebody should have noticed it; None = no goal."""
    hope: str = ""
    """What the facilitator hopes the team does."""
    guard: Annotated[str | None, WithJsonSchema({"enum": list(FOLLOWED)})] = None
    """The figure that says when all is well again; None = the first guard's that can be followed, else failures."""

    @field_validator("guard")
    @classmethod
    def _followed(cls, guard: str | None) -> str | None:
        if guard is not None and guard not in FOLLOWED:
            raise ValueError(f"`{guard}` cannot be followed second by second: write one of {', '.join(FOLLOWED)}"
                             if guard.count(".") == 1 else
                             f"`{guard}` is not a figure: {suggest(guard, FOLLOWED, what='there are')}")
        return guard


class GameDay(Strict):
    """Who plays, what for, and what will go wrong."""

    roles: dict[str, str] = Field(default_factory=lambda: dict(ROLES))
    """Role → what it does. The facilitator is one of them whether it is written or not."""
    goals: list[str] = Field(default_factory=list)
    card: list[Surprise] = Field(default_factory=list)

    @field_validator("roles")
    @classmethod
    def _with_facilitator(cls, roles: dict[str, str]) -> dict[str, str]:
        return roles if FACILITATOR in roles else {**roles, FACILITATOR: ROLES[FACILITATOR]}


def watched(fault: Fault | None, guards: list[Guard]) -> str:
    """The figure whose return to its baseline means that a fault (None: one ordered on the spot) is overcome."""
    own = fault.guard if isinstance(fault, Surprise) else None
    return own or next((g.figure for g in guards if g.figure in FOLLOWED), FOLLOWED[0])
