"""The order of a runbook's steps: what stands before what, what needs what, and why.

A step of one's own takes the place of the built-in step it is named after (`role`).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from sim.scenario.messages import Broken
from sim.scenario.model import Scenario
from sim.scenario.steps import StepBase, Writes

BEFORE: tuple[tuple[str, str, str], ...] = (
    ("baseline", "lifetime", "a steady state must be known before anything is touched"),
    ("baseline", "preflight", "a steady state must be known before the preflight's own load"),
    ("preflight", "lifetime", "rows that would abort are to be known before anything is touched"),
    ("preflight", "capture", "rows that would abort are to be known before the window"),
    ("preflight", "copy", "rows that would abort are to be known before the window"),
    (
        "lifetime",
        "copy",
        "the longer lifetime spares refreshes in the window, and the window begins with the copy",
    ),
    ("baseline", "upgrade", "a steady state must be known before anything is touched"),
    *(("upgrade", later, "the rest is rehearsed from the version that blue then is")
      for later in ("preflight", "lifetime", "capture", "copy")),
    ("capture", "copy", "a revocation after the copy's snapshot and before the capture would be in neither"),
    ("copy", "cleanup", "rows are mended in the copy, never on blue"),
    ("copy", "migrate", "blue is never migrated, only its copy is"),
    ("cleanup", "migrate", "a row that breaks a constraint aborts the migration"),
    ("migrate", "repair", "the repair mends what the migration marked"),
    ("migrate", "cutover", "green cannot serve before its database is migrated"),
    ("repair", "cutover", "falsely marked rows would be served"),
    ("cutover", "replay", "until the cutover blue still takes revocations"),
    ("migrate", "janitor", "the new version's janitor works on its own schema"),
    ("cutover", "soak", "there is nothing to watch before green serves"),
    ("cutover", "return", "there is nothing to come back from before green serves"),
    ("copy", "restore", "the kept copy of the grants is made with the copy"),
    ("cutover", "verify", "what is in force on green shows only once green serves"),
    ("replay", "verify", "what was not replayed yet cannot be in force"),
)
"""(earlier, later, why): where both are in the runbook, they stand in this order."""

IN_PLACE: frozenset[tuple[str, str]] = frozenset({
    ("cleanup", "copy"), ("migrate", "copy"), ("cutover", "copy"), ("soak", "cutover"), ("cutover", "soak")})
"""What is not asked where both sides share one database: there is no copy, and the old fleet may be watched."""

OLD_SOAK: frozenset[tuple[str, str]] = frozenset({("soak", "cutover"), ("cutover", "soak")})
"""Nor where blue was upgraded first: it may be watched then."""

NEEDS: tuple[tuple[str, str, str], ...] = (
    ("replay", "capture", "there is nothing to replay"),
    ("cleanup", "copy", "there is no copy to clean"),
    ("migrate", "copy", "there is no copy to migrate"),
    ("repair", "migrate", "there is nothing to mend"),
    ("cutover", "copy", "green would be empty"),
    ("cutover", "migrate", "green could not start on a database that is not migrated"),
    ("janitor", "migrate", "the new version's janitor works on its own schema"),
    ("soak", "cutover", "green does not serve"),
    ("return", "cutover", "there is nothing to come back from"),
    ("restore", "copy", "the kept copy of the grants is made with it"),
    ("verify", "cutover", "green does not serve"),
)
"""(step, what it needs, why)."""


def names(scenario: Scenario) -> Iterator[Broken]:
    seen: set[str] = set()
    for n, step in enumerate(scenario.runbook):
        if step.name in seen:
            todo = f"give this one a name of its own: name: {step.name}-2"
            yield Broken(("runbook", n), f"two steps are named `{step.name}`", todo, on_key=True)
        if step.name in ("snapshot", "switch"):
            yield Broken(("runbook", n, "name"), f"`{step.name}` is an instant's name, not a step's", "choose another")
        seen.add(step.name)


def order(scenario: Scenario) -> Iterator[Broken]:
    steps = scenario.runbook
    first = _first(steps)
    last = {step.role: n for n, step in enumerate(steps)}
    spared = IN_PLACE if scenario.in_place else OLD_SOAK if "upgrade" in first else frozenset()
    for earlier, later, why in BEFORE:
        if (earlier, later) not in spared and earlier in first and later in first and first[earlier] > first[later]:
            yield Broken(
                ("runbook", first[later]),
                f"{later} stands before {earlier}: {why}",
                f"move {steps[first[later]].name} behind {steps[first[earlier]].name}",
                on_key=True,
            )
    for name, needed, why in NEEDS:
        if (name, needed) not in spared and name in first and needed not in first:
            n = first[name]
            yield Broken(
                ("runbook", n),
                f"{steps[n].name} without {needed}: {why}",
                f"add {needed} or leave {steps[n].name} out",
                on_key=True,
            )
    if "close" in first and (first["close"] != len(steps) - 1 or last["close"] != first["close"]):
        n = first["close"]
        yield Broken(
            ("runbook", n),
            "close is not the last step: blue is stopped there and nothing can follow",
            "move close to the end",
            on_key=True,
        )
    for role in ("upgrade", "capture", "copy", "cutover", "migrate"):
        again = [n for n, step in enumerate(steps) if step.role == role][1:]
        for n in again:
            yield Broken(
                ("runbook", n),
                f"{role} stands twice: one run has one {role}",
                "keep one of the two",
                on_key=True,
            )


def writes(scenario: Scenario) -> Iterator[Broken]:
    """Whoever refuses writes lets them in again, once."""
    refused: int | None = None
    for n, step in enumerate(scenario.runbook):
        if not isinstance(step, Writes):
            continue
        if step.allowed == (refused is None):
            what = "allowed" if step.allowed else "refused"
            yield Broken(("runbook", n, "allowed"), f"writes are {what} already",
                         f"write allowed: {str(not step.allowed).lower()}, or leave the step out")
        refused = None if step.allowed else n
    if refused is not None:
        yield Broken(("runbook", refused), "writes are refused and never allowed again",
                     "add writes: {name: writes-again, allowed: true} behind the cutover", on_key=True)


def _first(steps: Sequence[StepBase]) -> dict[str, int]:
    first: dict[str, int] = {}
    for n, step in enumerate(steps):
        first.setdefault(step.role, n)
    return first
