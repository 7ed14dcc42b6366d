"""A remembered consent of the copy is usable on green: nobody is asked again."""

from __future__ import annotations

from sim.checks.deciding import conclude, not_asked
from sim.checks.losses import Lost
from sim.checks.reached import no_crossing, off
from sim.checks.reading import Reading
from sim.checks.verdict import Check

NAME = "consent_continuity"

FLOOR = 20
"""Assumption: twenty remembered consents; any population worth the name has thousands."""


def check(reading: Reading, lost: Lost) -> Check:
    """Count missing consents by key, and people asked again."""
    why = no_crossing(reading) or off(reading, "verify")
    if why:
        return not_asked(NAME, why)
    logins = reading.logins
    rows = reading.timeline.measured("consents")
    missing = int((rows or {}).get("missing_count", 0))
    present = int((rows or {}).get("present", 0))
    names = [str(g) for g in (rows or {}).get("missing", ())]
    figures = {"missing": float(missing), "not_remembered": float(len(logins.asked_again))}
    asked = reading.timeline.asked("consents")
    return conclude(
        NAME, reading.terms, figures, evidence=present + missing + logins.remembered, floor=FLOOR,
        unsure="" if rows is not None or (reading.terms.in_place and asked is None)
        else "the consents have not been read by key on green",
        held=f"{present} remembered consents are usable on green" if rows is not None
        else f"{logins.remembered} people were not asked again",
        broken={"missing": f"{missing} remembered consents are not usable on green"
                + (f", such as {names[0]}" if names else ""),
                "not_remembered": f"{len(logins.asked_again)} people were asked again for a consent they had given"},
        witnesses=[*logins.asked_again, *([asked.done_i] if asked is not None and missing else [])])
