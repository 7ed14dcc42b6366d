"""Bare `rehearse` on a terminal: choose a scenario to run or a run to look at."""

from __future__ import annotations

from sim.cli.output import BOLD, result, styled, table

RECENT = 5
"""Assumption: older runs are found with `rehearse runs`."""


def pick() -> list[str]:
    """Ask until something is chosen → the command line it means; [] to leave."""
    from rich.prompt import Prompt

    from sim.cli.runs import RunLine, list_runs
    from sim.cli.scenarios import ScenarioLine, list_scenarios

    scenarios: list[ScenarioLine] = list_scenarios()
    runs: list[RunLine] = list_runs()[:RECENT]
    choices: dict[str, list[str]] = {}
    result(styled("Rehearse an upgrade", BOLD))
    rows = []
    for line in scenarios:
        number = line.slug.partition("-")[0]
        choices[number] = ["run", line.slug]
        rows.append((number, line.title, f"expects {line.expect}"))
    result(table(("run", "scenario", ""), rows))
    rows = []
    for n, run in enumerate(runs, start=1):
        key = f"r{n}"
        choices[key] = ["watch", run.id]
        rows.append((key, run.id, run.verdict))
    if rows:
        result()
        result(table(("see", "run", "verdict"), rows))
    choices |= {"d": ["doctor"], "h": ["--help"], "q": []}
    result()
    answer = Prompt.ask("which? (d doctor, h help, q quit)", choices=list(choices), default="q", show_choices=False)
    return choices[answer]
