"""Finished runs side by side: one column a run, one row a figure.

Pure: it takes verdicts and gives rows; running and reading is left to `rehearse compare`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import TypeVar

import msgspec

from sim.checks.verdict import Check, Phase, Verdict
from sim.history.figures import FIGURES
from sim.report.columns import NOTHING, Ran, Row, line
from sim.report.costs import best, costs, unlike
from sim.report.text import GLYPHS, HYDRA_ROWS, amount

ORDER = (254, 255, 1, 2, 3, 0)
"""Source: DESIGN's contract: bad input, the tool failed, broken, unknown, rolled back, held."""
GAP = "  "

T = TypeVar("T")


HEADS = {"run": "", "costs": "WHAT IT COST   * the best of the completed runs", "checks": "CHECKS",
         "tolerated": "USED OF ALLOWED", "phases": "PHASES s",
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
    return [*_identity(runs), *costs(runs), *_checks(runs), *_tolerated(runs), *_phases(runs), *_database(runs),
            *_hydra(runs)]


def comparison_text(rows: Sequence[Row], runs: Sequence[Ran]) -> str:
    """The table as text, ending in a newline; a check on which the runs differ is marked with ≠."""
    label_width = max((len(row.label) for row in rows), default=0) + 2
    told = [[f"{cell} *" if n in row.best else cell for n, cell in enumerate(row.cells)] for row in rows]
    widths = [max((len(cells[n]) for cells in told), default=0) for n in range(len(runs))]
    lines = [f"? not alike, so figures do not compare one to one: {said}" for said in unlike(runs)]
    section = "run"
    for row, said in zip(rows, told, strict=True):
        if row.section != section:
            section = row.section
            lines += ["", HEADS[section]]
        mark = "≠ " if row.section in _MARKED and row.differs else "  "
        cells = GAP.join(cell.ljust(width) for cell, width in zip(said, widths, strict=True))
        lines.append(f"{mark}{row.label:<{label_width}}{cells}".rstrip())
    return "\n".join(lines) + "\n"


def comparison_json(rows: Sequence[Row], runs: Sequence[Ran]) -> dict[str, object]:
    """{exit, runs: [{run, exit, verdict: verdict.json or null}], unlike: [sentence], rows: [{section,
    label, cells, best, differs}]}."""
    return {
        "exit": worst_code(run.code for run in runs),
        "runs": [{"run": run.run, "exit": run.code, "verdict": msgspec.to_builtins(run.verdict),
                  "down_s": run.measured.down_s if run.measured is not None else None} for run in runs],
        "unlike": unlike(runs),
        "rows": [{"section": r.section, "label": r.label, "cells": r.cells, "best": list(r.best),
                  "differs": r.differs} for r in rows],
    }


def _identity(runs: Sequence[Ran]) -> list[Row]:
    return [
        line("run", "scenario", runs, lambda v: v.scenario),
        Row("run", "run", [r.run for r in runs]),
        line("run", "seed", runs, lambda v: str(v.seed)),
        line("run", "engine", runs, lambda v: v.engine),
        Row("run", "verdict", [f"{GLYPHS[r.verdict.verdict]} {r.verdict.verdict.upper()}" if r.verdict is not None
                               else "no verdict" for r in runs]),
        line("run", "ended", runs, lambda v: v.ended.replace("_", " ")),
        Row("run", "exit code", [str(r.code) for r in runs]),
    ]


def _checks(runs: Sequence[Ran]) -> list[Row]:
    def cell(name: str) -> Callable[[Verdict], str | None]:
        def said(verdict: Verdict) -> str | None:
            check = _check(verdict, name)
            return None if check is None else f"{GLYPHS[check.verdict]} {check.verdict.replace('_', ' ')}"
        return said

    names = _union([c.name for c in r.verdict.checks] for r in runs if r.verdict is not None)
    return [line("checks", name, runs, cell(name)) for name in names]


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
    return [line("tolerated", _label(name, figure), runs, cell(name, figure))
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
    rows = [line("phases", f"undo {name}" if undo else name, runs, cell(name, undo)) for name, undo in found]
    return rows


def _took(phase: Phase) -> str:
    return f"{phase.took_s:.1f}" if phase.outcome == "ok" else f"{phase.took_s:.1f} {phase.outcome}"


_DATABASE_ROWS = (("rows_updated", "rows updated", 1.0), ("rows_inserted", "rows inserted", 1.0),
                  ("rows_deleted", "rows deleted", 1.0), ("temp_bytes", "temp MB", 1e-6),
                  ("commits", "commits", 1.0), ("size_bytes", "size MB", 1e-6))


def _database(runs: Sequence[Ran]) -> list[Row]:
    def value(run: Ran, key: str) -> float | None:
        found = run.verdict.database.get(key) if run.verdict is not None else None
        return float(found) if isinstance(found, int | float) else None

    rows = []
    for key, label, factor in _DATABASE_ROWS:
        values = [value(run, key) for run in runs]
        if any(v is not None for v in values):
            cells = [NOTHING if v is None else f"{v * factor:,.0f}" for v in values]
            rows.append(Row("database", label, cells, best=best(values, runs, cells)))
    return rows


def _hydra(runs: Sequence[Ran]) -> list[Row]:
    def cell(key: str, factor: float) -> Callable[[Verdict], str | None]:
        def said(verdict: Verdict) -> str | None:
            both = [verdict.hydra.get(side, {}).get(key) for side in ("before", "after")]
            if both == [None, None]:
                return None
            digits = 2 if key == "cpu_cores" else 1 if key == "p95_s" else 0
            return " > ".join(NOTHING if v is None else f"{v * factor:,.{digits}f}" for v in both)
        return said

    rows = [line("hydra", label, runs, cell(key, factor)) for key, label, factor in HYDRA_ROWS]
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
