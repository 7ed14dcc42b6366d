"""Every link was proven to lead where it says, every fault to do what it says, and to be taken off.

What was not proven has shown nothing, so this check is held or unknown, never broken.
"""

from __future__ import annotations

from sim.checks.deciding import unknown
from sim.checks.losses import Lost
from sim.checks.reading import Reading
from sim.checks.timeline import Span
from sim.checks.verdict import Check

NAME = "fault_proof"


def check(reading: Reading, lost: Lost) -> Check:
    """Count links and faults without a proof, and faults that stayed."""
    timeline = reading.timeline
    links = {s.name: s for s in timeline.links}
    unproven = [f"link {name}" for name, s in links.items() if not proven(s)]
    tried = [s for s in timeline.faults if not _refused(s, timeline.heals)]
    unproven += [f"fault {s.name}" for s in tried if s.outcome != "open" and not proven(s)]
    made = {s.name for s in timeline.faults}
    if timeline.ended == "completed":
        unproven += [f"fault {name}, never made" for name in reading.terms.faults if name not in made]
    unhealed = [s for s in timeline.faults if s.outcome == "ok" and not healed(s, timeline.heals)]
    figures = {"unproven": float(len(unproven)),
               "unhealed": float(len(unhealed)) if timeline.ended != "running" else 0.0}
    evidence = len(links) - sum(u.startswith("link ") for u in unproven) + sum(proven(s) for s in timeline.faults)
    failed = [s.done_i for s in (*links.values(), *tried) if s.done_i >= 0 and not proven(s)]
    if unproven:
        said = f"{len(unproven)} not proven: {', '.join(unproven[:5])}"
    elif not links:
        said = "no link was proven"
    elif figures["unhealed"]:
        said = f"not taken off: {', '.join(s.name for s in unhealed[:5])}"
    else:
        return Check(name=NAME, verdict="held", evidence=evidence, figures=figures,
                     summary=f"{len(links)} links proven, {len(tried)} faults proven and healed")
    return unknown(NAME, said, evidence=evidence, witnesses=failed).with_figures(figures)


def proven(span: Span) -> bool:
    """It was seen in effect."""
    return span.outcome == "ok" and bool(span.value.get("proven"))


def _refused(fault: Span, heals: list[Span]) -> bool:
    """Somebody ordered what could surely not be made, and it is surely off: nothing was to be shown."""
    return fault.outcome == "fail" and bool(fault.value.get("by")) and healed(fault, heals)


def healed(fault: Span, heals: list[Span]) -> bool:
    """It was taken off."""
    return any(h.name == fault.name and h.i > fault.i and h.outcome == "ok" for h in heals)
