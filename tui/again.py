"""The command that runs the same once more: what R on the verdict's screen copies or begins."""

from __future__ import annotations

from pathlib import Path

from sim.checks.verdict import Verdict
from sim.errors import RehearsalError
from sim.report.text import again
from sim.scenario import Scenario, load_scenario, resolved


def arguments(folder: Path, scenario: Scenario, verdict: Verdict) -> list[str]:
    """`run 10 --seed 10 --engine process`; what was changed by --set is in the run's own file alone."""
    verb = "gameday" if scenario.gameday is not None else "run"
    wanted = again(verdict, scenario).split()[2]
    return [verb, wanted if _is_same(wanted, scenario, verdict.seed) else str(folder / "scenario.yaml"),
            "--seed", str(verdict.seed), "--engine", verdict.engine]  # fmt: skip


def _is_same(name: str, scenario: Scenario, seed: int) -> bool:
    try:
        return resolved(load_scenario(name), seed=seed) == resolved(scenario, seed=seed)
    except RehearsalError:
        return False
