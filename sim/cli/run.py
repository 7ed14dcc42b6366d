"""`rehearse run`: one rehearsal, with the screen on a terminal and plain lines elsewhere."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from sim.cli.options import (
    DEFAULT,
    AsJson,
    Engine,
    EngineChoice,
    Keep,
    KeepChoice,
    Metrics,
    PauseBefore,
    RunDir,
    ScenarioName,
    Seed,
    Sets,
    Tui,
    Yes,
)
from sim.errors import BadInput


def run(
    scenario: ScenarioName = DEFAULT,
    engine: EngineChoice = Engine.auto,
    seed: Seed = None,
    set_: Sets = None,
    run_dir: RunDir = None,
    tui: Tui = None,
    keep: KeepChoice = Keep.always,
    pause_before: PauseBefore = None,
    yes: Yes = False,
    dry: Annotated[bool, typer.Option("--dry", "--dry-run",
                                      help="print the runbook, write the plan, start nothing")] = False,
    json: AsJson = False,
    metrics: Metrics = None,
) -> None:
    """Run one rehearsal on real parts and judge it."""
    from sim.cli.playing import ATTENDED, plain, with_screen
    from sim.scenario import load_scenario

    if engine is Engine.model:
        raise BadInput("there is no model rig yet", where="--engine", todo="--engine process or docker")
    chosen = load_scenario(scenario, sets=set_ or [])
    if pause_before is not None and chosen.step(pause_before) is None:
        raise BadInput(f"there is no step {pause_before!r} in {chosen.slug}", where="--pause-before",
                       todo="one of " + ", ".join(s.name for s in chosen.runbook))
    for note in chosen.notes:
        typer.echo(f"note: {note}", err=True)
    if chosen.gameday is not None:
        typer.echo("note: its game day is not played; rehearse gameday plays it", err=True)
    if dry:
        _dry(chosen, seed, run_dir)
        return
    from sim.rehearsal import Options

    terminal = sys.stdin.isatty() and sys.stderr.isatty()
    options = Options(engine=engine.value,  # type: ignore[arg-type]  # model was refused above
                      seed=seed, run_dir=run_dir, keep=keep.value, pause_before=pause_before,
                      yes=yes, attended=terminal or bool(os.environ.get(ATTENDED)), metrics=metrics)
    if tui or (tui is None and terminal and sys.stdout.isatty() and not json):
        raise typer.Exit(with_screen(chosen, options, ["run", scenario], set_ or []))
    raise typer.Exit(plain(chosen, options, json))


def _dry(chosen: Any, seed: int | None, run_dir: Path | None) -> None:
    """Print the runbook and write plan.jsonl; nothing is started."""
    from sim.faults.drawing import with_drawn
    from sim.faults.telling import lasting, said
    from sim.rehearsal import Options, plan_of, prepare
    from sim.traffic.plan import make_plan
    from sim.traffic.population import Population

    options = Options(seed=seed, run_dir=run_dir, yes=True)
    drawn, folder = prepare(chosen, options)
    counts = chosen.population.clients
    population = Population.draw(drawn, chosen.population.grants, counts.model_dump())
    plan = make_plan(chosen.model_copy(update={"seed": drawn}), population)
    plan.write(folder / "plan.jsonl")
    typer.echo(f"{chosen.slug}  seed {drawn}: {chosen.title}")
    for n, step in enumerate(plan_of(chosen), start=1):
        typer.echo(f"{n:>2}  {step['name']:<10} {step['does']}")
        typer.echo(f"{'':14} needs: {step['needs']}; undo: {step['undo']}; deadline {step['deadline_s']:g} s")
    for fault in with_drawn(chosen, drawn).faults:
        typer.echo(f"    {fault.at!s:<16} {said(fault)}  ({fault.name}{lasting(fault)})")
    typer.echo(f"plan: {folder / 'plan.jsonl'}")
    typer.echo(f"next: rehearse run {chosen.slug.split('-')[0]} --seed {drawn}")
