"""`rehearse report RUN`: the report of a finished run."""

from __future__ import annotations

from typing import Annotated

import typer

from sim.errors import BadInput

FORMATS = {"text": "report.txt", "json": "verdict.json", "junit": "junit.xml", "runbook": "runbook.md"}


def report(
    run: Annotated[str, typer.Argument(help="latest, a run's id, a prefix or a path")] = "latest",
    format: Annotated[str, typer.Option("--format", help="text, json, junit or runbook")] = "text",
) -> None:
    """Print a finished run's report."""
    from sim.cli.runs import find_run

    if format not in FORMATS:
        raise BadInput(f"there is no report format {format!r}", todo=f"one of {', '.join(FORMATS)}")
    folder = find_run(run)
    path = folder / FORMATS[format]
    if not path.exists():
        raise BadInput("this run has no report: it did not end by itself", where=str(folder),
                       todo=f"rehearse judge {folder.name} judges what it wrote")
    typer.echo(path.read_text(), nl=False)
