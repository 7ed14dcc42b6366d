"""`rehearse ctl RUN VERB`: command a running rehearsal from another terminal."""

from __future__ import annotations

import getpass
from typing import Annotated

import typer


def ctl(
    run: Annotated[str, typer.Argument(help="latest, a run's id, a prefix or a path")],
    verb: Annotated[str, typer.Argument(help="pause resume approve postpone nogo abort stop note status")],
    text: Annotated[str, typer.Argument(help="a note's text, or the reason of a decision")] = "",
    for_s: Annotated[float | None, typer.Option("--for", help="seconds to postpone by")] = None,
    who: Annotated[str | None, typer.Option("--who", help="your name in the history")] = None,
) -> None:
    """Command a running rehearsal: pause, approve, postpone, abort, note …"""
    from sim.cli.runs import find_run
    from sim.control import send

    arguments: dict[str, str | float] = {}
    if text:
        arguments["text" if verb == "note" else "reason"] = text
    if for_s is not None:
        arguments["for_s"] = for_s
    typer.echo(send(find_run(run), verb, who=who or getpass.getuser(), **arguments))
