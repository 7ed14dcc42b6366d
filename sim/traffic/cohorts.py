"""Cohorts: what must happen between phases of the runbook, whatever the arrivals do.

Between `snapshot` and the cutover every kind of revocation happens, also of chains that were
rotated once or twice after the copy (the copy then holds an older generation) and of a code
that nobody redeemed; after the switch some more, for the capture towards blue, also of chains that
only blue has rotated, so that green knows an older generation alone; logins and codes are under
way across the switch. Everything a cohort revokes is watched closely.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Literal

from sim.traffic.arrivals import rng
from sim.traffic.intents import Held, How, Revocation
from sim.traffic.pools import Pools

if TYPE_CHECKING:
    from sim.scenario import Scenario

KINDS: tuple[tuple[How, int], ...] = (
    ("refresh", 0), ("refresh", 1), ("refresh", 2), ("access", 1), ("access", 2),
    ("consent", 0), ("consent", 1), ("subject", 0), ("subject", 1), ("login", 0))
"""Each way to take back, with so many rotations before it; by access needs a token that lives."""
AFTER_SWITCH: tuple[tuple[How, int], ...] = (
    ("refresh", 0), ("access", 1), ("consent", 0), ("subject", 0), ("login", 0))
LATER = ("migrate", "repair")
"""Anchors of a second, smaller round: captures late in the window are replayed last."""
ACROSS = LOGINS = CODES = REVOKED_CODES = 3
"""Assumption: enough that one lost to an accident leaves evidence."""


def draw_cohorts(scenario: Scenario, pools: Pools, seed: int) -> list[Revocation | Held]:
    """The cohorts of a scenario's runbook; none where it has neither copy nor cutover."""
    roles = {step.role: step.name for step in scenario.runbook}
    cohorts: list[Revocation | Held] = []
    if "copy" in roles:
        cohorts += _round(pools, seed, KINDS, "snapshot", 0.1, 1.0)
        for role in LATER:
            if role in roles:
                cohorts += _round(pools, seed, KINDS[::2], roles[role], 0.0, 0.8)
    if "cutover" in roles:
        cohorts += _round(pools, seed, AFTER_SWITCH, "switch", 1.0, 6.0)
        cohorts += _held(pools, seed, scenario, roles)
    if "copy" in roles and "cutover" in roles:
        cohorts += _across(pools, seed, next((roles[r] for r in reversed(LATER) if r in roles), "snapshot"))
    return cohorts


def _round(pools: Pools, seed: int, kinds: tuple[tuple[How, int], ...], anchor: str, from_s: float,
           to_s: float) -> Iterator[Revocation]:
    random = rng(seed, f"cohort-{anchor}", "intents")
    for k, (how, rotate) in enumerate(kinds, start=1):
        target = pools.take_revoked(how)
        if target is None:
            return
        n, others = target
        actor = f"{'admin' if how in ('subject', 'login') else 'user'}-{anchor}-{k}"
        yield Revocation(round(random.uniform(from_s, to_s), 3), actor, how, n, pools.name(n), others, rotate,
                         round(random.uniform(0.05, 0.2), 3), random.getrandbits(31), anchor)


def _across(pools: Pools, seed: int, anchor: str) -> Iterator[Revocation]:
    """Rotated on blue after the copy, taken back on green: by a token that green has never seen."""
    random = rng(seed, "cohort-across", "intents")
    for k in range(1, ACROSS + 1):
        target = pools.take_revoked("refresh")
        if target is None:
            return
        n, _ = target
        yield Revocation(round(random.uniform(0.0, 0.5), 3), f"user-across-{k}", "refresh", n, pools.name(n), [], 1,
                         round(random.uniform(0.05, 0.2), 3), random.getrandbits(31), anchor, "switch")


def _held(pools: Pools, seed: int, scenario: Scenario, roles: dict[str, str]) -> Iterator[Held]:
    """Logins and codes across the switch; codes are got before the copy, so that it holds them."""
    clients = pools.clients("web")
    if not clients:
        return
    random = rng(seed, "cohort-held", "intents")

    def between(low: float, high: float) -> float:
        return round(random.uniform(low, high), 3)

    def held(kind: Literal["login", "code", "revoked_code"], k: int, anchor: str, until: str) -> Iterator[Held]:
        person, client = pools.take_person(), random.choice(clients)
        if person is None:
            return
        revoked = kind == "revoked_code"
        yield Held(between(0, 0.3), f"visitor-{kind.replace('_', '-')}-{k}", kind, person, client, anchor, until,
                    between(0.5, 1.5) if revoked else between(0.1, 0.5), pools.same(person, client),
                    "snapshot" if revoked else "", between(0.1, 1.0) if revoked else 0.0)

    for k in range(1, LOGINS + 1):
        yield from held("login", k, roles["cutover"], "switch")
    if "copy" not in roles:
        return
    before = _before_copy(scenario)
    for k in range(1, CODES + 1):
        yield from held("code", k, before, "switch")
    for k in range(1, REVOKED_CODES + 1):
        yield from held("revoked_code", k, before, f"{roles['replay']}.end" if "replay" in roles else "switch")


def _before_copy(scenario: Scenario) -> str:
    """The step before the copy: a code got when it begins is in the copy, and still valid."""
    before = ""
    for step in scenario.runbook:
        if step.role == "copy":
            return before or step.name
        if step.role in ("baseline", "lifetime", "capture"):
            before = step.name
    return before
