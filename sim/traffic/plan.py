"""What a seed fixes: who comes when, with which grant, meaning to do what.

A plan holds actor sessions with due times, intents and think times up to a horizon, of which
a run uses a prefix, and cohorts that wait for the runbook's phases. It holds no tokens and no
subjects. Refreshes and retries follow from answers, at run time. Two processes with one seed
write the same bytes.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from math import exp
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import msgspec

from sim.traffic.arrivals import Curve, arrivals, rng, steady
from sim.traffic.cohorts import draw_cohorts
from sim.traffic.intents import Asks, Held, How, Item, Lookup, Revocation, Service, Session, Visit
from sim.traffic.pools import Pools

if TYPE_CHECKING:
    from sim.scenario import Scenario
    from sim.traffic.population import Population

PLAN_FORMAT = 1
HORIZON_S = 900.0
"""Assumption: 15 minutes, longer than any scenario's waiting and working together."""
RESOURCE_SERVERS = 8
"""Assumption: how many ask; only their sum matters."""
BATCH_S = 1.0
"""Seconds of one resource server's questions in one line of the plan."""
STAY_S = 60.0
"""Assumption: mean length of a client's session; three refreshes at a lifetime of 20 s."""
VISIT_S = 20.0
"""Assumption: mean length of a visit that began with an authorization."""
EARLY = {"web": (0.7, 0.9), "cli": (0.6, 0.8), "mcp": (0.5, 0.75)}
"""Assumption: share of the lifetime after which a client refreshes; agents refresh earliest."""
PERSONAS: tuple[tuple[Literal["web", "cli", "mcp"], float], ...] = (
    ("web", 0.4), ("cli", 0.35), ("mcp", 0.25))
"""Assumption: who holds the chains that are refreshed."""
REVOKES: tuple[tuple[How, float], ...] = (
    ("refresh", 0.35), ("access", 0.25), ("consent", 0.25), ("subject", 0.10), ("login", 0.05))
"""Assumption: how grants are taken back; every kind often enough to be seen."""
NEW_REVOKED = 0.08
"""Assumption: share of revocations that hit a grant made in the run."""
AUTHZ_RPS, DISCOVERY_RPS = 0.5, 0.25
"""Assumption: enough to see a change within seconds, too few to be load."""
AUTHZ_ASKED_RPS = 4.0
"""Assumption: where a cleanup job runs its 403s are what is asked about, so authz is asked more often."""
GOOD = 200
"""Assumption: how many untouched grants are looked at."""
SERVICES = 20
"""Assumption: actors that ask for client_credentials."""


class Plan(msgspec.Struct, frozen=True):
    """All of it: `items` by due time, `cohorts` by anchor."""

    scenario: str
    seed: int
    horizon_s: float
    good: list[int]
    """Indexes of grants that nobody touches."""
    items: list[Item]
    cohorts: list[Revocation | Held]

    def write(self, path: Path) -> None:
        """Write plan.jsonl: a header line, then items, then cohorts."""
        encode = msgspec.json.Encoder().encode
        header = {"format": PLAN_FORMAT, "scenario": self.scenario, "seed": self.seed,
                  "horizon_s": self.horizon_s, "good": self.good, "items": len(self.items),
                  "cohorts": len(self.cohorts)}
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "wb", buffering=1 << 16) as file:
            for line in (header, *self.items, *self.cohorts):
                file.write(encode(line) + b"\n")

    @property
    def operations(self) -> int:
        """Planned operations; refreshes and retries come on top."""
        items = sum(len(item.at_ms) if isinstance(item, Asks) else 1 for item in self.items)
        return items + len(self.cohorts)


def make_plan(scenario: Scenario, population: Population, *, seed: int | None = None,
              horizon_s: float = HORIZON_S) -> Plan:
    """What this seed (the scenario's, unless given) fixes for this population.

    Raises ValueError if neither names a seed.
    """
    seed = scenario.seed if seed is None else seed
    if seed is None:
        raise ValueError("a plan needs a seed: draw one first")
    shape = scenario.traffic
    curve = Curve(shape.rate, shape.day, shape.begin_at)
    pools = Pools(population, seed)
    mix = {str(kind): share for kind, share in shape.mix.items()}
    cohorts = draw_cohorts(scenario, pools, seed)
    items: list[Item] = []
    items += _asks(seed, curve, mix.get("introspect", 0.0), horizon_s)
    items += _services(seed, curve, mix.get("client_credentials", 0.0), horizon_s, pools)
    items += _visits(seed, curve, mix.get("authorize", 0.0), horizon_s, pools)
    items += _sessions(seed, curve, session_share(mix, scenario.tokens.access), horizon_s, pools,
                       scenario.tokens.access)
    items += _revocations(seed, curve, mix.get("revoke", 0.0), horizon_s, pools)
    authz_rps = AUTHZ_RPS if scenario.stack.authz.cleanup is None else AUTHZ_ASKED_RPS
    items += _lookups(seed, horizon_s, authz_rps)
    items.sort(key=lambda item: (item.due_s, item.actor))
    return Plan(scenario.slug, seed, horizon_s, pools.good[:GOOD], items, cohorts)


def refreshes(mean_stay_s: float, every_s: float) -> float:
    """Refreshes after the first one in a session of exponential length: one each `every_s`."""
    return 1 / (exp(every_s / mean_stay_s) - 1)


def session_share(mix: dict[str, float], access_s: float) -> float:
    """Arrivals of sessions, as a share of all operations, that make the mix's refreshes.

    Visits refresh too, and so do owners before they revoke by access token.
    """
    every_s = access_s * _mean_early()
    by_access = dict(REVOKES)["access"]
    elsewhere = mix.get("authorize", 0.0) * refreshes(VISIT_S, access_s * sum(EARLY["web"]) / 2)
    elsewhere += mix.get("revoke", 0.0) * by_access * (1 - NEW_REVOKED)
    return max(0.0, mix.get("refresh", 0.0) - elsewhere) / (1 + refreshes(STAY_S, every_s))


def _mean_early() -> float:
    return sum(share * sum(EARLY[persona]) / 2 for persona, share in PERSONAS)


def _asks(seed: int, curve: Curve, share: float, horizon_s: float) -> Iterator[Asks]:
    for k in range(1, RESOURCE_SERVERS + 1):
        actor = f"rs-{k}"
        random, picks = rng(seed, actor, "arrivals"), rng(seed, actor, "picks")
        batch: list[int] = []
        begin_s = 0.0
        for due_s in arrivals(random, curve, share / RESOURCE_SERVERS, horizon_s):
            while due_s >= begin_s + BATCH_S:
                if batch:
                    yield Asks(begin_s, actor, batch, [picks.getrandbits(31) for _ in batch])
                batch, begin_s = [], begin_s + BATCH_S
            batch.append(int((due_s - begin_s) * 1000))
        if batch:
            yield Asks(begin_s, actor, batch, [picks.getrandbits(31) for _ in batch])


def _services(seed: int, curve: Curve, share: float, horizon_s: float, pools: Pools) -> Iterator[Service]:
    clients = pools.clients("service")
    random = rng(seed, "service", "arrivals")
    for due_s in arrivals(random, curve, share if clients else 0.0, horizon_s):
        k = random.randrange(SERVICES)
        yield Service(_ms(due_s), f"service-{k + 1}", clients[k % len(clients)])


def _visits(seed: int, curve: Curve, share: float, horizon_s: float, pools: Pools) -> Iterator[Visit]:
    clients = pools.clients("web")
    if not clients or not pools.people:
        return
    low, high = EARLY["web"]
    for k, due_s in enumerate(arrivals(rng(seed, "visit", "arrivals"), curve, share, horizon_s), start=1):
        actor = f"visitor-{k}"
        random = rng(seed, actor, "intents")
        person = pools.people[random.randrange(len(pools.people))]
        # half of them come back to an app they know: their remembered consent is put to use
        client = pools.client_of(person) if random.random() < 0.5 else clients[random.randrange(len(clients))]
        if client not in clients:
            client = clients[random.randrange(len(clients))]
        yield Visit(_ms(due_s), actor, person, client, _ms(random.uniform(0.05, 0.4)),
                    _ms(random.expovariate(1 / VISIT_S)), round(random.uniform(low, high), 3),
                    "logout" if random.random() < 0.3 else "leave", pools.same(person, client))


def _sessions(seed: int, curve: Curve, share: float, horizon_s: float, pools: Pools,
              access_s: float) -> Iterator[Session]:
    """Those under way when the run begins, with a first refresh somewhere in its cycle; then arrivals."""
    k = 0
    random = rng(seed, "session", "arrivals")
    cycle_s = min(access_s * _mean_early(), STAY_S)
    for _ in range(round(curve.rate_rps(0) * share * STAY_S)):
        k += 1
        first_s, stays_s = random.uniform(0, cycle_s), random.expovariate(1 / STAY_S)
        if stays_s >= first_s and (session := _session(seed, k, first_s, stays_s - first_s, pools)):
            yield session
    for due_s in arrivals(random, curve, share, horizon_s):
        k += 1
        stays_s = rng(seed, f"session-{k}", "stay").expovariate(1 / STAY_S)
        if session := _session(seed, k, due_s, stays_s, pools):
            yield session


def _session(seed: int, k: int, due_s: float, stays_s: float, pools: Pools) -> Session | None:
    random = rng(seed, f"session-{k}", "intents")
    drawn, persona = random.random(), PERSONAS[-1][0]
    for name, share in PERSONAS:
        drawn -= share
        if drawn < 0:
            persona = name
            break
    n = pools.take_chain(persona)
    if n is None:
        return None
    low, high = EARLY[persona]
    return Session(_ms(due_s), f"{persona}-{k}", persona, n, pools.name(n), _ms(stays_s),
                   round(random.uniform(low, high), 3))


def _revocations(seed: int, curve: Curve, share: float, horizon_s: float,
                 pools: Pools) -> Iterator[Revocation]:
    for k, due_s in enumerate(arrivals(rng(seed, "revoke", "arrivals"), curve, share, horizon_s), start=1):
        random = rng(seed, f"revoke-{k}", "intents")
        how = random.choices([kind for kind, _ in REVOKES], [share for _, share in REVOKES])[0]
        actor = f"{'admin' if how in ('subject', 'login') else 'user'}-{k}"
        new = random.random() < NEW_REVOKED and how in ("refresh", "access", "consent")
        target = None if new else pools.take_revoked(how)
        pick = random.getrandbits(31)
        if target is None:  # a grant of the run; also when the population's have run out
            how = how if how in ("refresh", "access") else "consent"
            yield Revocation(_ms(due_s), actor, how, None, None, pick=pick)
            continue
        n, others = target
        rotate = 1 if how == "access" else int(how == "refresh" and random.random() < 0.15)
        think_s = _ms(random.uniform(0.05, 0.3))
        yield Revocation(_ms(due_s), actor, how, n, pools.name(n), others, rotate, think_s, pick)


def _lookups(seed: int, horizon_s: float, authz_rps: float) -> Iterator[Lookup]:
    random = rng(seed, "lookup", "arrivals")
    for due_s in steady(random, authz_rps, horizon_s):
        yield Lookup(_ms(due_s), "authz-1", "authz", random.getrandbits(31))
    for due_s in steady(random, DISCOVERY_RPS, horizon_s):
        yield Lookup(_ms(due_s), "reader-1", "discovery")


def _ms(t_s: float) -> float:
    """Plans are written in whole milliseconds."""
    return round(t_s, 3)
