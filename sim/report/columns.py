"""Runs as columns and figures as rows: what every part of a comparison is made of."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import msgspec

from sim.checks.verdict import Verdict, exit_code

NOTHING = "-"


class Measured(msgspec.Struct, frozen=True, kw_only=True):
    """What a comparison reads from a run's history and scenario."""

    down_s: dict[str, float]
    """Operation → how long it was down (see sim.report.downtime)."""
    late: int
    """Revoked grants that some stack let in after the acknowledgement."""
    conditions: dict[str, str]
    """What must be alike for figures to compare: seed, engine, traffic, population, lifetimes."""


class Ran(msgspec.Struct, frozen=True, kw_only=True):
    """One run to compare."""

    run: str
    """Its id: the folder's name."""
    verdict: Verdict | None
    """None = it ended without one; its column says so."""
    code: int
    """What `rehearse run` ended with."""
    measured: Measured | None = None
    """None = its history can't be read."""

    @classmethod
    def of(cls, run: str, verdict: Verdict, measured: Measured | None = None) -> Ran:
        """A stored run; its exit code follows from its verdict."""
        return cls(run=run, verdict=verdict, code=exit_code(verdict, tool_failed=verdict.ended == "failed"),
                   measured=measured)


class Row(msgspec.Struct, frozen=True):
    """One line of the table; `cells` has one text a run."""

    section: str
    """run, costs, checks, tolerated, phases, database or hydra."""
    label: str
    cells: list[str]
    best: tuple[int, ...] = ()
    """Columns with the best value; none if there is no better or worse, or all are alike."""

    @property
    def differs(self) -> bool:
        """Whether the runs are not alike here."""
        return len(set(self.cells)) > 1


def line(section: str, label: str, runs: Sequence[Ran], cell: Callable[[Verdict], str | None]) -> Row:
    """One row; a run without a verdict, or without that figure, shows a dash."""
    return Row(section, label, [(cell(r.verdict) if r.verdict is not None else None) or NOTHING for r in runs])
