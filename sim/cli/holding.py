"""Scenarios held to their `expect`: each is played in a process of its own, once or more often."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import tempfile
import time
from collections import Counter, deque
from collections.abc import Sequence
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, NamedTuple

from sim.cli.child import begin, folder_beside_runs, passed_on, side_by_side
from sim.cli.output import one_line, progress

if TYPE_CHECKING:
    from sim.scenario import Scenario


class Held(NamedTuple):
    """One scenario compared with its `expect`."""

    scenario: str
    expected: str
    verdict: str
    met: bool
    why: str
    took_s: float
    run: str
    checks: dict[str, str]
    """Check → its verdict."""


class How(NamedTuple):
    """How scenarios are played."""

    engine: str = "auto"
    seed: int | None = None
    """None = each with its own."""
    sets: Sequence[str] = ()
    """--set key=value."""

    def command(self, name: str, run_dir: Path | None) -> list[str]:
        """The run's command line; its verdict goes to stdout."""
        return [sys.executable, "-m", "sim.cli.app", "run", name, "--engine", self.engine,
                "--no-tui", "--yes", "--json",
                *(["--seed", str(self.seed)] if self.seed is not None else []),
                *(["--run-dir", str(run_dir)] if run_dir is not None else []),
                *(part for change in self.sets for part in ("--set", change))]


def hold(name: str, how: How, run_dir: Path | None = None) -> Held:
    """Play one scenario, its progress on stderr, and compare its verdict with its `expect`.

    `run_dir` is the run's folder; None = a new one among the others. Raises KeyboardInterrupt if we
    were told to end.
    """
    from sim.scenario import load_scenario

    scenario, begun_s = load_scenario(name), time.monotonic()
    with tempfile.TemporaryFile() as said:
        child = subprocess.Popen(how.command(name, run_dir), stdin=subprocess.DEVNULL, stdout=said)
        with passed_on([child]) as told:
            child.wait()
        if told:
            raise KeyboardInterrupt
        verdict = _read(said)
    return _compared(scenario, verdict, child.returncode, time.monotonic() - begun_s,
                     str(run_dir) if run_dir is not None else "latest")


class Agreed(NamedTuple):
    """What some runs of one scenario have in common."""

    scenario: str
    runs: int
    met: int
    """How many were as expected."""
    verdicts: dict[str, int]
    """Verdict → how many runs."""
    differ: dict[str, dict[str, int]]
    """Checks on which the runs differ → verdict → how many runs."""


def agreement(seen: Sequence[Held]) -> list[Agreed]:
    """Scenario by scenario, in the order in which they came first."""
    told = []
    for slug in dict.fromkeys(one.scenario for one in seen):
        of = [one for one in seen if one.scenario == slug]
        by_check = {name: Counter(one.checks.get(name, "none") for one in of)
                    for name in dict.fromkeys(name for one in of for name in one.checks)}
        told.append(Agreed(slug, len(of), sum(one.met for one in of), dict(Counter(one.verdict for one in of)),
                           {name: dict(words) for name, words in by_check.items() if len(words) > 1}))
    return told


class Playing(NamedTuple):
    """A run under way."""

    child: subprocess.Popen[bytes]
    scenario: Scenario
    folder: Path
    begun_s: float


class Repeats:
    """Plays scenarios several times, some side by side; a run that was as expected leaves nothing."""

    def __init__(self, how: How, jobs: int) -> None:
        self._how, self._jobs = how, jobs
        self._folder = folder_beside_runs("repeats")
        self._begun = 0
        self.seen: list[Held] = []

    def play(self, scenarios: Sequence[Scenario], times: int) -> bool:
        """All of them in turn, so many times → whether we were told to end before."""
        todo = deque(scenario for _ in range(times) for scenario in scenarios)
        of = len(todo)

        def ended(one: Playing) -> list[Scenario]:
            came = self._came(one)
            self.seen.append(came)
            progress(f"[{len(self.seen):>3}/{of}] {'✓' if came.met else '✗'} {came.scenario}: {came.verdict}, "
                     f"{came.took_s:.0f} s" + ("" if came.met else f"; {one_line(came.why)}  {came.run}"))
            return []

        return side_by_side(todo, self._jobs, self._begin, ended)

    def _begin(self, scenario: Scenario) -> Playing:
        self._begun += 1
        folder = self._folder / f"{self._folder.name}-{self._begun:03}"
        return Playing(begin(self._how.command(str(scenario.path), folder), folder), scenario, folder, time.monotonic())

    def _came(self, one: Playing) -> Held:
        verdict = None
        if (file := one.folder / "verdict.json").exists():
            with file.open("rb") as said:
                verdict = _read(said)
        came = _compared(one.scenario, verdict, one.child.returncode, time.monotonic() - one.begun_s, str(one.folder))
        if came.met:
            shutil.rmtree(one.folder, ignore_errors=True)  # a history is tens of MB
            return came._replace(run="")
        return came


def _compared(scenario: Scenario, verdict: dict[str, Any] | None, code: int, took_s: float, run: str) -> Held:
    if verdict is None:
        return Held(scenario.slug, str(scenario.expect), "none", False, f"no verdict: rehearse run ended with {code}",
                    took_s, "", {})
    met, why = scenario.meets(verdict)
    return Held(scenario.slug, str(scenario.expect), str(verdict.get("verdict")), met, why, took_s, run,
                {check["name"]: check["verdict"] for check in verdict.get("checks", [])})


def _read(said: IO[bytes]) -> dict[str, Any] | None:
    said.seek(0)
    try:
        verdict = json.load(said)
    except ValueError:
        return None
    return verdict if isinstance(verdict, dict) and "verdict" in verdict else None
