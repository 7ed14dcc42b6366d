"""`rehearse resume RUN`: take up a run whose harness was killed."""

from __future__ import annotations

from typing import Annotated

import typer


def resume(
    run: Annotated[str, typer.Argument(help="latest, a run's id, a prefix or a path")] = "latest",
    json: Annotated[bool, typer.Option("--json", help="verdict.json on stdout")] = False,
) -> None:
    """Take up a run that was killed (kill -9, power): roll it back to blue, prove it, judge all of it.

    Everything is started on the run's own data as it stood, by the engine that it ran on; containers that still
    run are ended first. What had begun is undone, newest first, and every revocation of which a token is still
    known is tried on blue. Where there is no way back (it was closing, or its one database is being migrated) the
    run is brought to its end.
    """
    import uvloop

    from sim.cli.runs import find_run
    from sim.rehearsal import Options
    from sim.rehearsal import resume as take_up

    result = uvloop.run(take_up(find_run(run), Options(yes=True)))
    if json:
        typer.echo((result.folder / "verdict.json").read_text(), nl=False)
    else:
        typer.echo(result.text, nl=False)
    raise typer.Exit(result.code)
