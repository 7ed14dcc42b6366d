"""`rehearse gameday`: a rehearsal with people in it, and surprises that only one of them knows."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Annotated

import typer

from sim.cli.run import DEFAULT, Engine, Keep
from sim.errors import BadInput


def gameday(
    scenario: Annotated[str, typer.Argument(help="number, name, unique prefix or path")] = DEFAULT,
    card: Annotated[Path | None, typer.Option("--card", metavar="FILE",
                                              help="the facilitator's card; replaces the scenario's")] = None,
    role: Annotated[str, typer.Option("--role", help="whose screen this is")] = "facilitator",
    engine: Annotated[Engine, typer.Option(envvar="REHEARSE_ENGINE", help="where the real programs run")] = Engine.auto,
    seed: Annotated[int | None, typer.Option(envvar="REHEARSE_SEED", help="instead of the scenario's")] = None,
    set_: Annotated[list[str] | None, typer.Option("--set", help="key=value, such as runbook.copy.jobs=4")] = None,
    run_dir: Annotated[Path | None, typer.Option(envvar="REHEARSE_RUN_DIR", help="folder of this run")] = None,
    tui: Annotated[bool | None, typer.Option("--tui/--no-tui", envvar="REHEARSE_TUI",
                                             help="the screen; default: on a terminal")] = None,
    keep: Annotated[Keep, typer.Option(envvar="REHEARSE_KEEP", help="which runs keep their logs")] = Keep.always,
    pause_before: Annotated[str | None, typer.Option(envvar="REHEARSE_PAUSE_BEFORE",
                                                     help="pause before this step")] = None,
    yes: Annotated[bool, typer.Option("--yes", envvar="REHEARSE_YES", help="approve every gate")] = False,
    json: Annotated[bool, typer.Option("--json", help="verdict.json on stdout")] = False,
    metrics: Annotated[int | None, typer.Option("--metrics", envvar="REHEARSE_METRICS", min=0, max=65535,
                                                help="Prometheus' metrics on this loopback port; 0: any")] = None,
) -> None:
    """Play a game day: a rehearsal with surprises that only the facilitator knows.

    Whoever starts it is the facilitator, unless --role says otherwise. The others open a screen of
    their own, rehearse watch latest --role operator, and are told of no surprise until the end. On
    one machine that is an honour system: the run folder says everything to whoever reads it.

    The report holds the debrief; the exit code tells the verdict, as of any run.
    """
    from sim.cli.playing import ATTENDED, plain, with_screen
    from sim.scenario import load_scenario

    if engine is Engine.model:
        raise BadInput("there is no model rig yet", where="--engine", todo="--engine process or docker")
    chosen = load_scenario(scenario, sets=set_ or [], card=card)
    if not chosen.surprises or chosen.gameday is None:
        raise BadInput(f"{chosen.slug} has no card: nothing would surprise anybody", where="gameday",
                       todo="--card scenarios/cards/first-day.yaml, or write gameday: {card: […]} into the scenario")
    known_role(role, list(chosen.gameday.roles))
    if pause_before is not None and chosen.step(pause_before) is None:
        raise BadInput(f"there is no step {pause_before!r} in {chosen.slug}", where="--pause-before",
                       todo="one of " + ", ".join(s.name for s in chosen.runbook))
    for note in chosen.notes:
        typer.echo(f"note: {note}", err=True)
    from sim.rehearsal import Options

    terminal = sys.stdin.isatty() and sys.stderr.isatty()
    options = Options(engine=engine.value,  # type: ignore[arg-type]  # model was refused above
                      seed=seed, run_dir=run_dir, keep=keep.value, pause_before=pause_before, yes=yes, gameday=True,
                      attended=terminal or bool(os.environ.get(ATTENDED)), metrics=metrics)
    typer.echo("the others watch by: rehearse watch latest --role ROLE   (an honour system: the run folder is "
               "readable by you all)", err=True)
    if tui or (tui is None and terminal and sys.stdout.isatty() and not json):
        dealt = ["--card", str(card)] if card is not None else []
        raise typer.Exit(with_screen(chosen, options, ["gameday", scenario, *dealt], set_ or [], role))
    raise typer.Exit(plain(chosen, options, json))


def known_role(role: str, roles: list[str]) -> None:
    """Raises BadInput if nobody has that role."""
    from sim.scenario.messages import suggest

    if role not in roles:
        raise BadInput(f"this game day has no role `{role}`", where="--role", todo=suggest(role, roles, what="roles"))
