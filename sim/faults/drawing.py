"""Faults drawn by a seed: the `nemesis:` of a scenario becomes a list like a written one.

A pure function of seed, runbook and stack, so that a schedule can be shown before it is played
and played again. No two faults are on one link at a time, and each is healed with its phase at
the latest.
"""

from __future__ import annotations

import random
from collections.abc import Iterable
from hashlib import sha256
from typing import Any

import msgspec

from sim.scenario import Fault, Scenario
from sim.scenario.faults import Anchor
from sim.scenario.kinds import CATALOGUE, JOBS, PartKind
from sim.scenario.links import known_links, known_parts
from sim.scenario.steps import StepBase

DRAWN = "drawn-"
"""How the names of drawn faults begin."""
TRIES = 50
"""Draws for one fault until it overlaps no other; then the schedule is as full as it gets."""
LONGEST_S, SHORTEST_S = 5.0, 0.5
"""Assumption: half a second is felt by every probe, five are longer than clients wait."""
LATEST_SHARE = 0.5
"""A fault begins in the first half of a phase whose length is known, so that there is time for it."""
STREAM_KINDS = ("full", "duplicate")
"""Kinds that need the queue's stream, which the capture makes."""
PARAMETERS: dict[str, dict[str, tuple[Any, ...]]] = {
    "latency": {"latency": ("50ms", "100ms", "250ms", "500ms", "1s"), "jitter": (None, "20ms")},
    "bandwidth": {"rate": ("8KiB/s", "64KiB/s")},
    "slow_close": {"delay": ("500ms", "2s")},
    "slicer": {"average_size": ("64B", "512B"), "delay": ("5ms", "20ms")},
    "limit_data": {"bytes": ("64B", "128B")},  # less than any answer: what lets a probe's through can't be proven
    "cpu": {"cpu": ("5%", "20%")},
    "memory": {"memory": ("64MiB", "128MiB")},
    "exhaust": {"connections": (None, 20)},
    "lock": {"waiter": (True, None)},
    "fsync": {"delay": ("10ms", "50ms", "100ms")},
    "clock": {"offset": ("-1h", "-30s", "+30s", "+1h")},
}
"""Fault → key → what is drawn from; None = left out."""


class _Taken(msgspec.Struct, frozen=True):
    phase: str
    begins_s: float
    ends_s: float
    links: frozenset[str]

    def meets(self, other: _Taken) -> bool:
        return (self.phase == other.phase and bool(self.links & other.links)
                and self.begins_s < other.ends_s and other.begins_s < self.ends_s)


def with_drawn(scenario: Scenario, seed: int) -> Scenario:
    """The scenario with the drawn faults among the written ones; `nemesis` is spent."""
    if scenario.nemesis is None:
        return scenario
    own = scenario.nemesis.seed if scenario.nemesis.seed is not None else seed
    edges = scenario.stack.edge.instances
    faults = [*scenario.faults, *draw(scenario, own, known_links(edges=edges), known_parts(edges=edges))]
    return scenario.model_copy(update={"faults": faults, "nemesis": None})


def draw(scenario: Scenario, seed: int, links: Iterable[str], parts: dict[str, PartKind]) -> list[Fault]:
    """The faults of one seed, at most `budget`; fewer if no more fit."""
    plan = scenario.nemesis
    assert plan is not None
    links = list(links)
    chance = random.Random(sha256(f"{seed}/nemesis".encode()).digest())
    phases = [step for step in scenario.runbook if step.name in plan.phases]
    taken = [_taken(fault, links) for fault in scenario.faults if isinstance(fault.at, Anchor)]
    drawn: list[Fault] = []
    for n in range(1, plan.budget + 1):
        for _ in range(TRIES):
            kind, phase = chance.choice(plan.kinds), chance.choice(phases)
            fault = _one(chance, f"{DRAWN}{n}", kind, phase, scenario, links, parts)
            if fault is None or any(_taken(fault, links).meets(other) for other in taken):
                continue
            taken.append(_taken(fault, links))
            drawn.append(fault)
            break
    return drawn


def in_phase(seed: int, kind: str, step: StepBase, scenario: Scenario, links: list[str],
             parts: dict[str, PartKind]) -> Fault | None:
    """One fault of that kind in that phase, place and parameters by the seed; None if it has no place there."""
    chance = random.Random(sha256(f"{seed}/{kind}/{step.name}".encode()).digest())
    return _one(chance, f"{kind}-in-{step.name}", kind, step, scenario, links, parts)


def _one(chance: random.Random, name: str, kind: str, step: StepBase, scenario: Scenario, links: list[str],
         parts: dict[str, PartKind]) -> Fault | None:
    """One drawn fault in one phase; None if that kind has no place there."""
    places = _places(kind, step, scenario, links, parts)
    if not places:
        return None
    begins_s, for_s = 0.0, round(chance.uniform(SHORTEST_S, LONGEST_S), 1)
    if step.least_s:
        begins_s = round(chance.uniform(0, step.least_s * LATEST_SHARE), 1)
        for_s = min(for_s, round(step.least_s - begins_s, 1))
    told: dict[str, Any] = {"name": name, "fault": kind, CATALOGUE[kind].on: chance.choice(places),
                            "at": Anchor(step.name, begins_s)}
    if CATALOGUE[kind].lasts and parts.get(told.get("part", "")) != "job":
        told |= {"for": f"{for_s}s", "until": f"{step.name}.end"}
    for key, choices in PARAMETERS.get(kind, {}).items():
        value = chance.choice(choices)
        if value is not None:
            told[key] = value
    return Fault.model_validate(told)


def _places(kind: str, step: StepBase, scenario: Scenario, links: list[str], parts: dict[str, PartKind]) -> list[str]:
    """The links or parts on which that kind can be felt in that phase."""
    gone = {job for job, role in JOBS.items() if role != step.role}
    if scenario.in_place:
        gone.add("green-postgres")
    if not _green_serves(step, scenario):
        gone.add("green-hydra")
    if CATALOGUE[kind].on == "link":
        crossed = () if scenario.in_place else ("green-hydra->blue-postgres", "migrator->blue-postgres")
        return [link for link in links if link not in crossed and not gone & set(_ends(link))]
    if kind in STREAM_KINDS and not _follows(step, "capture", scenario):
        return []
    fits = [part for part, its in parts.items() if its in CATALOGUE[kind].parts and part not in gone]
    return [part for part in fits if part == "migrator"] if kind == "twice" else fits


def _green_serves(step: StepBase, scenario: Scenario) -> bool:
    """Green's Hydra surely runs once the cutover has begun."""
    return step.role == "cutover" or _follows(step, "cutover", scenario)


def _follows(step: StepBase, role: str, scenario: Scenario) -> bool:
    """Whether a step comes after the one of that role; False if there is none."""
    roles = [one.role for one in scenario.runbook]
    return role in roles and scenario.runbook.index(step) > roles.index(role)  # type: ignore[arg-type]


def _ends(link: str) -> tuple[str, str]:
    source, _, target = link.partition(":")[0].partition("->")
    return source, target


def _taken(fault: Fault, links: list[str]) -> _Taken:
    """When and which links a fault is on: all those of a part."""
    assert isinstance(fault.at, Anchor)
    if fault.link is not None:
        on = {link for link in links if link == fault.link or link.startswith(f"{fault.link}:")}
    else:
        on = {link for link in links if fault.part in _ends(link)}
    lasts_s = fault.for_ if fault.for_ is not None else LONGEST_S
    return _Taken(fault.at.step, fault.at.offset_s, fault.at.offset_s + lasts_s, frozenset(on))
