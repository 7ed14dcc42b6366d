"""`rehearse shrink RUN`: which of a run's faults does it take to break what it broke?

Delta debugging (sim.faults.shrinking) with real rehearsals as its oracle. Runs are not alike, so a list
breaks if one of its tries does, and what is left at the end is played again, for an honest rate.
"""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from sim.cli.child import begin_run, last_words, passed_on, verdict_of
from sim.cli.output import next_step, progress, result, result_json
from sim.cli.runs import find_run
from sim.errors import BadInput, RehearsalError

if TYPE_CHECKING:
    from sim.checks.verdict import Verdict
    from sim.faults.shrinking import Shrunk
    from sim.scenario import Fault, Scenario

FILE = "shrunk.yaml"


def shrink(
    run: Annotated[str, typer.Argument(metavar="RUN", help="a broken run with faults: latest, an id or a path")],
    check: Annotated[str | None, typer.Option("--check", help="the check that must go on breaking")] = None,
    tries: Annotated[int, typer.Option(min=1, help="Runs of a list until it counts as not breaking.")] = 2,
    confirm: Annotated[int, typer.Option(min=1, help="Fresh runs of what is left, for its rate.")] = 5,
    most: Annotated[int, typer.Option(min=1, help="Most runs altogether.")] = 60,
    engine: Annotated[str | None, typer.Option("--engine", help="docker or process; default: the run's")] = None,
    to: Annotated[Path | None, typer.Option("--to", help=f"the new scenario; default: {FILE} in RUN")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="the outcome as JSON")] = False,
) -> int:
    """Reduce a breaking schedule to the faults it takes, as a scenario file with its rate.

    Plays real runs, one after the other. Ctrl-C ends it and keeps the best so far. Exits 0 if what is left
    breaks again, 2 if nothing breaks twice, 255 if it was interrupted.
    """
    from sim.faults.shrinking import shrink as smallest
    from sim.runfolder import write_private

    folder = find_run(run)
    verdict, scenario = _read(folder)
    if engine not in (None, "auto", "docker", "process"):
        raise BadInput(f"there is no engine {engine!r}", where="--engine", todo="docker or process")
    target = chosen(verdict, scenario, check)
    drawn, others = schedule(scenario)
    playing = Rehearsals(scenario, others, target, folder / "shrink", engine or verdict.engine, verdict.seed,
                         tries=tries, most=most)
    progress(f"{folder.name} broke {target} under {len(drawn)} faults; at most {most} runs")
    shrunk: Shrunk[Fault] | None = None
    try:
        if playing.breaks(drawn):
            shrunk = smallest(drawn, playing.breaks)
    except playing.enough:
        pass
    if shrunk is None:
        progress(f"{target} was not broken again in {playing.played} runs: there is nothing to shrink by")
        return 255 if playing.stopped else 2
    broke, of = playing.rate(shrunk.kept, confirm)
    file = to or folder / FILE
    write_private(file, written(scenario, [*others, *shrunk.kept], verdict.seed, _comment(
        folder.name, target, shrunk, len(drawn), broke, of)))
    told = {"run": folder.name, "check": target, "faults": [f.name for f in shrunk.kept], "of": len(drawn),
            "minimal": shrunk.is_minimal, "broke": broke, "confirmed_by": of, "runs": playing.played,
            "interrupted": playing.stopped, "file": str(file), "witness": playing.witness}
    if as_json:
        result_json(told)
    else:
        result(said(shrunk, len(drawn), target, broke, of, playing.played))
        next_step(f"rehearse run {file}")
    if playing.stopped:
        return 255
    return 0 if broke else 2


def chosen(verdict: Verdict, scenario: Scenario, check: str | None) -> str:
    """The check to go by: the one asked for, else the first broken one that the scenario did not expect.

    Raises BadInput if the run did not break it, or broke nothing.
    """
    if verdict.planted:
        raise BadInput("a bug was planted in this run: its faults are not what broke it", seen=verdict.planted)
    broken = [c.name for c in verdict.checks if c.verdict == "broken"]
    if not broken:
        raise BadInput("this run broke nothing", seen=f"{verdict.verdict}, {verdict.ended}",
                       todo="give a run that says BROKEN: rehearse runs")
    if check is not None and check not in broken:
        raise BadInput(f"this run did not break {check}", where="--check", seen=f"broken: {', '.join(broken)}")
    expected = scenario.expect.checks
    return check or next((name for name in broken if expected.get(name) != "broken"), broken[0])


def schedule(scenario: Scenario) -> tuple[tuple[Fault, ...], list[Fault]]:
    """(the faults to choose from, those that stay): the drawn ones, or all if none was drawn.

    Raises BadInput if there is none.
    """
    from sim.faults.drawing import DRAWN

    drawn = tuple(f for f in scenario.faults if f.name.startswith(DRAWN))
    planned = tuple(f for f in scenario.faults if f.at != "by hand")
    some = drawn or planned
    if not some:
        raise BadInput("this run had no planned fault", todo="what breaks without one can't be shrunk by leaving some "
                       "out; nemesis: in a scenario draws faults")
    return some, [f for f in scenario.faults if f not in some]


class Rehearsals:
    """The oracle: plays a list of faults, and says whether the check breaks under it."""

    def __init__(self, scenario: Scenario, others: list[Fault], check: str, folder: Path, engine: str, seed: int, *,
                 tries: int, most: int) -> None:
        from sim.faults.shrinking import Enough

        self.enough = Enough
        self._scenario, self._others, self._check = scenario, others, check
        self._folder, self._engine, self._seed = folder, engine, seed
        self._tries, self._most = tries, most
        self.played = 0
        self.stopped = False
        """Somebody told us to end."""
        self.witness = ""
        """The folder of the last run that broke it."""

    def breaks(self, faults: Sequence[Fault]) -> bool:
        """Whether one of the tries breaks it. Raises Enough, and RehearsalError if the first run has no verdict."""
        names = ", ".join(f.name for f in faults) or "no fault"
        for n in range(1, self._tries + 1):
            progress(f"[run {self.played + 1}, at most {self._most}] {len(faults)} faults, try {n} of {self._tries}: "
                     f"{names}")
            broke = self._play(faults)
            progress(f"          {self._check} {'BROKEN' if broke else 'not broken'}")
            if broke:
                return True
        return False

    def rate(self, faults: Sequence[Fault], wanted: int) -> tuple[int, int]:
        """(k, n): of n fresh runs k broke it; fewer than `wanted` if they end before."""
        broke = of = 0
        try:
            for n in range(1, wanted + 1):
                progress(f"[run {self.played + 1}, at most {self._most}] once more, {n} of {wanted}")
                broke += self._play(faults)
                of += 1
        except self.enough:
            pass
        return broke, of

    def _play(self, faults: Sequence[Fault]) -> bool:
        from sim.runfolder import write_private
        from sim.scenario import resolved

        if self.stopped or self.played >= self._most:
            raise self.enough
        self.played += 1
        self._folder.mkdir(mode=0o700, exist_ok=True)
        run = self._folder / f"{self.played:03}"
        shutil.rmtree(run, ignore_errors=True)
        run.mkdir(mode=0o700)
        file = run / "asked.yaml"
        asked = with_faults(self._scenario, [*self._others, *faults], self._seed)
        write_private(file, resolved(asked, seed=self._seed))
        child = begin_run(file, run, self._engine, self._seed)
        with passed_on([child]) as told:
            child.wait()
        if told:
            self.stopped = True
            raise self.enough
        verdict = verdict_of(run)
        if verdict is None and self.played == 1:
            raise RehearsalError("the run left no verdict", where=str(run),
                                 seen=last_words(run))
        if verdict is None:
            progress("          no verdict: it counts as not broken")
        broke = verdict is not None and verdict.check(self._check).verdict == "broken"
        self._keep(run if broke else None, run)
        return broke

    def _keep(self, witness: Path | None, run: Path) -> None:
        """Of all these runs only the last that broke it stays: a history is tens of MB."""
        if witness is None:
            shutil.rmtree(run, ignore_errors=True)
            return
        if self.witness:
            shutil.rmtree(self.witness, ignore_errors=True)
        self.witness = str(witness)


def with_faults(scenario: Scenario, faults: list[Fault], seed: int) -> Scenario:
    """The same scenario with these faults and no other."""
    return scenario.model_copy(update={"faults": faults, "nemesis": None, "seed": seed})


def written(scenario: Scenario, faults: list[Fault], seed: int, comment: str) -> str:
    """The new scenario file: what it extends where that says the same, with its faults written out."""
    from sim.scenario.difference import as_difference

    titled = with_faults(scenario, faults, seed).model_copy(
        update={"title": f"{scenario.title}, shrunk to {len(faults)} fault{'' if len(faults) == 1 else 's'}"})
    return as_difference(titled).replace("\n", f"\n{comment}", 1)


def said(shrunk: Shrunk[Fault], of: int, check: str, broke: int, confirmed: int, played: int) -> str:
    """The outcome, for people."""
    from sim.faults.telling import lasting
    from sim.faults.telling import said as told

    lines = [f"{len(shrunk.kept)} of {of} faults break {check}: {broke} of {confirmed} fresh runs; "
             + ("without any one of them it was not broken" if shrunk.is_minimal else
                "not proven minimal: the runs ended before")]
    if not shrunk.kept:
        lines[0] = f"{check} breaks without any of the {of} faults: {broke} of {confirmed} fresh runs"
    lines += [f"  {fault.at!s:<16} {told(fault)}  ({fault.name}{lasting(fault)})" for fault in shrunk.kept]
    return "\n".join([*lines, f"{played} runs were played"])


def _comment(run: str, check: str, shrunk: Shrunk[Fault], of: int, broke: int, confirmed: int) -> str:
    minimal = "minimal" if shrunk.is_minimal else "not proven minimal"
    return f"# shrunk from {run}: {len(shrunk.kept)} of {of} faults, {minimal}; broke {check} in {broke} of " \
           f"{confirmed} runs\n"


def _read(folder: Path) -> tuple[Verdict, Scenario]:
    from sim.scenario import load_scenario

    verdict = verdict_of(folder)
    if verdict is None:
        raise BadInput("this run has no verdict that can be read", where=str(folder),
                       todo=f"rehearse judge {folder.name} judges what it wrote")
    return verdict, load_scenario(folder / "scenario.yaml")
