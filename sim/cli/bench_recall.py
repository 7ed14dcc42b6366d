"""`rehearse bench recall`: do the checks find what is wrong, and keep quiet when nothing is?

Plays a small scenario of its own with each planted bug (sim.services.planted), then clean ones, each
in a process of its own that is told its bug by the environment. Real runs, one after the other.
"""

from __future__ import annotations

import os
import shutil
import sys
import time
from pathlib import Path
from typing import Annotated

import typer

from sim.cli import recall
from sim.cli.child import begin, folder_beside_runs, last_words, passed_on, verdict_of
from sim.cli.output import next_step, one_line, progress, result, result_json, screen_width, table
from sim.errors import BadInput, RehearsalError
from sim.services import planted

RUN_S = 75.0
"""Assumption: one run of the small scenario on two cores, for the estimate alone."""


def bench_recall(
    bug: Annotated[list[str] | None, typer.Option("--bug", help="only this planted bug; may be repeated")] = None,
    runs: Annotated[int, typer.Option(min=1, help="Runs of each bug.")] = 1,
    clean: Annotated[int, typer.Option(min=0, help="Runs without a bug.")] = recall.CLEAN,
    engine: Annotated[str, typer.Option("--engine", help="auto, docker or process")] = "auto",
    as_json: Annotated[bool, typer.Option("--json", help="The figures as JSON.")] = False,
) -> int:
    """Plant known bugs and see whether each is found; then run without one.

    Prints bug, expected check, what it said and why; then recall and false alarms. Exits 1 if a bug was
    missed, a check raised a false alarm or a clean run left no verdict. Takes about a minute a run.
    """
    for name in bug or ():
        if name not in planted.BUGS:
            from sim.scenario.messages import did_you_mean

            raise BadInput(f"there is no bug `{name}` to plant", where="--bug",
                           todo=did_you_mean(name, planted.BUGS) or "one of " + ", ".join(planted.BUGS))
    if engine not in ("auto", "docker", "process"):
        raise BadInput(f"there is no engine {engine!r}", where="--engine", todo="auto, docker or process")
    if planted.now():
        raise BadInput(f"{planted.VARIABLE} is set already", seen=planted.now(), todo=f"unset {planted.VARIABLE}")
    todo = recall.tries(list(bug or planted.BUGS), runs=runs, clean=clean)
    folder = folder_beside_runs("recall")
    progress(f"{len(todo)} real runs, about {len(todo) * RUN_S / 60:.0f} min; their folders: {folder}")
    seen: list[recall.Seen] = []
    stopped = False
    for n, tried in enumerate(todo, start=1):
        progress(f"[{n:>3}/{len(todo)}] {tried.name}: "
                 + (planted.BUGS[tried.bug].does if tried.bug else f"nothing is planted, seed {tried.seed}"))
        one = play(tried, engine, folder / f"{n:03}-{tried.name}")
        if one is None:
            stopped = True
            break
        seen.append(one)
        progress(f"          {_mark(one)} after {one.took_s:.0f} s: {one_line(one.evidence) or one.word}")
    told = recall.figures(seen)
    if as_json:
        result_json({**told, "interrupted": stopped, "runs": [
            {"bug": s.tried.bug, "stage": s.tried.stage, "seed": s.tried.seed, "expects": s.tried.expects,
             "seen": s.word, "good": s.good, "evidence": s.evidence, "folder": s.folder} for s in seen]})
    else:
        result(shown(seen))
    if stopped:
        progress("interrupted: nothing further is run")
        return 255
    bad = next((s for s in seen if not s.good), None)
    if bad is not None and bad.folder:
        next_step(f"rehearse report {bad.folder}")
    return 0 if told["met"] else 1


def shown(seen: list[recall.Seen]) -> str:
    """The table and the two figures, for people."""
    rows = [(s.tried.bug or "(none)", planted.BUGS[s.tried.bug].part if s.tried.bug else s.tried.stage,
             s.tried.expects or "no alarm", s.word, _mark(s), one_line(s.evidence)) for s in seen]
    told = recall.figures(seen)
    lines = [table(("bug", "in", "expected", "seen", "", "evidence"), rows, width=screen_width()), ""]
    if told["planted"]:
        lines.append(f"recall        {told['found']} of {told['planted']} = {told['recall'] * 100:.0f} %"
                     + (f"; missed: {', '.join(dict.fromkeys(told['missed']))}" if told["missed"] else ""))
    if told["clean"]:
        lines.append(f"false alarms  {told['false_alarms']} of {told['clean']} clean runs"
                     + (f"; {told['undecided']} of them showed nothing" if told["undecided"] else ""))
    return "\n".join(lines)


def play(tried: recall.Try, engine: str, folder: Path) -> recall.Seen | None:
    """One run in a process of its own; None if somebody stopped it (it has cleaned up by then)."""
    from sim.paths import data
    from sim.scenario import load_scenario

    file = data("scenarios", "bench", f"{tried.stage}.yaml")
    scenario = load_scenario(file)
    environment = {**os.environ, **({planted.VARIABLE: tried.bug} if tried.bug else {})}
    command = [sys.executable, "-m", "sim.cli.bench_recall", str(file), engine, str(tried.seed), str(folder)]
    began_s = time.monotonic()
    child = begin(command, folder, environment)
    with passed_on([child]) as told:
        child.wait()
    if told:
        return None
    verdict = verdict_of(folder)
    if verdict is None:
        progress(last_words(folder, 800))
    seen = recall.judged(tried, verdict, scenario.expect.checks)
    if seen.good and seen.word != "unknown":
        shutil.rmtree(folder, ignore_errors=True)  # it shows what it was expected to; a history is tens of MB
        return seen._replace(took_s=time.monotonic() - began_s)
    return seen._replace(took_s=time.monotonic() - began_s, folder=str(folder))


def _mark(seen: recall.Seen) -> str:
    if seen.tried.bug:
        return "✓ found" if seen.good else "✗ missed"
    return {"broken": "✗ false alarm", "none": "✗ no verdict", "unknown": "? undecided"}.get(seen.word, "✓ quiet")


def _child(file: str, engine: str, seed: str, folder: str) -> int:
    """The run itself, with the bug that the environment names; returns `rehearse run`'s exit code."""
    import uvloop

    from sim.cli.output import complain
    from sim.rehearsal import Options, rehearse
    from sim.scenario import load_scenario

    options = Options(engine=engine, seed=int(seed), run_dir=Path(folder), yes=True,  # type: ignore[arg-type]
                      planted=planted.now())
    try:
        return uvloop.run(rehearse(load_scenario(file), options)).code
    except RehearsalError as error:
        return complain(error)


if __name__ == "__main__":
    sys.exit(_child(*sys.argv[1:5]))
