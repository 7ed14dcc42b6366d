"""A comparison as a page of its own, or as a part of a run's."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sim.report.columns import Ran, Row
from sim.report.comparison import comparison
from sim.report.costs import unlike
from sim.report.masking import masked

TITLES = {
    "run": ("Runs", "run", ""), "costs": ("What it cost", "figure", "less is better; only completed runs can be best"),
    "checks": ("Checks", "check", "≠ where the runs differ"), "tolerated": ("Used of what is allowed", "price", ""),
    "phases": ("Phases, seconds", "step", ""), "database": ("Postgres of green", "figure", ""),
    "hydra": ("Hydra, before > after", "figure", ""),
}


def beside(runs: Sequence[Ran]) -> dict[str, Any]:
    """What the template's table needs."""
    sections: dict[str, list[dict[str, Any]]] = {}
    for row in comparison(runs):
        sections.setdefault(row.section, []).append(_row(row))
    return {
        "runs": [masked(run.run) for run in runs], "unlike": [masked(line) for line in unlike(runs)],
        "sections": [{"title": TITLES[s][0], "what": TITLES[s][1], "note": TITLES[s][2], "rows": rows}
                     for s, rows in sections.items()],
        "again": masked(f"rehearse compare {' '.join(run.run for run in runs)}"),
    }


def comparison_page(runs: Sequence[Ran]) -> str:
    """The whole document."""
    from sim.report.page import render

    return render("compare.html.j2", beside=beside(runs))


def _row(row: Row) -> dict[str, Any]:
    return {"label": masked(row.label), "cells": [masked(c) for c in row.cells], "best": list(row.best),
            "differs": row.section == "checks" and row.differs}
