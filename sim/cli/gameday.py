"""`rehearse gameday`: a rehearsal with people in it, and surprises that only one of them knows."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

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


def gameday(
    scenario: ScenarioName = DEFAULT,
    card: Annotated[Path | None, typer.Option("--card", metavar="FILE",
                                              help="the facilitator's card; replaces the scenario's")] = None,
    role: Annotated[str, typer.Option("--role", help="whose screen this is")] = "facilitator",
    engine: EngineChoice = Engine.auto,
    seed: Seed = None,
    set_: Sets = None,
    run_dir: RunDir = None,
    tui: Tui = None,
    keep: KeepChoice = Keep.always,
    pause_before: PauseBefore = None,
    yes: Yes = False,
    json: AsJson = False,
    metrics: Metrics = None,
) -> None:
    """Play a game day: a rehearsal with surprises that only the facilitator knows.

    Whoever starts it is the facilitator, unless --role says otherwise. The others open a screen of
    their own, rehearse watch latest --role operator, and are told of no surprise until the end. On
    one machine that is an honour system: the run folder says everything to whoever reads it.

    The report holds the debrief; the exit code tells the verdict, as of any run.
    """
    from sim.cli.playing import attended, chosen_scenario, look_over, play

    chosen = chosen_scenario(scenario, engine=engine, sets=set_ or [], card=card)
    if not chosen.surprises or chosen.gameday is None:
        raise BadInput(f"{chosen.slug} has no card: nothing would surprise anybody", where="gameday",
                       todo="--card scenarios/cards/first-day.yaml, or write gameday: {card: […]} into the scenario")
    known_role(role, list(chosen.gameday.roles))
    look_over(chosen, pause_before)
    from sim.rehearsal import Options

    options = Options(engine=engine.value,  # type: ignore[arg-type]  # model was refused above
                      seed=seed, run_dir=run_dir, keep=keep.value, pause_before=pause_before, yes=yes, gameday=True,
                      attended=attended(), metrics=metrics)
    typer.echo("the others watch by: rehearse watch latest --role ROLE   (an honour system: the run folder is "
               "readable by you all)", err=True)
    dealt = ["--card", str(card)] if card is not None else []
    raise typer.Exit(play(chosen, options, tui=tui, json=json, command=["gameday", scenario, *dealt],
                          sets=set_ or [], role=role))


def known_role(role: str, roles: list[str]) -> None:
    """Raises BadInput if nobody has that role."""
    from sim.scenario.messages import suggest

    if role not in roles:
        raise BadInput(f"this game day has no role `{role}`", where="--role", todo=suggest(role, roles, what="roles"))
