"""What `rehearse explain` can say: topics by name, gathered from the tables beside this file."""

from __future__ import annotations

from sim.report.topic import Topic
from sim.report.topics_checks import CHECKS
from sim.report.topics_fault_keys import FAULT_KEYS
from sim.report.topics_keys import EXIT_CODES, KEYS, WORDS
from sim.report.topics_screens import FIGURES, OPERATIONS
from sim.report.topics_stack_keys import LOAD_KEYS, STACK_KEYS
from sim.report.topics_step_keys import PEOPLE_KEYS, STEP_KEYS
from sim.report.topics_steps import FAULTS, STEPS

KINDS = ("check", "step", "fault", "exit code", "key", "word", "operation")


def topics() -> dict[tuple[str, str], Topic]:
    """(kind, name) → topic, in the order in which they are listed."""
    keys = KEYS | STACK_KEYS | LOAD_KEYS | STEP_KEYS | PEOPLE_KEYS | FAULT_KEYS
    tables = (CHECKS, STEPS, FAULTS, EXIT_CODES, keys, {**WORDS, **FIGURES}, OPERATIONS)
    return {(kind, name): topic for kind, table in zip(KINDS, tables, strict=True) for name, topic in table.items()}
