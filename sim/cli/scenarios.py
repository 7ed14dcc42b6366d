"""`rehearse scenarios`: what each asks, what it is expected to say, how long it takes at least."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NamedTuple

import typer

from sim.cli.output import next_step, result, result_json, screen_width, table
from sim.paths import data

if TYPE_CHECKING:
    from sim.scenario import Scenario


class ScenarioLine(NamedTuple):
    """One scenario, as the list shows it."""

    slug: str
    title: str
    asks: str
    expect: str
    least_s: float
    """Seconds that the steps take by their own words; the real work comes on top."""
    ci: bool


def list_scenarios() -> list[ScenarioLine]:
    """The project's scenarios, by number. Raises BadScenario if one is wrong."""
    from sim.scenario import load_scenario, scenario_files

    return [_line(load_scenario(path)) for path in scenario_files()]


def least_s(scenario: Scenario) -> float:
    """The sum of what the steps take by their own words (baseline, dwell, soak)."""
    return sum(step.least_s for step in scenario.runbook)


def complete_scenario(incomplete: str) -> list[str]:
    """Completion of a SCENARIO: names, and files below here."""
    names = sorted(path.stem for path in data("scenarios").glob("[0-9]*.yaml"))
    files = sorted(str(path) for path in Path().glob(f"{incomplete}*.yaml")) if incomplete else []
    return [name for name in names if name.startswith(incomplete)] + files


def _line(scenario: Scenario) -> ScenarioLine:
    return ScenarioLine(
        scenario.slug, scenario.title, scenario.asks, str(scenario.expect), least_s(scenario), scenario.ci
    )


def scenarios(
    json: Annotated[bool, typer.Option("--json", help="the list as JSON")] = False,
) -> None:
    """List the scenarios: what each asks and what it is expected to say."""
    lines = list_scenarios()
    if json:
        result_json([line._asdict() for line in lines])
        return
    rows = [(line.slug, f"≥ {line.least_s:.0f} s", line.expect, line.asks) for line in lines]
    result(table(("scenario", "takes", "expected", "asks"), rows, width=screen_width()))
    next_step("rehearse run 10")
