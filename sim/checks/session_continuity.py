"""A refresh chain that was alive before the switch can be continued after it."""

from __future__ import annotations

from collections import Counter

from sim.checks.deciding import conclude
from sim.checks.losses import Lost
from sim.checks.reached import off
from sim.checks.reading import Reading
from sim.checks.verdict import Check

NAME = "session_continuity"

FLOOR = 50
"""Assumption: fifty chains continued or read by key; under 3 refreshes a second that is a soak of
20 s, and the reading by key alone is worth thousands."""


def check(reading: Reading, lost: Lost) -> Check:
    """Count lost chains once: by key on both databases, and by what clients met."""
    tracking, crossed = reading.tracking, reading.timeline.crossed
    refreshed = tracking.refreshed_after_switch if crossed else tracking.refreshed
    unsure = ""
    poisoned = reading.timeline.measured("poisoned") or {}
    if crossed and not lost.chains_read and not reading.terms.in_place and not off(reading, "verify"):
        unsure = "the chains have not been read by key on both databases"
    total = max(lost.live_chains, lost.chains_count) if lost.chains_read else 0
    figures = {
        "lost_chains": float(lost.chains_count), "refresh_refused": float(len(lost.refused)),
        "live_chains": float(lost.live_chains),
    }
    if poisoned:
        figures["poisoned"] = float(poisoned.get("count", 0))
    sample = _sample(reading) if not lost.refused else {}
    figures |= sample
    at_least = {"lost_chains": float(lost.chains_sure)}
    if total:
        figures["lost_share"], at_least["lost_share"] = lost.chains_count / total, lost.chains_sure / total
        if (minutes := reading.timeline.window_s / 60) > 0:
            figures["lost_share_a_minute"] = figures["lost_share"] / minutes
            at_least["lost_share_a_minute"] = at_least["lost_share"] / minutes
    losses = [tracking.losses[g] for g in lost.chains if g in tracking.losses]
    first = min(losses, default=None)
    said = {}
    if lost.chains_count:
        said["lost_chains"] = f"{lost.chains_count} of {total or 'all'} live chains can not be continued"
        if first is not None:
            said["lost_chains"] += (f"; the first to meet it was {first.process} at {first.t_s:.1f} s, refused by "
                                    f"{first.route} with the newest refresh token it had")
    if lost.refused:
        said["refresh_refused"] = (f"{len(lost.refused)} chains that live in the database were refused to clients with "
                                   f"the newest token they had: {_by_persona(reading, lost.refused)}")
    if poisoned.get("count"):
        named = ", ".join(str(g) for g in poisoned.get("grants", ())[:3])
        said["poisoned"] = f"{poisoned['count']} grants lost their subject in the database, such as {named}"
    return conclude(
        NAME, reading.terms, figures, evidence=lost.live_chains + refreshed, floor=FLOOR, unsure=unsure,
        totals={"lost_chains": float(total)}, at_least=at_least, broken=said,
        held=(f"{lost.chains_count} chains lost of {lost.live_chains} alive, {refreshed} refreshes answered"
              if lost.chains_read else f"{refreshed} refreshes answered, {lost.chains_count} chains lost")
        + (f"; {sample['sampled']:.0f} unused ones asked: at most {sample['sample_bound'] * 100:.1f} % are bad"
           if sample else ""),
        witnesses=[loss.i for loss in losses])


def _sample(reading: Reading) -> dict[str, float]:
    """How many unused chains the verify step continued, and what that excludes; {} if it did not."""
    verify = reading.timeline.step("verify")
    if verify is None or verify.outcome != "ok" or not verify.figures.get("sampled"):
        return {}
    return {"sampled": float(verify.figures["sampled"]), "sample_bound": float(verify.figures["sample_bound"])}


def _by_persona(reading: Reading, grants: set[str]) -> str:
    """Who met the refusals: `mcp 9, cli 4`; an actor's name begins with its persona."""
    met = Counter(reading.tracking.losses[g].process.partition("-")[0] for g in grants)
    return ", ".join(f"{persona} {count}" for persona, count in met.most_common())
