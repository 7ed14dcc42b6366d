"""`rehearse compare`: scenarios or runs side by side.

A SCENARIO is played first, in a process of its own, one after the other: two rehearsals at
once would measure each other. A RUN is read from its verdict.json.
"""

from __future__ import annotations

import contextlib
import secrets as randomness
import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NamedTuple

import typer

from sim.cli.child import passed_on
from sim.cli.output import next_step, progress, result, result_json
from sim.errors import BadInput

if TYPE_CHECKING:
    from sim.checks.verdict import Verdict
    from sim.report.comparison import Ran
    from sim.scenario import Scenario


class Interrupted(Exception):
    """Somebody stopped the run under way; nothing further is begun."""


class Wanted(NamedTuple):
    """One argument: a finished run, or a scenario to be played."""

    name: str
    folder: Path | None
    scenario: Scenario | None


def complete_both(incomplete: str) -> list[str]:
    """Completion: scenarios and runs."""
    from sim.cli.runs import complete_run
    from sim.cli.scenarios import complete_scenario

    return [*complete_scenario(incomplete), *complete_run(incomplete)]


def compare(
    these: Annotated[list[str], typer.Argument(metavar="SCENARIO|RUN", autocompletion=complete_both,
                                               help="scenarios are run first; runs are latest, ids or paths")],
    engine: Annotated[str, typer.Option("--engine", help="auto, docker or process; for scenarios")] = "auto",
    seed: Annotated[int | None, typer.Option("--seed", help="one seed for all scenarios")] = None,
    yes: Annotated[bool, typer.Option("--yes", help="approve every gate of the scenarios")] = False,
    json: Annotated[bool, typer.Option("--json", help="verdicts and table as JSON")] = False,
) -> int:
    """Put scenarios or finished runs side by side.

    Scenarios are played one after the other first; their progress goes to stderr. Exits with
    the worst of the runs' codes, in the order 254, 255, 1, 2, 3, 0.
    """
    from sim.report.comparison import comparison, comparison_json, comparison_text, worst_code

    if engine not in ("auto", "docker", "process"):
        raise BadInput(f"there is no engine {engine!r} to run scenarios on", where="--engine",
                       todo="auto, docker or process")
    wanted = [find(name) for name in these]
    stored = {n: read_run(w.folder) for n, w in enumerate(wanted) if w.folder is not None}
    for one in wanted:
        if one.scenario is not None:
            from sim.runbook.gates import refuse_unattended

            refuse_unattended(one.scenario, attended=False, yes=yes)
    if seed is None and any(w.scenario is not None and w.scenario.seed is None for w in wanted):
        seed_of_random = randomness.randbelow(2**31)  # one for all of them: else they would not compare
    else:
        seed_of_random = 0
    runs: list[Ran] = []
    stopped = False
    for n, one in enumerate(wanted):
        if one.scenario is None:
            runs.append(stored[n])
            continue
        progress(f"{n + 1}/{len(wanted)} {one.scenario.slug}: {one.scenario.asks}")
        drawn = seed if seed is not None else one.scenario.seed
        try:
            runs.append(play(one, engine, seed_of_random if drawn is None else drawn, yes=yes))
        except Interrupted:
            stopped = True
            break
    if stopped:
        progress("interrupted: nothing further is run")
        return 255
    rows = comparison(runs)
    if json:
        result_json(comparison_json(rows, runs))
    else:
        result(comparison_text(rows, runs).rstrip("\n"))
        next_step(f"rehearse report {_worst(runs).run}")
    return worst_code(r.code for r in runs)


def find(name: str) -> Wanted:
    """What an argument means: a run, or a scenario. A scenario's number is never a run's prefix.

    Raises BadInput if it is neither.
    """
    from sim.cli.runs import find_run, run_folders
    from sim.scenario import load_scenario
    from sim.scenario.find import find_scenario

    run_like = name == "latest" or name in {f.name for f in run_folders()} or Path(name).expanduser().is_dir()
    if run_like:
        return Wanted(name, find_run(name), None)
    try:
        file = find_scenario(name)
    except BadInput as no_scenario:
        try:
            return Wanted(name, find_run(name), None)
        except BadInput as no_run:
            if any(f.name.startswith(name) for f in run_folders()):
                raise no_run from None  # it fits several runs: that is what must be heard
            raise BadInput(f"`{name}` is neither a scenario nor a run", seen=no_scenario.what,
                           todo=no_scenario.todo or no_run.todo) from None
    return Wanted(name, None, load_scenario(file))


def read_run(folder: Path) -> Ran:
    """A finished run.

    Raises BadInput if it has no verdict yet or it can't be read.
    """
    from sim.report.comparison import Ran

    verdict = _verdict(folder)
    if verdict is None:
        raise BadInput("this run has no verdict to compare: it goes on, or did not end by itself", where=str(folder),
                       todo=f"rehearse judge {folder.name} judges what it wrote")
    return Ran.of(folder.name, verdict)


def play(wanted: Wanted, engine: str, seed: int, *, yes: bool) -> Ran:
    """Run a scenario in a process of its own and read what it left.

    Raises Interrupted if somebody stopped it: it has cleaned up after itself by then.
    """
    from sim.report.comparison import Ran
    from sim.runfolder import make_run_folder

    assert wanted.scenario is not None
    folder = make_run_folder(wanted.scenario.slug, seed, None)
    command = [sys.executable, "-m", "sim.cli.app", "run", str(wanted.scenario.path or wanted.name),
               "--engine", engine, "--seed", str(seed), "--run-dir", str(folder), "--no-tui", "--json"]
    if yes:
        command.append("--yes")
    child = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
    with passed_on(child) as told:
        code = child.wait()
    if told:
        raise Interrupted
    try:
        verdict = _verdict(folder)
    except BadInput as error:
        progress(str(error))
        verdict = None
    if not (folder / "history.jsonl").exists():
        with contextlib.suppress(OSError):  # nothing was begun: no empty run stays in the list
            shutil.rmtree(folder)
    if verdict is None:
        progress(f"{wanted.scenario.slug}: no verdict, rehearse run ended with {code}")
    return Ran(run=folder.name, verdict=verdict, code=code)


def _verdict(folder: Path) -> Verdict | None:
    import msgspec

    from sim.checks.verdict import from_json

    path = folder / "verdict.json"
    try:
        return from_json(path.read_bytes())
    except FileNotFoundError:
        return None
    except (OSError, msgspec.MsgspecError) as error:
        raise BadInput("this verdict can't be read", where=str(path), seen=str(error),
                       todo=f"rehearse judge {folder.name} judges the run again") from error


def _worst(runs: list[Ran]) -> Ran:
    from sim.report.comparison import worst_code

    worst = worst_code(r.code for r in runs)
    return next((r for r in runs if r.code == worst), runs[-1])
