"""The copy is blue's as of its snapshot, and every row of it is accounted for after the migration.

Kept, merged into a flow, set aside by the cleanup (its manifest names it), or lost. Keys are compared, no
counts. The migrated schema is the one that a fresh installation has.
"""

from __future__ import annotations

from typing import Any

from sim.checks.deciding import conclude, not_asked
from sim.checks.losses import Lost
from sim.checks.reached import off
from sim.checks.reading import Reading
from sim.checks.verdict import Check

NAME = "data_equality"

FLOOR = 1
"""The comparison is complete; a copy without a single key shows nothing."""


def check(reading: Reading, lost: Lost) -> Check:
    """Read the comparisons: under the copy's own snapshot, at the migration's end, of the schema."""
    why = off(reading, "copy")
    if why:
        return not_asked(NAME, why)
    timeline = reading.timeline
    rows = timeline.measured("equality")
    keys, different = int((rows or {}).get("keys", 0)), int((rows or {}).get("different", 0))
    tables = [t for t, v in ((rows or {}).get("tables") or {}).items() if not v.get("equal", True)]
    after: dict[str, Any] | None = timeline.measured("accounted")
    schema: dict[str, Any] | None = timeline.measured("schema")
    fate, form = after or {}, schema or {}
    missing, names = int(fate.get("lost", 0)), [str(n) for n in fate.get("names", ())]
    wrong, wrongs = int(form.get("different_count", 0)), [str(n) for n in form.get("different", ())]
    figures = {"different": float(different or len(tables))}
    if after is not None:
        figures |= {what: float(fate.get(what, 0)) for what in ("lost", "kept", "merged", "cleaned")}
    if schema is not None:
        figures["schema"] = float(wrong)
    unsure = ""
    if rows is None:
        unsure = "the copy has not been compared with blue"
    elif after is None and timeline.asked("accounted"):
        unsure = "nobody accounted for the copy's rows after the migration"
    elif schema is None and timeline.asked("schema"):
        unsure = "the migrated schema has not been compared with a fresh one"
    told = (f"; after the migration {figures['kept']:.0f} kept, {figures['merged']:.0f} merged into flows, "
            f"{figures['cleaned']:.0f} set aside, none lost" if after is not None else "")
    fresh = f"; {int(form.get('objects', 0))} objects of the schema as in a fresh one" if schema is not None else ""
    spans = [timeline.asked(question) for question in ("equality", "accounted", "schema")]
    return conclude(
        NAME, reading.terms, figures, evidence=keys, floor=FLOOR, unsure=unsure,
        held=f"{keys} keys of the copy are those of blue{told}{fresh}",
        broken={"different": f"{different} keys are on one side only, in {', '.join(sorted(tables)) or 'the copy'}",
                "lost": f"{missing} rows of the copy are neither on green nor in the cleanup's manifest"
                + (f", such as {names[0]}" if names else ""),
                "schema": f"{wrong} objects of the schema are not as in a fresh one"
                + (f": {wrongs[0]}" if wrongs else "")},
        witnesses=[s.done_i for s in spans if s is not None and s.done_i >= 0])
