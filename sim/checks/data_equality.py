"""The copy holds exactly blue's keys as of its snapshot."""

from __future__ import annotations

from sim.checks.deciding import conclude, not_asked
from sim.checks.losses import Lost
from sim.checks.reached import off
from sim.checks.reading import Reading
from sim.checks.verdict import Check

NAME = "data_equality"

FLOOR = 1
"""The comparison is complete; a copy without a single key shows nothing."""


def check(reading: Reading, lost: Lost) -> Check:
    """Read the comparison that was taken under the copy's own snapshot."""
    why = off(reading, "copy")
    if why:
        return not_asked(NAME, why)
    rows = reading.timeline.measured("equality")
    asked = reading.timeline.asked("equality")
    keys, different = int((rows or {}).get("keys", 0)), int((rows or {}).get("different", 0))
    tables = [t for t, v in ((rows or {}).get("tables") or {}).items() if not v.get("equal", True)]
    return conclude(
        NAME, reading.terms, {"different": float(different or len(tables))}, evidence=keys, floor=FLOOR,
        unsure="" if rows is not None else "the copy has not been compared with blue",
        held=f"{keys} keys of the copy are those of blue",
        broken={"different": f"{different} keys are on one side only, in {', '.join(sorted(tables)) or 'the copy'}"},
        witnesses=[asked.done_i] if asked is not None and asked.done_i >= 0 else [])
