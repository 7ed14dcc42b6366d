"""A cleanup job deletes only what is dead. No rehearsal runs such a job yet, so it is never asked."""

from __future__ import annotations

from sim.checks.deciding import not_asked
from sim.checks.losses import Lost
from sim.checks.reading import Reading
from sim.checks.verdict import Check

NAME = "cleanup_safety"


def check(reading: Reading, lost: Lost) -> Check:
    """Say that it is not asked."""
    return not_asked(NAME, "the cleanup job is off")
