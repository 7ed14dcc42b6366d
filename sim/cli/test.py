"""`rehearse test`: the project's tests in one pytest run, or scenarios held to their `expect`."""

from __future__ import annotations

import importlib.util
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any, NamedTuple

import typer

from sim.cli.child import passed_on
from sim.cli.output import next_step, progress, result, result_json, screen_width, table
from sim.cli.scenarios import complete_scenario
from sim.errors import BadInput
from sim.paths import PROJECT

FOLDERS = ("tests/unit", "tests/repo", "tests/screens", "tests/real")

MISSING = 255
"""What `run` ends with when the tool failed: there is no verdict to compare then."""


class Held(NamedTuple):
    """One scenario compared with its `expect`."""

    scenario: str
    expected: str
    verdict: str
    met: bool
    why: str
    took_s: float
    run: str


def test(
    scenarios: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="SCENARIO",
            help="hold these to their expect instead",
            autocompletion=complete_scenario,
        ),
    ] = None,
    everything: Annotated[bool, typer.Option("--all", help="every scenario, not only those with ci: true")] = False,
    engine: Annotated[str, typer.Option("--engine", help="auto, docker or process; for SCENARIO...")] = "auto",
    seed: Annotated[
        int | None, typer.Option("--seed", help="one for all scenarios, instead of each one's own")
    ] = None,
    json: Annotated[bool, typer.Option("--json", help="the comparison as JSON; for SCENARIO...")] = False,
) -> int:
    """Run the project's tests; with SCENARIO..., hold scenarios to what they expect.

    Without arguments: the fast tests, the real ones, the scenarios with ci: true on the process
    engine and scenario 10 on docker where a daemon answers (REHEARSAL_REQUIRE_DOCKER=1 makes its
    absence a failure). --all plays every scenario. --seed draws other clients, rows and instants:
    the verdicts must stay what the scenarios expect.
    """
    if scenarios:
        return _hold(scenarios, engine, seed, as_json=json)
    return run_pytest(everything=everything, seed=seed)


def run_pytest(*, everything: bool, seed: int | None = None) -> int:
    """One pytest run over all test folders → 0 if all passed, 1 if not, 255 if it could not run.

    `seed` is what the scenarios are played with; None = each with its own.

    Raises BadInput if pytest isn't installed.
    """
    if importlib.util.find_spec("pytest") is None:
        raise BadInput("pytest is not installed here", todo="use the checkout's ./rehearse test, which brings it along")
    folders = [folder for folder in FOLDERS if (PROJECT / folder).is_dir()]
    if not folders:
        raise BadInput("there are no tests here", where=str(PROJECT), todo="use a checkout of the project")
    environment = (
        os.environ
        | ({"REHEARSAL_ALL_SCENARIOS": "1"} if everything else {})
        | ({"REHEARSAL_SEED": str(seed)} if seed is not None else {})
    )
    command = [sys.executable, "-m", "pytest", "-ra", *folders]
    done = subprocess.run(command, cwd=PROJECT, env=environment, check=False)
    return {0: 0, 1: 1}.get(done.returncode, MISSING)


def _hold(names: list[str], engine: str, seed: int | None, *, as_json: bool) -> int:
    """Play scenarios one after the other and compare → 0 all as expected, 1 not, 255 no verdict."""
    from sim.scenario import load_scenario

    chosen = [load_scenario(name) for name in names]
    lines = []
    for scenario in chosen:
        progress(f"{scenario.slug}: {scenario.asks}")
        lines.append(hold(str(scenario.path), engine, seed=seed))
    if as_json:
        result_json([line._asdict() for line in lines])
    else:
        rows = [
            (
                "yes" if line.met else "NO",
                line.scenario,
                line.expected,
                line.verdict,
                f"{line.took_s:.0f} s",
                line.why,
            )
            for line in lines
        ]
        result(table(("met", "scenario", "expected", "verdict", "took", "why"), rows, width=screen_width()))
    wrong = next((line for line in lines if not line.met), None)
    if wrong is not None:
        next_step(f"rehearse report {wrong.run}" if wrong.run else f"rehearse run {wrong.scenario}")
    if any(line.verdict == "none" for line in lines):
        return MISSING
    return 0 if wrong is None else 1


def hold(
    name: str,
    engine: str,
    *,
    seed: int | None = None,
    run_dir: Path | None = None,
    sets: Sequence[str] = (),
) -> Held:
    """Play one scenario in a process of its own and compare its verdict with its `expect`.

    `seed` None = the scenario's own. `run_dir` is the run's folder; None = a new one among the
    others. `sets` are --set key=value.
    """
    from sim.scenario import load_scenario

    scenario = load_scenario(name)
    begun = time.monotonic()
    with tempfile.TemporaryFile() as said:
        command = [
            sys.executable,
            "-m",
            "sim.cli.app",
            "run",
            name,
            "--engine",
            engine,
            "--no-tui",
            "--yes",
            "--json",
        ]
        if seed is not None:
            command += ["--seed", str(seed)]
        if run_dir is not None:
            command += ["--run-dir", str(run_dir)]
        for change in sets:
            command += ["--set", change]
        child = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=said)
        with passed_on([child]) as told:
            code = child.wait()
        if told:
            raise KeyboardInterrupt
        said.seek(0)
        verdict = _verdict(said.read())
    took_s = time.monotonic() - begun
    if verdict is None:
        why = f"no verdict: rehearse run ended with {code}"
        return Held(scenario.slug, str(scenario.expect), "none", False, why, took_s, "")
    met, why = scenario.meets(verdict)
    run = str(run_dir) if run_dir is not None else "latest"
    return Held(scenario.slug, str(scenario.expect), str(verdict.get("verdict")), met, why, took_s, run)


def _verdict(raw: bytes) -> dict[str, Any] | None:
    try:
        verdict = json.loads(raw)
    except ValueError:
        return None
    return verdict if isinstance(verdict, dict) and "verdict" in verdict else None
