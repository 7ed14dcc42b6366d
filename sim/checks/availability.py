"""Everybody gets a usable answer; what is refused on purpose is counted apart."""

from __future__ import annotations

from sim.checks.deciding import conclude
from sim.checks.losses import Lost
from sim.checks.reading import Reading
from sim.checks.terms import LONGEST_GAP_S
from sim.checks.verdict import WITNESSES, Check

NAME = "availability"

FLOOR = 500
"""Assumption: five hundred operations: four seconds of the trough's rate."""


def check(reading: Reading, lost: Lost) -> Check:
    """Count failed and shed operations, by operation in the sentence."""
    by_f = reading.counted
    total = sum(c.total for c in by_f.values())
    failed = sum(c.failed for c in by_f.values())
    shed = sum(c.shed for c in by_f.values())
    buffered_s = min(_buffered_s(reading), reading.terms.buffer_s)
    over = reading.timeline.ended != "running"
    gap_s, gap = reading.gaps.longest(_bufferings(reading), reading.last_s, over=over)
    figures = {
        "failed": float(failed), "failed_share": failed / total if total else 0.0, "shed": float(shed),
        "kept_failures": float(len(reading.kept.seen)),
        "users_refused": float(len(reading.refusals.people)),
        "longest_refusal": reading.refusals.longest_s(reading.last_s),
        "longest_gap": gap_s,
        "longest_buffering": max(reading.longest_buffering_s, 0.0 if reading.said_waits else buffered_s),
    }
    parts = ", ".join(f"{f} {c.failed} of {c.total}" for f, c in sorted(by_f.items()) if c.failed)
    most = reading.failed_text.most_common(1)
    said = {
        "failed": f"{failed} of {total} operations failed ({parts})" + (f"; mostly {most[0][0]}" if most else ""),
        "kept_failures": f"{len(reading.kept.seen)} refreshes were answered with an earlier exchange's failure: "
        "the edge keeps what it must not",
        "longest_gap": f"for {gap_s:.1f} s {gap.f} was asked for and nobody got an answer, from {gap.from_s:.1f} s on"
        if gap is not None else "",
        "shed": "shed on purpose: " + ", ".join(f"{f} {c.shed}" for f, c in sorted(by_f.items()) if c.shed)
        + (f"; {figures['users_refused']:.0f} people could not revoke, one of them for "
           f"{figures['longest_refusal']:.1f} s" if reading.refusals.people else ""),
    }
    witnesses = [*reading.failed_i, *reading.shed_i, *reading.kept.seen[:WITNESSES]]
    if gap is not None and gap.i >= 0 and gap_s > LONGEST_GAP_S:
        witnesses.append(gap.i)
    limit = reading.terms.limit(NAME, "longest_buffering")
    if limit is not None and limit.max != "all" and reading.longest_buffering_s > limit.max:
        witnesses.append(reading.longest_buffering_i)
    return conclude(
        NAME, reading.terms, figures, evidence=total, floor=FLOOR, broken=said,
        at_least={"longest_buffering": reading.longest_buffering_s},
        totals={"failed": float(total), "shed": float(total)},
        held=f"{failed} failed and {shed} shed of {total} operations; buffered at most "
        f"{figures['longest_buffering']:.1f} s, {gap_s:.1f} s without an answer at most",
        witnesses=witnesses)


def _buffered_s(reading: Reading) -> float:
    """The longest time the edge buffered: no request waited longer, nor longer than it may."""
    return max((b - a for a, b in _bufferings(reading)), default=0.0)


def _bufferings(reading: Reading) -> list[tuple[float, float]]:
    """(from, to) of each time the edge buffered, in seconds of the history."""
    spans: list[tuple[float, float]] = []
    began_s: float | None = None
    for state in reading.timeline.states:
        if state.value.get("state") == "BUFFERING":
            began_s = state.t_s
        elif began_s is not None:
            spans.append((began_s, state.t_s))
            began_s = None
    return spans
