"""What was granted on blue after the copy's snapshot is known to green, or is counted as lost."""

from __future__ import annotations

from sim.checks.deciding import conclude, not_asked
from sim.checks.losses import Lost
from sim.checks.reached import no_crossing, off
from sim.checks.reading import Reading
from sim.checks.verdict import Check

NAME = "write_loss"

FLOOR = 5
"""Assumption: five grants made in the window; at 146 operations a second with 2 % authorizations
that is two seconds."""


def check(reading: Reading, lost: Lost) -> Check:
    """Count grants that only the stack no longer serving knows."""
    why = "both sides use one database" if reading.terms.in_place else no_crossing(reading)
    if why:
        return not_asked(NAME, why)
    tracking, timeline = reading.tracking, reading.timeline
    snapshot_i = timeline.snapshot.i if timeline.snapshot is not None else -1
    first = timeline.first_switch
    switch_i = first.i if first is not None else 1 << 62
    made = [g for g, s in tracking.stands.items() if s.created_i > snapshot_i >= 0 and (
        s.created_i < switch_i or "blue" in (s.created_route, timeline.serving))]
    consents = lost.grants & reading.logins.consented
    unsure = ""
    if timeline.snapshot is None:
        unsure = "no snapshot was noted: nobody knows what the copy holds"
    elif not lost.grants_read and timeline.serving == "green" and not off(reading, "verify"):
        unsure = "new grants have not been read by key on both databases"
    elif not timeline.crossed:
        unsure = f"green does not serve yet; {len(made)} grants were made since the copy"
    figures = {"grants": float(lost.grants_count), "consents": float(len(consents)),
               "service_tokens": float(len(lost.services))}
    at_least = {"grants": float(lost.grants_sure), "consents": max(
        0.0, figures["consents"] - (lost.grants_count - lost.grants_sure))}
    if (minutes := timeline.window_s / 60) > 0:
        figures["grants_a_minute"], at_least["grants_a_minute"] = (
            lost.grants_count / minutes, lost.grants_sure / minutes)
    seen = [loss.i for g, loss in tracking.losses.items() if g in lost.grants]
    seen += [w.i for w in tracking.wrongs if w.grant in lost.grants or w.cause == "service_token"]
    said = {}
    if lost.grants:
        said["grants"] = (f"{lost.grants_count} grants made after the copy are lost, such as {min(lost.grants)}: "
                          "these people have to authorize again")
    if lost.services:
        said["service_tokens"] = (f"{len(lost.services)} tokens of services made after the copy are refused: they "
                                  "have to fetch new ones")
    return conclude(
        NAME, reading.terms, figures, evidence=len(made), floor=0 if timeline.nobody_wrote else FLOOR, unsure=unsure,
        at_least=at_least, broken=said, witnesses=seen,
        held="nobody could write from the copy to the switch: nothing is lost" if timeline.nobody_wrote
        else f"{lost.grants_count} of {len(made)} grants made since the copy are lost")
