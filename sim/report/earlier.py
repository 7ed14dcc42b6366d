"""How long each step and each undo took in earlier runs: the screen's `~`, and a line of runbook.md."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from statistics import median
from types import MappingProxyType
from typing import NamedTuple

LOOKED_AT = 8
"""Assumption: the last eight runs say enough; a look at more would delay the first frame."""


UNDOS_LOOKED_AT = 40
"""Assumption: few runs are rolled back, so more of them are looked through for undos."""


class Earlier(NamedTuple):
    """Durations by step, and of how many runs."""

    took_s: dict[str, float]
    """Step → median seconds, in runs of the same scenario."""
    runs: int
    undo_s: Mapping[str, float] = MappingProxyType({})
    """Step → median seconds of its undo, in runs of any scenario: to drop a copy is the same act in all."""


def earlier_runs(folder: Path, slug: str) -> Earlier:
    """Read the verdicts beside a run folder; what can not be read is left out."""
    times: dict[str, list[float]] = {}
    undos: dict[str, list[float]] = {}
    runs = 0
    try:
        beside = sorted(
            (p for p in folder.parent.iterdir() if p.is_dir() and not p.is_symlink() and p != folder),
            key=lambda p: p.name,
            reverse=True,
        )
    except OSError:
        return Earlier({}, 0)
    for n, other in enumerate(beside):
        if runs >= LOOKED_AT and n >= UNDOS_LOOKED_AT:
            break
        try:
            told = json.loads((other / "verdict.json").read_bytes())
            same = told["scenario"] == slug and runs < LOOKED_AT
            phases = [
                (bool(p.get("undo")), str(p["name"]), float(p["took_s"]))
                for p in told["phases"]
                if p["outcome"] == "ok"
            ]
        except (OSError, ValueError, KeyError, TypeError):
            continue
        runs += same and any(not undo for undo, _, _ in phases)
        for undo, name, took_s in phases:
            if undo and n < UNDOS_LOOKED_AT:
                undos.setdefault(name, []).append(took_s)
            elif same and not undo:
                times.setdefault(name, []).append(took_s)
    medians = ({name: median(seen) for name, seen in kept.items()} for kept in (times, undos))
    return Earlier(next(medians), runs, next(medians))
