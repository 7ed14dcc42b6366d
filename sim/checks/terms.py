"""What the scenario asks of the checks, read once: limits, and which jobs the runbook has.

The checks see the scenario only through this, so a history can be judged under other terms.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, NamedTuple

import msgspec

from sim.checks.windows import WARM_UP_S
from sim.history.figures import FIGURES

if TYPE_CHECKING:  # the screen's first frame waits for no pydantic model
    from sim.scenario.model import Scenario

LONGEST_GAP_S = 1.0
"""Source: the case's online upgrade counts as held if nothing stands still for more than a second."""


class Limit(NamedTuple):
    """How much of a figure is allowed."""

    max: float | Literal["all"]
    unit: str
    because: str = ""
    written: bool = False
    """False: nothing was written, the limit is the rule's own."""


class Terms(msgspec.Struct, frozen=True, kw_only=True):
    """A scenario as the checks see it."""

    slug: str
    seed: int = 0
    limits: dict[str, Limit] = {}
    """`check.figure` → what the scenario wrote, or its own key (stack.edge.buffer) says."""
    roles: frozenset[str] = frozenset()
    """Kinds of steps in the runbook; a step of one's own counts as what it stands for."""
    faults: tuple[str, ...] = ()
    """Names of the planned faults (by hand ones are not planned)."""
    refresh_s: float = 720 * 3600.0
    """Lifetime of refresh tokens."""
    buffer_s: float = 3.0
    """How long the edge lets a request wait."""
    in_place: bool = False
    """Both sides use one database: nothing can be left behind in the other."""
    compared_s: float = 0.0
    """Seconds of the baseline, and of the first soak on green, in which the two Hydras are compared; 0 = not at all."""
    cleanup_job: bool = False
    """Authz' periodic cleanup job is on."""
    cookie_ends: bool = True
    """The new Hydra can not read the old one's browser cookie (1.x to 2.x renames and encrypts it)."""

    @classmethod
    def of(cls, scenario: Scenario) -> Terms:
        """Read them from a scenario."""
        limits = {name: Limit(t.max, t.unit, t.because, True) for name, t in scenario.tolerate.items()}
        limits.setdefault("availability.longest_buffering",
                          Limit(scenario.stack.edge.buffer, "s", "stack.edge.buffer"))
        if scenario.in_place:  # where the database that serves is changed; else only if the scenario says so
            limits.setdefault("availability.longest_gap", Limit(LONGEST_GAP_S, "s", "nobody should notice"))
        share = limits.get("availability.failed_share")
        if share is not None and "availability.failed" not in limits:
            limits["availability.failed"] = share
        steps = scenario.runbook
        return cls(
            slug=scenario.slug, seed=scenario.seed or 0, limits=limits,
            roles=frozenset(step.role for step in steps),
            faults=tuple(f.name for f in scenario.every_fault if f.at != "by hand"),
            buffer_s=scenario.stack.edge.buffer,
            refresh_s=scenario.tokens.refresh, in_place=scenario.in_place,
            compared_s=_compared_s(scenario),
            cleanup_job=scenario.stack.authz.cleanup is not None,
            cookie_ends=_major(scenario.stack.blue.hydra) < 2 <= _major(scenario.stack.green.hydra),
        )

    def limit(self, check: str, figure: str) -> Limit | None:
        """The figure's limit; None if it has none (and can break nothing)."""
        written = self.limits.get(f"{check}.{figure}")
        if written is not None:
            return written
        known = FIGURES[check][figure]
        return Limit(0.0, known.unit) if known.judged == "always" else None


def _compared_s(scenario: Scenario) -> float:
    """What both the baseline and the first soak after the switch have, once they are warm."""
    kinds = [step.role for step in scenario.runbook]
    if "baseline" not in kinds or "soak" not in kinds:
        return 0.0
    switched = kinds.index("cutover") if "cutover" in kinds else 0
    soak = next((step for step in scenario.runbook[switched:] if step.role == "soak"), None)
    baseline = next(step for step in scenario.runbook if step.role == "baseline")
    return max(0.0, min(baseline.least_s, soak.least_s) - WARM_UP_S) if soak is not None else 0.0


def _major(version: str) -> int:
    """1 of `1.11.10`, 26 of `v26.2.0`."""
    return int(version.lstrip("v").split(".")[0])
