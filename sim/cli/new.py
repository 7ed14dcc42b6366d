"""`rehearse new FILE --from S`: begin a scenario of one's own, 15 lines that run as they are."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import typer

from sim.cli.output import next_step, result
from sim.cli.scenarios import complete_scenario
from sim.errors import BadInput

TEMPLATE = """\
# yaml-language-server: $schema={schema}
format: 1
extends: {parent}{pad}# everything of it; below is only what differs
title: {title}
asks: What do you want to know?
seed: random                               # or an integer: the same traffic again
population: {{grants: {grants}}}
change:                                    # steps by name: given keys replace, the rest stays
  migrate: {{deadline: {deadline}}}
# insert: [{{before: cutover, manual: Freeze deploys, who: operator, deadline: 3m}}]
# faults: [{{name: slow, fault: latency, link: edge->green-hydra, latency: 250ms, at: soak + 5s, for: 10s}}]
# guards: [{{when: availability.failed_share > 1%, for: 3s, then: rollback}}]
tolerate:
  write_loss.grants: {{max: {lost}, because: writes stay on while the copy is made}}
expect: {expect}
"""


def new(
    file: Annotated[Path, typer.Argument(help="the file to write", metavar="FILE")],
    source: Annotated[
        str,
        typer.Option("--from", metavar="SCENARIO", help="the scenario to extend", autocompletion=complete_scenario),
    ] = "10",
    force: Annotated[bool, typer.Option("--force", help="overwrite FILE")] = False,
) -> None:
    """Begin a scenario of your own: 15 lines that extend another one and run as they are."""
    from sim.paths import data
    from sim.scenario import find_scenario, load_scenario, scenario_files
    from sim.scenario.quantities import duration_text

    if file.suffix not in (".yaml", ".yml"):
        raise BadInput("a scenario is a .yaml file", where=str(file), todo=f"rehearse new {file}.yaml --from {source}")
    if file.exists() and not force:
        raise BadInput("the file is there already", where=str(file), todo="choose another name, or --force")
    if not file.parent.is_dir():
        raise BadInput("the folder is not there", where=str(file.parent), todo="make it first")
    parent_path = find_scenario(source)
    parent = load_scenario(parent_path)
    own = parent_path not in scenario_files()
    name = os.path.relpath(parent_path.resolve(), file.parent.resolve()) if own else parent_path.stem
    migrate = parent.step("migrate")
    lost = parent.tolerate.get("write_loss.grants")
    expect = parent.expect.written()
    text = TEMPLATE.format(
        schema=os.path.relpath(data("scenarios", ".schema.json"), file.parent.resolve()),
        parent=name,
        pad=" " * max(2, 43 - len("extends: ") - len(name)),
        title=_title(file),
        grants=parent.population.grants,
        deadline=duration_text(migrate.deadline) if migrate else "5m",
        lost=lost.written() if lost else 0,
        expect=expect if isinstance(expect, str) else "{" + ", ".join(f'{k}: "{v}"' for k, v in expect.items()) + "}",
    )
    file.write_text(text)
    load_scenario(file)
    result(f"wrote {file}, which extends {name}")
    next_step(f"rehearse validate {file}")


def _title(file: Path) -> str:
    words = file.stem.replace("-", " ").replace("_", " ").strip().lstrip("0123456789 ")
    return f'"{words.capitalize() or file.stem}"'
