"""`rehearse run`: one rehearsal, with the screen on a terminal and plain lines elsewhere."""

from __future__ import annotations

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
    from sim.cli.playing import attended, chosen_scenario, look_over, play

    chosen = chosen_scenario(scenario, engine=engine, sets=set_ or [])
    look_over(chosen, pause_before)
    if chosen.gameday is not None:
        typer.echo("note: its game day is not played; rehearse gameday plays it", err=True)
    if dry:
        _dry(chosen, seed, run_dir)
        return
    from sim.rehearsal import Options

    options = Options(engine=engine.value,  # type: ignore[arg-type]  # model was refused above
                      seed=seed, run_dir=run_dir, keep=keep.value, pause_before=pause_before,
                      yes=yes, attended=attended(), metrics=metrics)
    raise typer.Exit(play(chosen, options, tui=tui, json=json, command=["run", scenario], sets=set_ or []))


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
