"""One Postgres that a Hydra 1.8.5 serves from and a newer one is to use."""

from __future__ import annotations

import asyncio
import secrets as randomness
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import lru_cache
from pathlib import Path

from sim.rigs.real.acquire import Parts, acquire
from sim.rigs.real.engines import Engine, Kind, open_engine
from sim.rigs.real.explicit import DSN_END
from sim.rigs.real.rig import variables
from sim.rigs.real.secrets import secrets
from sim.rigs.real.seed import seed_blue
from sim.rigs.real.stack import load_stack
from sim.scenario import Scenario, load_scenario
from sim.traffic.population import Population

CLIENTS = {"web": 4, "cli": 3, "mcp": 3, "service": 2}
SEED = 7
HYDRAS = ["1.8.5", "1.11.10", "2.3.0"]


@lru_cache
def _parts(kind: Kind) -> Parts:
    return asyncio.run(acquire(kind, hydra=HYDRAS))


def scenario_of(folder: Path, *, blue: str = "1.8.5", green: str = "1.11.10", grants: int = 1000) -> Scenario:
    """An in-place scenario of a small population, access tokens living an hour."""
    path = folder / "scenario.yaml"
    path.write_text(f"""
format: 1
title: in place
asks: is it real?
seed: {SEED}
stack: {{blue: {{hydra: {blue}}}, green: {{hydra: {green}, database: blue}}}}
tokens: {{access: 1h}}
population: {{grants: {grants}, clients: {{web: 4, cli: 3, mcp: 3, service: 2}}}}
runbook: [baseline: {{for: 5s}}]
""")
    return load_scenario(path)


def population(grants: int = 1000) -> Population:
    """The scenario's population."""
    return Population.draw(SEED, grants, CLIENTS)


@asynccontextmanager
async def seeded(folder: Path, scenario: Scenario, *, kind: Kind = "process",
                 explicit: bool = False) -> AsyncIterator[Engine]:
    """Toxiproxy and blue's Postgres with the population in it; nothing else runs."""
    run_dir = folder / f"test-{randomness.token_hex(4)}"
    (run_dir / "logs").mkdir(mode=0o700, parents=True)
    parts = await asyncio.to_thread(_parts, kind)
    told = {**variables(scenario), **({"BLUE_DSN_END": DSN_END} if explicit else {})}
    engine = await open_engine(kind, run_id=run_dir.name, run_dir=run_dir, stack=load_stack(shared=True),
                               parts=parts, secrets=secrets(), variables=told)
    try:
        await engine.start("toxiproxy")
        await seed_blue(engine, scenario, population(scenario.population.grants), secrets(), lambda told: None)
        yield engine
    finally:
        await engine.close()
