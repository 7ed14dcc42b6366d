"""What a scenario is too small for: said before it is played, since the verdict would be unknown at its end."""

from __future__ import annotations

from math import ceil, sqrt
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sim.scenario import Scenario

LIMIT = "latency.introspect_p99_to_baseline"


def notes(scenario: Scenario) -> list[str]:
    """The scenario's own notes, and that its baseline will be too short for the latency it limits."""
    return [*scenario.notes, *_short_baseline(scenario)]


def _short_baseline(scenario: Scenario) -> list[str]:
    from sim.checks.latency import FLOOR
    from sim.checks.windows import WARM_UP_S
    from sim.traffic.arrivals import Curve

    step = next((step for step in scenario.runbook if step.kind == "baseline"), None)
    if step is None or LIMIT not in scenario.tolerate:
        return []
    shape = scenario.traffic
    rate_rps = Curve(shape.rate, shape.day, shape.begin_at).rate_rps(0.0) * shape.mix.get("introspect", 0.0)
    expected = rate_rps * max(0.0, step.for_ - WARM_UP_S)
    surely = FLOOR + 2 * sqrt(FLOOR)  # arrivals are Poisson: two standard deviations to the safe side
    if expected >= surely or rate_rps <= 0:
        return []
    enough_s = ceil(surely / rate_rps + WARM_UP_S)
    return [f"the baseline of {step.for_:g} s will see about {expected:.0f} introspections, and a 99th percentile "
            f"takes {FLOOR}: latency may be unknown at the end; --set runbook.{step.name}.for={enough_s}s gives enough"]
