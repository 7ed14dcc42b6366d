"""What clients stored from discovery stays true, and the keys they trust stay published."""

from __future__ import annotations

from sim.checks.deciding import conclude
from sim.checks.losses import Lost
from sim.checks.reading import Reading
from sim.checks.verdict import Check

NAME = "discovery_continuity"

FLOOR = 2
"""Assumption: the document and the key set, each compared once with what they were before."""


def check(reading: Reading, lost: Lost) -> Check:
    """Compare discovery and keys with the first answers, and count ID tokens that do not verify."""
    published, crossed = reading.published, reading.timeline.crossed
    compared = published.compared_after if crossed else published.compared
    figures = {"changed": float(len(published.changed)),
               "unverified": float(len(published.gone) + len(published.unverified)),
               "left": float(len(published.left))}
    said = {
        "changed": "discovery differs in " + ", ".join(sorted(published.changed)),
        "unverified": f"{len(published.gone)} signing keys are no longer published, {len(published.unverified)} "
                      "ID tokens do not verify",
        "left": f"{len(published.left)} ID tokens that green signed do not verify since blue serves again",
    }
    return conclude(
        NAME, reading.terms, figures, evidence=compared + published.verified, floor=FLOOR,
        unsure="" if compared else "discovery was not asked again" + (" after the switch" if crossed else ""),
        held=f"issuer, endpoints and {len(published.kids)} keys as before; {published.verified} ID tokens verified",
        broken=said,
        witnesses=[*published.changed.values(), *published.gone.values(), *published.unverified])
