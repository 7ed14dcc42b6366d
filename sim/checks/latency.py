"""Green answers as fast as the scenario allows, counted from when each operation was due.

A sender that is late measures itself: then no latency of the run means anything.
"""

from __future__ import annotations

from sim.checks.deciding import conclude, not_asked, unknown
from sim.checks.losses import Lost
from sim.checks.reached import no_crossing
from sim.checks.reading import Reading
from sim.checks.verdict import Check

NAME = "latency"

PERCENTILE = 99.0
"""Source: SCENARIO-FORMAT names introspect_p99."""
FLOOR = 500
"""Assumption: a p99 of 500 operations rests on its five slowest; fewer are an anecdote."""
MOST_LATE = 0.01
"""Source: ANCHORS, table of thresholds: a run with more than 1 % late or unsent is unknown."""


def check(reading: Reading, lost: Lost) -> Check:
    """Compare introspection after the switch with the baseline step's."""
    before, after = reading.windows.baseline.introspect, reading.windows.after.introspect
    gauges = reading.timeline.gauges
    unsent = float(next((g.value["unsent"] for g in reversed(gauges) if g.value.get("unsent") is not None), 0))
    planned = reading.planned + unsent
    late = (reading.late + unsent) / planned if planned else 0.0
    figures = {"late_share": late, "unsent": unsent}
    n_before, n_after = before.count, after.count
    if n_before:
        figures["introspect_p99_baseline"] = before.quantile_s(PERCENTILE)
    if n_after:
        figures["introspect_p99"] = after.quantile_s(PERCENTILE)
    if n_before and n_after:
        figures["introspect_p99_to_baseline"] = figures["introspect_p99"] / figures["introspect_p99_baseline"]
    if late > MOST_LATE:
        return unknown(NAME, f"{late * 100:.1f} % of the operations were sent late or not at all: our own sender "
                       "did not keep to the plan").with_figures(figures)
    limited = [f for f in ("introspect_p99_to_baseline", "introspect_p99") if reading.terms.limit(NAME, f)]
    why = no_crossing(reading) or ("" if limited else "the scenario limits no latency")
    if why:
        return not_asked(NAME, why).with_figures(figures)
    needed = min(n_before, n_after) if "introspect_p99_to_baseline" in limited else n_after
    if needed < FLOOR:
        return unknown(NAME, f"{n_before} introspections in the baseline and {n_after} after the switch: too few "
                       f"for a 99th percentile ({FLOOR} each)", evidence=needed).with_figures(figures)
    ratio = figures.get("introspect_p99_to_baseline")
    told = f"introspect p99 {figures['introspect_p99'] * 1000:.1f} ms" + (
        f", ×{ratio:.2f} of the baseline's" if ratio is not None else "")
    return conclude(NAME, reading.terms, figures, evidence=n_after, floor=FLOOR, held=told,
                    broken={f: told for f in limited})
