"""Reads from a run's history what its verdict does not say and a comparison needs."""

from __future__ import annotations

from typing import Any

from sim.checks.judge import read
from sim.checks.terms import Terms
from sim.history.history import History
from sim.report.calls import Outcomes, completed, due_s, is_proof
from sim.report.columns import Measured
from sim.report.downtime import Downtime
from sim.scenario import Scenario


def measured(history: History, scenario: Scenario) -> Measured:
    """Downtime by operation, late revocations, and the conditions under which it ran."""
    reading = read(history, Terms.of(scenario))
    outcomes, downtime = Outcomes(reading.timeline), Downtime()
    for call in completed(history):
        if not is_proof(call):
            downtime.feed(call, outcomes.of(call), due_s(call))
    return Measured(down_s={f: round(s, 3) for f, s in downtime.seconds().items()},
                    late=len({grant for grant, _ in reading.tracking.uses}), conditions=conditions(history, scenario))


def conditions(history: History, scenario: Scenario) -> dict[str, str]:
    """Name → value of what must be alike: the same seed and traffic, on as many grants."""
    told = scenario.model_dump(mode="json", by_alias=True, exclude_none=True)
    found = {"seed": str(history.header.seed), "engine": history.header.engine}
    for name in ("traffic", "population", "tokens"):
        found |= _flat(name, told.get(name))
    return found


def _flat(name: str, value: Any) -> dict[str, str]:
    if isinstance(value, dict):
        return {k: v for key, inner in value.items() for k, v in _flat(f"{name}.{key}", inner).items()}
    return {name: str(value)}
