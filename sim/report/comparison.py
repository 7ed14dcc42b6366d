"""Finished runs side by side: one column a run, one row a figure.

Pure: it takes verdicts and gives rows; running and reading is left to `rehearse compare`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import TypeVar

import msgspec

from sim.checks.verdict import Check, Phase, Verdict, exit_code
from sim.history.figures import FIGURES
from sim.report.text import GLYPHS, HYDRA_ROWS, amount

ORDER = (254, 255, 1, 2, 3, 0)
"""Source: DESIGN's contract: bad input, the tool failed, broken, unknown, rolled back, held."""
NOTHING = "-"
GAP = "  "

T = TypeVar("T")


class Ran(msgspec.Struct, frozen=True, kw_only=True):
    """One run to compare."""

    run: str
    """Its id: the folder's name."""
    verdict: Verdict | None
    """None = it ended without one; its column says so."""
    code: int
    """What `rehearse run` ended with."""

    @classmethod
    def of(cls, run: str, verdict: Verdict) -> Ran:
        """A stored run; its exit code follows from its verdict."""
        return cls(run=run, verdict=verdict, code=exit_code(verdict, tool_failed=verdict.ended == "failed"))


class Row(msgspec.Struct, frozen=True):
    """One line of the table; `cells` has one text a run."""

    section: str
    """run, checks, tolerated, phases, database or hydra."""
    label: str
    cells: list[str]

    @property
    def differs(self) -> bool:
        """Whether the runs are not alike here."""
        return len(set(self.cells)) > 1


_HEADS = {"run": "", "checks": "CHECKS", "tolerated": "USED OF ALLOWED", "phases": "PHASES s",
          "database": "DATABASE green", "hydra": "HYDRA, before > after"}
_MARKED = ("checks",)
"""Sections in which a row that differs is marked: elsewhere every figure differs a little."""


def worst_code(codes: Iterable[int]) -> int:
    """The exit code of several runs together: the first of DESIGN's order that occurs.

    A code that is none of them (a run killed by a signal) counts as 255; no runs at all as 254.
    """
    seen = {code if code in ORDER else 255 for code in codes}
    return next((code for code in ORDER if code in seen), 254)


def comparison(runs: Sequence[Ran]) -> list[Row]:
    """The table's rows, in the order in which they are shown."""
    return [*_identity(runs), *_checks(runs), *_tolerated(runs), *_phases(runs), *_database(runs), *_hydra(runs)]


def comparison_text(rows: Sequence[Row], runs: Sequence[Ran]) -> str:
    """The table as text, ending in a newline; a check on which the runs differ is marked with ≠."""
    label_width = max((len(row.label) for row in rows), default=0) + 2
    widths = [max((len(row.cells[n]) for row in rows), default=0) for n in range(len(runs))]
    lines: list[str] = []
    section = "run"
    for row in rows:
        if row.section != section:
            section = row.section
            lines += ["", _HEADS[section]]
        mark = "≠ " if row.section in _MARKED and row.differs else "  "
        cells = GAP.join(cell.ljust(width) for cell, width in zip(row.cells, widths, strict=True))
        lines.append(f"{mark}{row.label:<{label_width}}{cells}".rstrip())
    return "\n".join(lines) + "\n"


def comparison_json(rows: Sequence[Row], runs: Sequence[Ran]) -> dict[str, object]:
    """{exit, runs: [{run, exit, verdict: verdict.json or null}], rows: [{section, label, cells, differs}]}."""
    return {
        "exit": worst_code(run.code for run in runs),
        "runs": [{"run": run.run, "exit": run.code, "verdict": msgspec.to_builtins(run.verdict)} for run in runs],
        "rows": [{"section": r.section, "label": r.label, "cells": r.cells, "differs": r.differs} for r in rows],
    }


def _row(section: str, label: str, runs: Sequence[Ran], cell: Callable[[Verdict], str | None]) -> Row:
    """One row; a run without a verdict, or without that figure, shows a dash."""
    return Row(section, label, [(cell(r.verdict) if r.verdict is not None else None) or NOTHING for r in runs])


def _identity(runs: Sequence[Ran]) -> list[Row]:
    return [
        _row("run", "scenario", runs, lambda v: v.scenario),
        Row("run", "run", [r.run for r in runs]),
        _row("run", "seed", runs, lambda v: str(v.seed)),
        _row("run", "engine", runs, lambda v: v.engine),
        Row("run", "verdict", [f"{GLYPHS[r.verdict.verdict]} {r.verdict.verdict.upper()}" if r.verdict is not None
                               else "no verdict" for r in runs]),
        _row("run", "ended", runs, lambda v: v.ended.replace("_", " ")),
        Row("run", "exit code", [str(r.code) for r in runs]),
    ]


def _checks(runs: Sequence[Ran]) -> list[Row]:
    def cell(name: str) -> Callable[[Verdict], str | None]:
        def said(verdict: Verdict) -> str | None:
            check = _check(verdict, name)
            return None if check is None else f"{GLYPHS[check.verdict]} {check.verdict.replace('_', ' ')}"
        return said

    names = _union([c.name for c in r.verdict.checks] for r in runs if r.verdict is not None)
    return [_row("checks", name, runs, cell(name)) for name in names]


def _tolerated(runs: Sequence[Ran]) -> list[Row]:
    def cell(name: str, figure: str) -> Callable[[Verdict], str | None]:
        def said(verdict: Verdict) -> str | None:
            check = _check(verdict, name)
            if check is None:
                return None
            limit = check.tolerated.get(figure)
            if limit is not None:
                allowed = "all" if limit.max == "all" else amount(limit.max, limit.unit)
                return f"{amount(limit.used, limit.unit)} of {allowed}"
            # Nothing was allowed here, yet it was allowed elsewhere: what was seen still compares.
            value = check.figures.get(figure)
            known = FIGURES.get(name, {}).get(figure)
            return None if value is None else amount(value, known.unit if known else "count")
        return said

    pairs = _union([(c.name, f) for c in r.verdict.checks for f in c.tolerated] for r in runs if r.verdict is not None)
    order = {name: n for n, name in enumerate(FIGURES)}
    return [_row("tolerated", _label(name, figure), runs, cell(name, figure))
            for name, figure in sorted(pairs, key=lambda pair: order.get(pair[0], len(order)))]


def _label(name: str, figure: str) -> str:
    known = FIGURES.get(name, {}).get(figure)
    return known.label if known is not None else f"{name}.{figure}"


def _phases(runs: Sequence[Ran]) -> list[Row]:
    def cell(name: str, undo: bool) -> Callable[[Verdict], str | None]:
        def said(verdict: Verdict) -> str | None:
            phase = next((p for p in verdict.phases if (p.name, p.undo) == (name, undo)), None)
            return None if phase is None else _took(phase)
        return said

    found = _union([(p.name, p.undo) for p in r.verdict.phases] for r in runs if r.verdict is not None)
    rows = [_row("phases", f"undo {name}" if undo else name, runs, cell(name, undo)) for name, undo in found]
    window = _row("phases", "window, copy to replay", runs, _window)
    return [*rows, window] if any(cell != NOTHING for cell in window.cells) else rows


def _took(phase: Phase) -> str:
    return f"{phase.took_s:.1f}" if phase.outcome == "ok" else f"{phase.took_s:.1f} {phase.outcome}"


def _window(verdict: Verdict) -> str | None:
    took = {p.name: p for p in verdict.phases if not p.undo and p.outcome == "ok"}
    if "copy" not in took or "replay" not in took:
        return None
    return f"{took['replay'].begun_s + took['replay'].took_s - took['copy'].begun_s:.1f}"


_DATABASE_ROWS = (("rows_updated", "rows updated", 1.0), ("rows_inserted", "rows inserted", 1.0),
                  ("rows_deleted", "rows deleted", 1.0), ("temp_bytes", "temp MB", 1e-6),
                  ("commits", "commits", 1.0), ("size_bytes", "size MB", 1e-6))


def _database(runs: Sequence[Ran]) -> list[Row]:
    def cell(key: str, factor: float) -> Callable[[Verdict], str | None]:
        def said(verdict: Verdict) -> str | None:
            value = verdict.database.get(key)
            return f"{value * factor:,.0f}" if isinstance(value, int | float) else None
        return said

    rows = [_row("database", label, runs, cell(key, factor)) for key, label, factor in _DATABASE_ROWS]
    return [row for row in rows if any(cell != NOTHING for cell in row.cells)]


def _hydra(runs: Sequence[Ran]) -> list[Row]:
    def cell(key: str, factor: float) -> Callable[[Verdict], str | None]:
        def said(verdict: Verdict) -> str | None:
            both = [verdict.hydra.get(side, {}).get(key) for side in ("before", "after")]
            if both == [None, None]:
                return None
            digits = 2 if key == "cpu_cores" else 1 if key == "p95_s" else 0
            return " > ".join(NOTHING if v is None else f"{v * factor:,.{digits}f}" for v in both)
        return said

    rows = [_row("hydra", label, runs, cell(key, factor)) for key, label, factor in HYDRA_ROWS]
    return [row for row in rows if any(cell != NOTHING for cell in row.cells)]


def _check(verdict: Verdict, name: str) -> Check | None:
    return next((c for c in verdict.checks if c.name == name), None)


def _union(lists: Iterable[Sequence[T]]) -> list[T]:
    """Everything that stands in one of the lists; what only a later one has stands after its forerunner."""
    found: list[T] = []
    for one in lists:
        at = 0
        for item in one:
            if item in found:
                at = found.index(item) + 1
            else:
                found.insert(at, item)
                at += 1
    return found
