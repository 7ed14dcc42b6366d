"""`rehearse validate SCENARIO`: check a scenario without starting anything."""

from __future__ import annotations

from typing import Annotated

import typer

from sim.cli.output import next_step, progress, result, result_json
from sim.cli.scenarios import complete_scenario, least_s


def validate(
    scenario: Annotated[
        list[str],
        typer.Argument(
            help="number, name, unique prefix or path",
            metavar="SCENARIO",
            autocompletion=complete_scenario,
        ),
    ],
    sets: Annotated[list[str] | None, typer.Option("--set", metavar="KEY=VALUE", help="as in run")] = None,
    resolved: Annotated[
        bool, typer.Option("--resolved", help="print it with nothing inherited and no default left out")
    ] = False,
    json: Annotated[bool, typer.Option("--json", help="problems as JSON: file, line, column, what, todo")] = False,
) -> int:
    """Check scenarios without starting anything; exits with 254 if one is wrong."""
    from sim.cli.sized import notes
    from sim.errors import BadInput
    from sim.scenario import load_scenario
    from sim.scenario import resolved as whole

    code = 0
    problems: list[dict[str, object]] = []
    for name in scenario:
        try:
            good = load_scenario(name, sets=sets or [])
        except BadInput as error:
            code = error.exit_code
            if json:
                problems += _problems(name, error)
            else:
                progress(f"error: {error}")
            continue
        for note in notes(good):
            progress(f"note: {good.slug}: {note}")
        if resolved:
            result(whole(good).rstrip())
        elif not json:
            result(f"{good.slug}: {len(good.runbook)} steps, at least {least_s(good):.0f} s, expects {good.expect}")
    if json:
        result_json({"valid": code == 0, "problems": problems})
    elif code == 0 and not resolved:
        next_step(f"rehearse run {scenario[0]} --dry")
    return code


def _problems(name: str, error: Exception) -> list[dict[str, object]]:
    from sim.errors import BadInput
    from sim.scenario import BadScenario

    if isinstance(error, BadScenario):
        return [
            {"scenario": name, "what": p.what, "todo": p.todo}
            | ({"file": p.place.source.name, "line": p.place.line, "column": p.place.column} if p.place else {})
            for p in error.problems
        ]
    assert isinstance(error, BadInput)
    return [{"scenario": name, "file": error.where, "what": error.what, "todo": error.todo}]
