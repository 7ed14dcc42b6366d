"""`rehearse bench faults`: each kind of fault in each phase, made for real: its proof and the run's verdict.

Real runs of a small scenario. One shows several cells, each in a phase of its own; what did not hold is
played again with each of its faults alone, so that every verdict belongs to one fault.
"""

from __future__ import annotations

import shutil
import subprocess
import time
from collections import deque
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NamedTuple

import typer

from sim.cli.child import begin_run, folder_beside_runs, last_words, side_by_side, verdict_of
from sim.cli.output import next_step, one_line, progress, result, result_json, screen_width, table
from sim.errors import BadInput

if TYPE_CHECKING:
    from sim.checks.verdict import Verdict
    from sim.faults.matrix import Cell, Seen, Word
    from sim.history.op import Op
    from sim.scenario import Scenario

STAGE = "faults"
PHASES = ("lifetime", "copy", "migrate", "cutover", "replay", "soak")
"""Those in which something is at stake; others on request."""
TOGETHER = 3
"""Assumption: three faults a run leave time between them, and most runs hold."""
RUN_S = 75.0
"""Assumption: one run of the small scenario on two cores, for the estimate alone."""
MARKS: dict[Word, str] = {"held": "✓", "rolled back": "↩", "broken": "✗", "unknown": "?", "none": "!"}


class Playing(NamedTuple):
    """A run under way."""

    child: subprocess.Popen[bytes]
    cells: list[Cell]
    folder: Path
    began_s: float


def bench_faults(
    kind: Annotated[list[str] | None, typer.Option("--kind", help="only this kind of fault; may be repeated")] = None,
    phase: Annotated[list[str] | None, typer.Option("--phase", help=f"a step; default: {', '.join(PHASES)}")] = None,
    together: Annotated[int, typer.Option(min=1, max=6, help="Faults a run, each in its phase.")] = TOGETHER,
    jobs: Annotated[int, typer.Option(min=1, max=8, help="Runs side by side.")] = 1,
    into: Annotated[Path | None, typer.Option("--into", help="append each cell here; play none that is in it")] = None,
    seed: Annotated[int, typer.Option(help="where each fault is made, and how strongly")] = 100,
    engine: Annotated[str, typer.Option("--engine", help="auto, docker or process")] = "auto",
    as_json: Annotated[bool, typer.Option("--json", help="The cells as JSON.")] = False,
) -> int:
    """Make each kind of fault in each phase and print the matrix: held, rolled back or broken, each proven.

    Exits 1 if a fault was not proven or a run came to no verdict. Takes about a minute a run; with --into it
    goes on where it was interrupted.
    """
    from sim.faults import matrix
    from sim.rigs.real.engines import choose
    from sim.scenario.links import known_links, known_parts

    scenario, (chosen, _) = _scenario(), choose(engine)
    _known("--kind", kind or (), list(_kinds()))
    _known("--phase", phase or (), [step.name for step in scenario.runbook])
    asked = matrix.cells(scenario, seed, list(kind or _kinds()), list(phase or PHASES), known_links(), known_parts(),
                         chosen)
    before = [one for one in _read(into) if (one.engine, one.seed) == (chosen, seed)]
    done = {(one.kind, one.phase) for one in before}
    todo = [cell for cell in asked if cell.fault is not None and cell.name not in done]
    runs = matrix.rounds(todo, together)
    progress(f"{len(todo)} cells in {len(runs)} real runs, about {len(runs) * RUN_S / 60 / jobs:.0f} min and more for "
             f"what does not hold; {len(done)} are known already")
    playing = Rounds(scenario, chosen, seed, jobs, into)
    playing.play(deque(runs))
    wanted = {cell.name for cell in asked}
    seen = [one for one in (*before, *playing.seen) if (one.kind, one.phase) in wanted]
    told = matrix.figures(seen)
    if as_json:
        result_json({**told, "interrupted": playing.stopped, "seen": [one._asdict() for one in seen]})
    else:
        result(shown(asked, seen))
    if playing.stopped:
        progress("interrupted: nothing further is run")
        return 255
    if playing.kept:
        next_step(f"rehearse report {playing.kept[0]}")
    return 0 if told["met"] else 1


class Rounds:
    """Plays runs, so many side by side, and takes apart what one run does not settle."""

    def __init__(self, scenario: Scenario, engine: str, seed: int, jobs: int, into: Path | None) -> None:
        self._scenario, self._engine, self._seed, self._jobs, self._into = scenario, engine, seed, jobs, into
        self._folder = folder_beside_runs("faults")
        self._n = 0
        self.seen: list[Seen] = []
        self.kept: list[str] = []
        """Folders of the runs that did not hold."""
        self.stopped = False

    def play(self, todo: deque[list[Cell]]) -> None:
        """Until nothing is left, or somebody says stop: the runs under way then end by themselves."""
        self.stopped = side_by_side(todo, self._jobs, self._begun, self._ended)

    def _begun(self, cells: list[Cell]) -> Playing:
        from sim.runfolder import write_private
        from sim.scenario import resolved

        self._n += 1
        folder = self._folder / f"{self._folder.name}-{self._n:03}"
        folder.mkdir(mode=0o700)
        file = folder / "asked.yaml"
        faults = [cell.fault for cell in cells if cell.fault is not None]
        asked = self._scenario.model_copy(update={"faults": [*self._scenario.faults, *faults]})
        write_private(file, resolved(asked, seed=self._seed))
        progress(f"[run {self._n}] " + " · ".join(f"{cell.kind} in {cell.phase}" for cell in cells))
        return Playing(begin_run(file, folder, self._engine, self._seed), cells, folder, time.monotonic())

    def _ended(self, one: Playing) -> list[list[Cell]]:
        """What it showed; the runs that are needed to know more."""
        from sim.faults.matrix import settles

        seen = seen_in(one, verdict_of(one.folder), self._engine, self._seed)
        word = seen[0].word
        if word == "none":
            progress(last_words(one.folder))
        if not settles(seen):
            progress(f"          {word}: each is played alone")
            shutil.rmtree(one.folder, ignore_errors=True)
            return [[cell] for cell in one.cells]
        for cell in seen:
            progress(f"          {MARKS[cell.word]} {cell.kind} in {cell.phase}: {cell.word}, "
                     f"{'proven' if cell.proven else 'NOT proven'}; {one_line(cell.why)}")
            if self._into is not None:
                _append(self._into, cell)
        self.seen += seen
        if word == "held" and all(cell.proven for cell in seen):
            shutil.rmtree(one.folder, ignore_errors=True)  # a history is tens of MB
        else:
            self.kept.append(str(one.folder))
        return []


class Proof(NamedTuple):
    """What a history says of one fault."""

    proven: bool = False
    healed: bool = False
    effect_s: float | None = None
    said: str = "never made: its phase was not reached"


def proofs(ops: Iterable[Op]) -> dict[str, Proof]:
    """By the fault's name, as `fault_proof` judges it; one that was never made is not there."""
    from sim.checks.fault_proof import healed, proven
    from sim.checks.timeline import Timeline

    timeline = Timeline()
    for op in ops:
        if op.process == "nemesis":
            timeline.feed(op)
    return {s.name: Proof(proven(s), healed(s, timeline.heals), s.value.get("effect_s"),
                          str(s.value.get("seen") or s.error)) for s in timeline.faults if s.outcome != "open"}


def seen_in(one: Playing, verdict: Verdict | None, engine: str, seed: int) -> list[Seen]:
    """What a run that has ended says of each of its cells."""
    from sim.faults.matrix import Seen
    from sim.faults.telling import lasting, said
    from sim.history.history import History

    file = one.folder / "history.jsonl"
    known = proofs(History.load(file).ops) if file.exists() else {}
    word, why = word_of(verdict)
    found = []
    for cell in one.cells:
        assert cell.fault is not None
        proof = known.get(cell.fault.name, Proof())
        found.append(Seen(cell.kind, cell.phase, said(cell.fault) + lasting(cell.fault), word,
                          proof.proven and proof.healed, proof.effect_s, why or proof.said, len(one.cells) == 1, engine,
                          seed, round(time.monotonic() - one.began_s, 1)))
    return found


def word_of(verdict: Verdict | None) -> tuple[Word, str]:
    """(what it ended with, the first check that was not held); a way back counts if blue was proven well."""
    if verdict is None:
        return "none", "the run left no verdict"
    wrong = next((c for word in ("broken", "unknown") for c in verdict.checks if c.verdict == word), None)
    if verdict.ended == "rolled_back" and verdict.verdict != "broken" and verdict.check("rollback").verdict == "held":
        return "rolled back", verdict.why
    said = f"{wrong.name}: {wrong.summary}" if wrong is not None else ""
    if verdict.verdict in ("held", "broken") and verdict.ended != "failed":
        return ("held" if verdict.verdict == "held" else "broken"), said
    return "unknown", said or verdict.why


def shown(asked: list[Cell], seen: list[Seen]) -> str:
    """The matrix, what its marks mean, what did not hold, and the counts."""
    from sim.faults.matrix import figures

    known = {(one.kind, one.phase): one for one in seen}
    phases = list(dict.fromkeys(cell.phase for cell in asked))
    rows = []
    for kind in dict.fromkeys(cell.kind for cell in asked):
        row = [kind]
        for cell in (cell for cell in asked if cell.kind == kind):
            one = known.get(cell.name)
            row.append("·" if cell.fault is None else " " if one is None else
                       MARKS[one.word] + ("" if one.proven else " not proven"))
        rows.append(row)
    lines = [table(("fault", *phases), rows), "",
             "✓ held   ↩ rolled back, blue well   ✗ broken   ? unknown   ! no verdict   · nothing there to hit", ""]
    lines += [table(("fault", "in", "", "which", "why"),
                    [(one.kind, one.phase, MARKS[one.word], one.fault, one_line(one.why)) for one in seen
                     if one.word != "held" or not one.proven], width=screen_width()), ""] \
        if any(one.word != "held" or not one.proven for one in seen) else []
    told = figures(seen)
    lines.append(f"{told['cells']} cells, {told['proven']} proven: {told['held']} held, {told['rolled_back']} rolled "
                 f"back, {told['broken']} broken, {told['unknown']} unknown, {told['none']} without a verdict")
    if told["effect_max_s"] is not None:
        lines.append(f"from order to effect: p50 {told['effect_p50_s'] * 1000:.0f} ms, at most "
                     f"{told['effect_max_s'] * 1000:.0f} ms")
    return "\n".join(lines)


def _scenario() -> Scenario:
    from sim.paths import data
    from sim.scenario import load_scenario

    return load_scenario(data("scenarios", "bench", f"{STAGE}.yaml"))


def _kinds() -> tuple[str, ...]:
    from sim.scenario.kinds import CATALOGUE

    return tuple(CATALOGUE)


def _known(option: str, names: list[str] | tuple[()], known: list[str]) -> None:
    from sim.scenario.messages import suggest

    for name in names:
        if name not in known:
            raise BadInput(f"there is no {option[2:]} `{name}`", where=option, todo=suggest(name, known))


def _read(file: Path | None) -> list[Seen]:
    """The cells of earlier runs. Raises BadInput if the file holds something else."""
    import msgspec

    from sim.faults.matrix import Seen

    if file is None or not file.exists():
        return []
    try:
        return [msgspec.json.decode(line, type=Seen) for line in file.read_bytes().splitlines() if line]
    except msgspec.MsgspecError as error:
        raise BadInput("this is no file of an earlier run", where=str(file), seen=str(error),
                       todo="give --into a file of its own") from None


def _append(file: Path, cell: Seen) -> None:
    import msgspec

    with file.open("ab") as lines:
        lines.write(msgspec.json.encode(cell) + b"\n")
