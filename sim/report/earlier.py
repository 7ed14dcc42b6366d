"""How long each step took in earlier runs of the same scenario: the screen's `~`, and a line of runbook.md."""

from __future__ import annotations

import json
from pathlib import Path
from statistics import median
from typing import NamedTuple

LOOKED_AT = 8
"""Assumption: the last eight runs say enough; a look at more would delay the first frame."""


class Earlier(NamedTuple):
    """Durations by step, and of how many runs."""

    took_s: dict[str, float]
    """Step → median seconds."""
    runs: int


def earlier_runs(folder: Path, slug: str) -> Earlier:
    """Read the verdicts beside a run folder; what can not be read is left out."""
    times: dict[str, list[float]] = {}
    runs = 0
    try:
        beside = sorted(
            (p for p in folder.parent.iterdir() if p.is_dir() and not p.is_symlink() and p != folder),
            key=lambda p: p.name,
            reverse=True,
        )
    except OSError:
        return Earlier({}, 0)
    for other in beside:
        if runs >= LOOKED_AT:
            break
        try:
            told = json.loads((other / "verdict.json").read_bytes())
            if told["scenario"] != slug:
                continue
            phases = [
                (str(p["name"]), float(p["took_s"]))
                for p in told["phases"]
                if p["outcome"] == "ok" and not p.get("undo")
            ]
        except (OSError, ValueError, KeyError, TypeError):
            continue
        runs += bool(phases)
        for name, took_s in phases:
            times.setdefault(name, []).append(took_s)
    return Earlier({name: median(seen) for name, seen in times.items()}, runs)
