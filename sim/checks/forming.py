"""The verdict while a run is still going: the same reading, the same checks, the same words.

What is not yet known is `open`, not `unknown`. A breach is never taken back, but it may move:
what looks like a bad token is a lost chain once the chains were read by key.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from sim.checks.judge import compose, run_checks
from sim.checks.reading import Reading
from sim.checks.terms import Terms
from sim.checks.verdict import Check, Verdict
from sim.history.op import Header, Op

if TYPE_CHECKING:
    from sim.scenario.model import Scenario


class Forming:
    """Fed with ops as they are written; asked whenever a screen or a guard wants to know.

    `feed` costs a few microseconds, `verdict` a few milliseconds and no second pass.
    """

    def __init__(self, scenario: Scenario | Terms, header: Header | None = None) -> None:
        self._terms = scenario if isinstance(scenario, Terms) else Terms.of(scenario)
        self._reading = Reading(self._terms)
        self._header = header

    def feed(self, op: Op) -> None:
        """Take the next op, in order."""
        self._reading.feed(op)

    @property
    def reading(self) -> Reading:
        """What was read so far: the ledger's screen shows it grant by grant."""
        return self._reading

    def verdict(self) -> Verdict:
        """What holds so far."""
        running = self._reading.timeline.ended == "running"
        checks = run_checks(self._reading)
        if running:
            checks = [_opened(c) for c in checks]
        header = self._header
        return compose(
            self._reading, checks, scenario=header.scenario if header else self._terms.slug,
            engine=header.engine if header else "", seed=header.seed if header else self._terms.seed)

    def figure(self, name: str) -> float | None:
        """`check.figure` now, or None if it can not be said yet (what guards ask)."""
        return self.verdict().figure(name)


def _opened(check: Check) -> Check:
    return msgspec.structs.replace(check, verdict="open") if check.verdict == "unknown" else check
