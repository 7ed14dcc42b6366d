"""A token that must be active is said to be active."""

from __future__ import annotations

from sim.checks.deciding import conclude
from sim.checks.losses import Lost
from sim.checks.reading import Reading
from sim.checks.verdict import Check

NAME = "token_continuity"

FLOOR = 100
"""Assumption: a hundred answers about tokens that must be active (after the switch, if there was
one): under one second of introspections at 121 a second."""
MOST_EITHER = 0.5
"""Assumption: if more than half of all answers could be either way, the other half says too little."""


def check(reading: Reading, lost: Lost) -> Check:
    """Count false-inactive answers that no lost chain or grant explains."""
    tracking, crossed = reading.tracking, reading.timeline.crossed
    evidence = tracking.must_active_after_switch if crossed else tracking.must_active
    known = tracking.must_active + tracking.must_inactive + tracking.either
    either = tracking.either / known if known else 0.0
    figures = {"false_inactive": float(len(lost.tokens)), "counted_elsewhere": float(lost.explained),
               "wrong_subject": float(reading.wrong_subjects), "either_share": either}
    said = {}
    if reading.wrong_subjects:
        said["wrong_subject"] = (f"{reading.wrong_subjects} times a token was active for nobody, or for somebody "
                                  "else than who granted it")
    left_behind = [w for w in lost.tokens if w.stays]
    if left_behind:
        first = left_behind[0]
        said["false_inactive"] = (
            f"{len(left_behind)} times a good token was denied by {first.asked}, which went to {first.route} "
            f"while {'blue' if first.route == 'green' else 'green'} served: it was forgotten at the switch, or came "
            f"early or late; first at {first.t_s:.1f} s, a token of {first.grant}")
    elif lost.tokens:
        first = lost.tokens[0]
        said["false_inactive"] = (
            f"{len(lost.tokens)} times a good token was called inactive; first at {first.t_s:.1f} s "
            f"by {first.route or 'a stack'}, a token of {first.grant}, asked by {first.process}")
    unsure = f"{either * 100:.0f} % of the answers could have been either way" if either > MOST_EITHER else ""
    return conclude(
        NAME, reading.terms, figures, evidence=evidence, floor=FLOOR, unsure=unsure, broken=said,
        held=f"{evidence} answers about good tokens, none was wrong"
        + (f" ({lost.explained} belong to losses counted elsewhere)" if lost.explained else ""),
        witnesses=[*(w.i for w in lost.tokens[:40]), *reading.wrong_subject_i])
