"""After a return to blue, blue is proven well: every undo succeeded and it serves everybody."""

from __future__ import annotations

from sim.checks.deciding import conclude, not_asked
from sim.checks.losses import Lost
from sim.checks.reading import Reading
from sim.checks.verdict import Check

NAME = "rollback"

FLOOR = 1
"""One proof of blue after the last undo."""


def check(reading: Reading, lost: Lost) -> Check:
    """Count undos and proofs that failed."""
    timeline = reading.timeline
    if timeline.ended != "rolled_back" and not timeline.undos and not timeline.proofs_well:
        return not_asked(NAME, "no rollback was needed")
    failed = [s for s in (*timeline.undos, *timeline.proofs_well) if s.outcome == "fail"]
    unclear = [s for s in (*timeline.undos, *timeline.proofs_well) if s.outcome in ("info", "open")]
    proven = [s for s in timeline.proofs_well if s.outcome == "ok"]
    first = failed[0] if failed else None
    return conclude(
        NAME, reading.terms, {"not_well": float(len(failed))}, evidence=len(proven), floor=FLOOR,
        unsure=f"nobody knows how {unclear[0].name} ended" if unclear else "",
        held=f"{len(timeline.undos)} steps undone, blue proven well",
        broken={"not_well": f"{first.name}: {first.error or 'failed'}"} if first is not None else {},
        witnesses=[s.done_i for s in (*failed, *unclear) if s.done_i >= 0])
