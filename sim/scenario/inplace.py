"""What goes together where both sides share blue's database, and what needs that they do.

Also which upgrades there are: each pair of versions was tried with the real programs.
"""

from __future__ import annotations

from collections.abc import Iterator

from sim.scenario.messages import Broken
from sim.scenario.model import Scenario
from sim.scenario.steps import Cleanup, Cutover, Migrate, StepBase

UPGRADES: dict[tuple[str, str], str] = {
    ("1.8.5", "1.11.10"): "blue",
    ("1.11.10", "2.3.0"): "",
}
"""(blue, green) → the database that green must use; "" = either."""

IMPOSSIBLE: dict[str, str] = {
    "capture": "no revocation is lost where there is one database",
    "copy": "green uses blue's database, so nothing is copied",
    "replay": "green sees every revocation itself",
}
"""Role → why it has no place where both sides share one database."""


def in_place(scenario: Scenario) -> Iterator[Broken]:
    """Every rule of one shared database that does not hold."""
    yield from _upgrade(scenario)
    yield from _begins(scenario)
    yield from _links(scenario)
    for n, step in enumerate(scenario.runbook):
        yield from _shared(scenario, n, step) if scenario.in_place else _apart(n, step)
        if step.role == "lifetime" and scenario.stack.blue.hydra == "1.8.5":
            yield Broken(("runbook", n), "lifetime: Hydra 1.8.5 has no lifetimes of a client's own (1.11.9 brought "
                         "them)", "leave lifetime out", on_key=True)


def _upgrade(scenario: Scenario) -> Iterator[Broken]:
    blue, green = scenario.stack.blue, scenario.stack.green
    needed = UPGRADES.get((blue.hydra, green.hydra))
    known = {version for pair in UPGRADES for version in pair}
    if needed is None and {blue.hydra, green.hydra} <= known:
        tried = ", ".join(f"{a} to {b}" for a, b in UPGRADES)
        yield Broken(("stack", "blue", "hydra"), f"from {blue.hydra} to {green.hydra} was never tried here",
                     f"one of {tried}")
    if needed and green.database != needed:
        yield Broken(("stack", "green"), f"{blue.hydra} to {green.hydra} is rehearsed in place only",
                     f"write stack.green.database: {needed}", on_key=True)
    if blue.columns == "explicit" and not scenario.in_place:
        yield Broken(("stack", "blue", "columns"), "explicit columns help only where blue's own database is migrated",
                     "write stack.green.database: blue, or leave columns out")
    elif blue.columns == "explicit" and green.hydra.startswith("2."):
        yield Broken(("stack", "blue", "columns"), f"{green.hydra} drops tables that {blue.hydra} reads: naming the "
                     "columns does not help", "leave columns out")


def _begins(scenario: Scenario) -> Iterator[Broken]:
    """An upgrade before the upgrade: within 1.x, and blue/green afterwards."""
    blue = scenario.stack.blue
    there = next((n for n, step in enumerate(scenario.runbook) if step.role == "upgrade"), None)
    if blue.begins_as is None:
        if there is not None:
            yield Broken(("runbook", there), "upgrade: blue begins as the version that it is",
                         "write stack.blue.begins_as: 1.8.5, or leave upgrade out", on_key=True)
        return
    at = ("stack", "blue", "begins_as")
    if UPGRADES.get((blue.begins_as, blue.hydra)) != "blue":
        yield Broken(at, f"from {blue.begins_as} to {blue.hydra} was never tried here as a step before the rest",
                     "write begins_as: 1.8.5 with hydra: 1.11.10")
    if there is None:
        yield Broken(at, f"blue begins as {blue.begins_as} and nothing takes it to {blue.hydra}",
                     "add upgrade behind the baseline, or leave begins_as out")
    if scenario.in_place:
        yield Broken(at, "a chain of two upgrades goes on blue/green", "leave stack.green.database out")
    if blue.columns == "explicit":
        yield Broken(("stack", "blue", "columns"), "it names its columns by itself as long as it is "
                     f"{blue.begins_as}", "leave columns out")


def _links(scenario: Scenario) -> Iterator[Broken]:
    for path, fault in scenario.faults_with_paths():
        link = getattr(fault, "link", None) or ""
        if scenario.in_place and link.endswith("->green-postgres"):
            yield Broken((*path, "link"), "there is no green-postgres with stack.green.database: blue",
                         f"write {link.removesuffix('green-postgres')}blue-postgres")
        elif not scenario.in_place and link in ("green-hydra->blue-postgres", "migrator->blue-postgres"):
            yield Broken((*path, "link"), f"{link} is there only with stack.green.database: blue",
                         f"write {link.removesuffix('blue-postgres')}green-postgres")


def _shared(scenario: Scenario, n: int, step: StepBase) -> Iterator[Broken]:
    if step.role in IMPOSSIBLE:
        yield Broken(("runbook", n), f"{step.name} with stack.green.database: blue: {IMPOSSIBLE[step.role]}",
                     f"leave {step.name} out", on_key=True)
    if step.role in ("cleanup", "repair") and not scenario.stack.green.hydra.startswith("2."):
        yield Broken(("runbook", n), f"{step.name}: {scenario.stack.green.hydra} stumbles over no row and marks none",
                     f"leave {step.name} out", on_key=True)
    if isinstance(step, Cutover) and step.fence == "blue":
        yield Broken(("runbook", n, "fence"), "a fence round blue's database would shut green out too",
                     "write fence: none")
    if isinstance(step, Migrate | Cleanup) and step.old == "stopped" and scenario.stack.blue.columns == "explicit":
        yield Broken(("runbook", n, "old"), "explicit columns are there so that the old Hydra serves on",
                     "write old: serves, or stack.blue.columns: all")


def _apart(n: int, step: StepBase) -> Iterator[Broken]:
    todo = "write stack.green.database: blue, or leave it out"
    if isinstance(step, Migrate) and step.by == "online":
        yield Broken(("runbook", n, "by"), "nobody uses the copy: there is nothing to do online", todo)
    if isinstance(step, Migrate | Cleanup) and step.old == "stopped":
        yield Broken(("runbook", n, "old"), "the old Hydra does not use the copy, so it need not stop", todo)
    if isinstance(step, Cutover) and step.share < 1:
        yield Broken(("runbook", n, "share"), "two databases that both take writes diverge with every request", todo)
    if step.role == "return":
        yield Broken(("runbook", n), f"{step.name}: with a database of its own, green's return is the undo of the "
                     "cutover", "abort instead, or write stack.green.database: blue", on_key=True)
