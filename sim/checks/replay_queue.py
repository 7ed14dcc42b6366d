"""Every captured revocation is replayed, or there was nothing to do for it: captured = replayed + void."""

from __future__ import annotations

from typing import Any

from sim.checks.deciding import conclude, not_asked, unknown
from sim.checks.losses import Lost
from sim.checks.reached import off
from sim.checks.reading import Reading
from sim.checks.verdict import Check

NAME = "replay_queue"

FLOOR = 20
"""Assumption: as many as the check revocation wants to see."""


def check(reading: Reading, lost: Lost) -> Check:
    """Balance the replayer's own account with what clients were told."""
    if "capture" not in reading.terms.roles:
        return not_asked(NAME, "the runbook has no capture step")
    why = off(reading, "replay")
    if why:
        return not_asked(NAME, why)
    step = reading.timeline.step("replay")
    if step is None or step.outcome != "ok":
        return unknown(NAME, f"{reading.captured_acks} captured, not replayed yet", evidence=reading.captured_acks)
    account: dict[str, Any] = step.figures
    if "captured" not in account:
        return unknown(NAME, "the replay said nothing of what it captured and replayed", witnesses=[step.done_i])
    captured, replayed = int(account.get("captured", 0)), int(account.get("replayed", 0))
    # Skipped: refused by blue, or alive on blue although nobody knows what blue answered.
    void = int(account.get("void", 0)) + int(account.get("skipped", 0))
    figures = {
        "captured": float(captured), "replayed": float(replayed), "void": float(void),
        "lost": float(max(0, captured - replayed - void) + max(0, reading.captured_acks - captured)),
        "duplicated": float(max(0, replayed + void - captured) + reading.shared_captures),
        "unexpected": float(account.get("unexpected", 0)),
        "uncaptured": float(len(reading.uncaptured_i)),
    }
    said = {
        "lost": f"{figures['lost']:.0f} revocations are lost: {reading.captured_acks} acknowledged as captured, "
                f"{captured} in the queue, {replayed} replayed, {void} void",
        "unexpected": f"{figures['unexpected']:.0f} replayed records belong to no revocation",
    }
    return conclude(
        NAME, reading.terms, figures, evidence=captured, floor=FLOOR, broken=said,
        held=f"{captured} captured = {replayed} replayed + {void} void", witnesses=[step.done_i])
