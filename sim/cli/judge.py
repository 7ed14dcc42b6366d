"""`rehearse judge RUN`: judge a stored run again."""

from __future__ import annotations

from typing import Annotated

import typer

from sim.errors import BadInput


def judge(
    run: Annotated[str, typer.Argument(help="latest, a run's id, a prefix or a path")] = "latest",
    json: Annotated[bool, typer.Option("--json", help="verdict.json on stdout")] = False,
) -> None:
    """Judge a stored run again from its history; exits as the run did."""
    import msgspec

    from sim.checks.judge import judge as pronounce
    from sim.checks.verdict import exit_code
    from sim.cli.runs import find_run
    from sim.history.history import History
    from sim.report.text import report_text
    from sim.scenario import load_scenario

    folder = find_run(run)
    history = History.load(folder / "history.jsonl")
    scenario = load_scenario(str(folder / "scenario.yaml"))
    verdict = pronounce(history, scenario)
    stored = folder / "verdict.json"
    again = msgspec.json.encode(verdict)
    if history.torn:
        typer.echo("the last line of the history was torn by a kill and is left out", err=True)
    typer.echo(again.decode() if json else report_text(verdict, history, scenario, folder))
    if not stored.exists():
        raise BadInput("the run has no verdict of its own to compare with", where=str(folder))
    before = msgspec.json.decode(stored.read_bytes())
    if before["verdict"] != verdict.verdict:
        typer.echo(f"the run itself said {before['verdict']}", err=True)
    raise typer.Exit(exit_code(verdict))
