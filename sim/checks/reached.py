"""Was the step that a check needs part of the runbook, and did the run come to it?"""

from __future__ import annotations

from sim.checks.reading import Reading


def off(reading: Reading, role: str) -> str:
    """Why a check that needs this step is not asked, or "" if it is."""
    if role not in reading.terms.roles:
        return f"the runbook has no {role} step"
    step = reading.timeline.step(role)
    if reading.timeline.ended in ("rolled_back", "failed") and (step is None or step.outcome != "ok"):
        return f"the run ended before {role} was done"
    return ""


def no_crossing(reading: Reading) -> str:
    """Why a check about the crossing to green is not asked, or "" if it is."""
    if "cutover" not in reading.terms.roles:
        return "the runbook has no cutover"
    if not reading.timeline.crossed and reading.timeline.ended in ("rolled_back", "failed"):
        return "green never served: the run ended before the switch"
    return ""
