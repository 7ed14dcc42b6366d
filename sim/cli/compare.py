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
from collections.abc import Iterable
from json import dumps
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NamedTuple

import typer

from sim.cli.child import passed_on
from sim.cli.output import next_step, progress, result
from sim.errors import BadInput

if TYPE_CHECKING:
    from sim.checks.verdict import Verdict
    from sim.report.columns import Measured, Ran
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
    seed: Annotated[int | None, typer.Option("--seed", help="one seed for all scenarios; else the runs' or the "
                                             "first scenario's")] = None,
    yes: Annotated[bool, typer.Option("--yes", help="approve every gate of the scenarios")] = False,
    json: Annotated[bool, typer.Option("--json", help="verdicts and table as JSON")] = False,
    html: Annotated[bool, typer.Option("--html", help="a page to send round")] = False,
    to: Annotated[Path | None, typer.Option("--to", help="write to this file instead of stdout")] = None,
) -> int:
    """Put scenarios or finished runs side by side: what each cost, the best of each line marked.

    Scenarios are played one after the other first; their progress goes to stderr. Runs of another
    seed or traffic are compared all the same, and it is said. Exits with the worst of the runs'
    codes, in the order 254, 255, 1, 2, 3, 0.
    """
    if json and html:
        raise BadInput("one form at a time", where="--json --html")
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
    seed = seed if seed is not None else _one_seed(wanted, stored.values())
    runs: list[Ran] = []
    played: list[Ran] = []
    stopped = False
    for n, one in enumerate(wanted):
        if one.scenario is None:
            runs.append(stored[n])
            continue
        progress(f"{n + 1}/{len(wanted)} {one.scenario.slug}, seed {seed}: {one.scenario.asks}")
        try:
            runs.append(play(one, engine, seed, yes=yes))
            played.append(runs[-1])
        except Interrupted:
            stopped = True
            break
    if stopped:
        progress("interrupted: nothing further is run")
        return 255
    _onto_their_pages(played, runs)
    rows = comparison(runs)
    if json:
        text = dumps(comparison_json(rows, runs), indent=2, ensure_ascii=False) + "\n"
    elif html:
        from sim.report.comparison_page import comparison_page

        text = comparison_page(runs)
    else:
        text = comparison_text(rows, runs)
    _say(text, to)
    if not (json or html):
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


def _one_seed(wanted: list[Wanted], stored: Iterable[Ran]) -> int:
    """The seed of everything that is played: other inputs would not compare.

    The finished runs' own if they have one in common, else the first scenario's, else drawn.
    """
    seeds = {run.verdict.seed for run in stored if run.verdict is not None}
    if len(seeds) == 1:
        return seeds.pop()
    first = next((w.scenario for w in wanted if w.scenario is not None), None)
    return first.seed if first is not None and first.seed is not None else randomness.randbelow(2**31)


def _onto_their_pages(played: list[Ran], runs: list[Ran]) -> None:
    """Write the comparison into report.html of the runs that were played for it."""
    from sim.cli.told import read
    from sim.paths import runs as runs_folder
    from sim.report.comparison_page import beside as put
    from sim.report.page import page
    from sim.runfolder import write_private

    for run in played:
        if len(runs) > 1 and run.measured is not None:
            folder = runs_folder() / run.run
            write_private(folder / "report.html", page(*read(folder), beside=put(runs)))


def _say(text: str, to: Path | None) -> None:
    """The answer, on stdout or in a file."""
    if to is None:
        result(text.rstrip("\n"))
        return
    try:
        to.write_text(text)
    except OSError as error:
        raise BadInput("this file can't be written", where=str(to), seen=str(error)) from error
    progress(f"written: {to}")


def beside(names: list[str]) -> dict[str, Any]:
    """Finished runs as the page's section shows them beside each other.

    Raises BadInput if one of them is no finished run.
    """
    from sim.cli.runs import find_run
    from sim.report.comparison_page import beside as put

    return put([read_run(find_run(name)) for name in names])


def read_run(folder: Path) -> Ran:
    """A finished run.

    Raises BadInput if it has no verdict yet or it can't be read.
    """
    from sim.report.columns import Ran

    verdict = _verdict(folder)
    if verdict is None:
        raise BadInput("this run has no verdict to compare: it goes on, or did not end by itself", where=str(folder),
                       todo=f"rehearse judge {folder.name} judges what it wrote")
    return Ran.of(folder.name, verdict, _measured(folder))


def play(wanted: Wanted, engine: str, seed: int, *, yes: bool) -> Ran:
    """Run a scenario in a process of its own and read what it left.

    Raises Interrupted if somebody stopped it: it has cleaned up after itself by then.
    """
    from sim.report.columns import Ran
    from sim.runfolder import make_run_folder

    assert wanted.scenario is not None
    folder = make_run_folder(wanted.scenario.slug, seed, None)
    command = [sys.executable, "-m", "sim.cli.app", "run", str(wanted.scenario.path or wanted.name),
               "--engine", engine, "--seed", str(seed), "--run-dir", str(folder), "--no-tui", "--json"]
    if yes:
        command.append("--yes")
    child = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
    with passed_on([child]) as told:
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
    return Ran(run=folder.name, verdict=verdict, code=code, measured=_measured(folder) if verdict is not None else None)


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


def _measured(folder: Path) -> Measured | None:
    """What its history tells; None, and a word about it, if it can't be read."""
    from sim.history.history import History
    from sim.report.measured import measured
    from sim.scenario import load_scenario

    try:
        return measured(History.load(folder / "history.jsonl"), load_scenario(str(folder / "scenario.yaml")))
    except BadInput as error:
        progress(f"{folder.name}: no downtime and no conditions: {error.what}")
        return None


def _worst(runs: list[Ran]) -> Ran:
    from sim.report.comparison import worst_code

    worst = worst_code(r.code for r in runs)
    return next((r for r in runs if r.code == worst), runs[-1])
