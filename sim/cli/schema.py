"""`rehearse schema`: the scenario file's JSON Schema, printed and put beside the scenarios."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from sim.cli.output import progress, result
from sim.errors import BadInput
from sim.paths import data


def text() -> str:
    """The schema as it stands in scenarios/.schema.json."""
    from sim.scenario.schema import schema as of_scenarios

    return json.dumps(of_scenarios(), indent=1, ensure_ascii=False, sort_keys=True) + "\n"


def schema(
    output: Annotated[
        Path | None, typer.Option("--output", "-o", metavar="FILE", help="instead of scenarios/.schema.json")
    ] = None,
    check: Annotated[bool, typer.Option("--check", help="only say whether the file is up to date")] = False,
) -> int:
    """Print the scenario file's JSON Schema and write scenarios/.schema.json.

    A scenario's first line names it: editors with a YAML language server then complete and check.
    """
    path = output or data("scenarios", ".schema.json")
    made = text()
    there = path.read_text() if path.is_file() else ""
    if check:
        if there != made:
            raise BadInput("the schema file is not up to date", where=str(path), todo="rehearse schema")
        result(f"{path} is up to date")
        return 0
    result(made.rstrip())
    if there != made:
        try:
            path.write_text(made)
        except OSError as error:
            raise BadInput(
                "the schema file cannot be written", where=str(path), seen=str(error), todo="--output FILE"
            ) from error
        progress(f"wrote {path}")
    return 0
