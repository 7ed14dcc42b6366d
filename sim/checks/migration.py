"""Every migration of the program's own list stands in schema_migration; no exit code is believed."""

from __future__ import annotations

from typing import Any

from sim.checks.deciding import conclude, not_asked
from sim.checks.losses import Lost
from sim.checks.reached import off
from sim.checks.reading import Reading
from sim.checks.verdict import Check

NAME = "migration"

FLOOR = 1
"""The list is complete; an empty one shows nothing."""


def check(reading: Reading, lost: Lost) -> Check:
    """Compare the lists."""
    why = off(reading, "migrate")
    if why:
        return not_asked(NAME, why)
    rows = reading.timeline.measured("migrations")
    asked = reading.timeline.asked("migrations")
    said: dict[str, Any] = rows or {}
    expected, applied = _many(said.get("expected")), _many(said.get("applied"))
    missing, unexpected = _many(said.get("missing")), _many(said.get("unexpected"))
    return conclude(
        NAME, reading.terms, {"missing": float(missing), "unexpected": float(unexpected)}, evidence=expected,
        floor=FLOOR, unsure="" if rows is not None else "the list of migrations has not been compared",
        held=f"{applied} of {expected} migrations are in the list",
        broken={"missing": f"{missing} of {expected} migrations are not in the list"
                f"{_such_as(said.get('missing'))}, whatever the program said"},
        witnesses=[asked.done_i] if asked is not None and asked.done_i >= 0 else [])


def _many(value: Any) -> int:
    return len(value) if isinstance(value, list) else int(value or 0)


def _such_as(value: Any) -> str:
    return f", such as {value[0]}" if isinstance(value, list) and value else ""
