"""`rehearse test`: the project's tests in one pytest run, or scenarios held to their `expect`."""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
from collections.abc import Sequence
from typing import Annotated

import typer

from sim.cli.holding import Agreed, Held, How, Repeats, agreement, hold
from sim.cli.output import next_step, progress, result, result_json, screen_width, table
from sim.cli.scenarios import complete_scenario
from sim.errors import BadInput
from sim.paths import PROJECT

FOLDERS = ("tests/unit", "tests/repo", "tests/screens", "tests/real")

SLOWEST = 25
"""Assumption: where a long run's time goes is in its two dozen slowest tests."""
MISSING = 255
"""What `run` ends with when the tool failed: there is no verdict to compare then."""


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
    sets: Annotated[list[str] | None, typer.Option("--set", help="key=value, as in run; for SCENARIO...")] = None,
    repeat: Annotated[
        int, typer.Option(min=1, help="Runs of each SCENARIO: do they agree?")
    ] = 1,
    jobs: Annotated[int, typer.Option(min=1, max=8, help="Runs side by side; small ones alone bear it.")] = 1,
    json: Annotated[bool, typer.Option("--json", help="the comparison as JSON; for SCENARIO...")] = False,
) -> int:
    """Run the project's tests; with SCENARIO..., hold scenarios to what they expect.

    Without arguments: the fast tests, the real ones, the scenarios with ci: true on the process
    engine and scenario 10 on docker where a daemon answers (REHEARSAL_REQUIRE_DOCKER=1 makes its
    absence a failure). --all plays every scenario. --seed draws other clients, rows and instants:
    the verdicts must stay what the scenarios expect. --repeat plays the same again: they must agree.
    """
    if scenarios:
        how = How(engine, seed, sets or ())
        if repeat == 1:
            return _hold(scenarios, how, as_json=json)
        return _repeat(scenarios, how, repeat, jobs, as_json=json)
    for option, given in (("--set", bool(sets)), ("--repeat", repeat > 1)):
        if given:
            raise BadInput("the project's own tests are not changed by it", where=option,
                           todo=f"rehearse test SCENARIO... {option}")
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
    command = [sys.executable, "-m", "pytest", "-ra", f"--durations={SLOWEST}", *folders]
    done = subprocess.run(command, cwd=PROJECT, env=environment, check=False)
    return {0: 0, 1: 1}.get(done.returncode, MISSING)


def _hold(names: Sequence[str], how: How, *, as_json: bool) -> int:
    """Play scenarios one after the other and compare → 0 all as expected, 1 not, 255 no verdict."""
    from sim.scenario import load_scenario

    chosen = [load_scenario(name, sets=list(how.sets)) for name in names]
    lines = []
    for scenario in chosen:
        progress(f"{scenario.slug}: {scenario.asks}")
        lines.append(hold(str(scenario.path), how))
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
    return _code(lines)


def _repeat(names: Sequence[str], how: How, times: int, jobs: int, *, as_json: bool) -> int:
    """Play each scenario several times → as `_hold`; 255 if we were told to end before."""
    from sim.scenario import load_scenario

    repeats = Repeats(how, jobs)
    stopped = repeats.play([load_scenario(name, sets=list(how.sets)) for name in names], times)
    told = agreement(repeats.seen)
    if as_json:
        result_json({"interrupted": stopped, "scenarios": [one._asdict() for one in told],
                     "runs": [one._asdict() for one in repeats.seen]})
    else:
        rows = [(one.scenario, str(one.runs), str(one.met), _counted(one.verdicts), _differing(one)) for one in told]
        result(table(("scenario", "runs", "as expected", "verdicts", "checks that differ"), rows, width=screen_width()))
    if stopped:
        progress("interrupted: nothing further is run")
        return MISSING
    return _code(repeats.seen)


def _counted(words: dict[str, int]) -> str:
    return ", ".join(f"{n} {word}" for word, n in words.items())


def _differing(one: Agreed) -> str:
    return "; ".join(f"{check}: {_counted(words)}" for check, words in one.differ.items()) or "none"


def _code(lines: Sequence[Held]) -> int:
    wrong = next((line for line in lines if not line.met), None)
    if wrong is not None:
        next_step(f"rehearse report {wrong.run}" if wrong.run else f"rehearse run {wrong.scenario}")
    if any(line.verdict == "none" for line in lines):
        return MISSING
    return 0 if wrong is None else 1
