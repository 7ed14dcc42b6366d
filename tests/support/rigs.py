"""A real engine for a test: `engine` gives one of each kind, opened and empty, and closes it.

Docker's turn is skipped with the daemon's own error where none answers, and fails instead
with REHEARSAL_REQUIRE_DOCKER=1. Whatever a test does, nothing of its run may be left behind.
"""

from __future__ import annotations

import asyncio
import os
import secrets as randomness
from collections.abc import AsyncIterator, Mapping
from functools import lru_cache
from pathlib import Path

import pytest

from sim.errors import EngineDown
from sim.rigs.real.acquire import Parts, acquire
from sim.rigs.real.engines import Engine, Kind, choose, open_engine
from sim.rigs.real.leftovers import find
from sim.rigs.real.secrets import secrets
from sim.rigs.real.stack import load_stack

BASE = ("blue-postgres", "green-postgres", "toxiproxy", "queue")
OURS = ("edge", "login-consent", "authz")
KINDS = [pytest.param("process", marks=pytest.mark.real), pytest.param("docker", marks=pytest.mark.docker)]


@lru_cache
def parts_of(kind: Kind) -> Parts:
    """The real programs of one engine, found or built once a session; from a thread without a loop."""
    return asyncio.run(acquire(kind))


def require(kind: Kind) -> None:
    """Skip (or fail, if it was said to be there) where this engine can't run."""
    try:
        choose(kind)
    except EngineDown as down:
        if os.environ.get("REHEARSAL_REQUIRE_DOCKER") == "1":
            pytest.fail(str(down))
        pytest.skip(str(down))


async def opened(kind: Kind, folder: Path, *, name: str = "", disks: Mapping[str, int] | None = None,
                 **variables: str) -> Engine:
    """An engine with nothing started, its run folder in `folder`; the caller closes it. `disks`: see `open_engine`."""
    run_dir = folder / (name or f"test-{randomness.token_hex(4)}")
    (run_dir / "logs").mkdir(mode=0o700, parents=True)
    parts = await asyncio.to_thread(parts_of, kind)
    return await open_engine(kind, run_id=run_dir.name, run_dir=run_dir, stack=load_stack(), parts=parts,
                             secrets=secrets(), variables=variables, disks=disks)


@pytest.fixture(params=KINDS)
def kind(request: pytest.FixtureRequest) -> Kind:
    """Each engine that can run here."""
    wanted: Kind = request.param
    require(wanted)
    return wanted


@pytest.fixture
async def engine(kind: Kind, tmp_path: Path) -> AsyncIterator[Engine]:
    """An engine of each kind; closed, and nothing of it left, however the test ends."""
    made = await opened(kind, tmp_path)
    try:
        yield made
    finally:
        await made.close()
    assert [one for one in find() if one.run == made.run_id] == []


async def start_blue(engine: Engine) -> None:
    """The blue side on an empty, migrated database, and green's empty Postgres."""
    await engine.start(*BASE)
    migrated = await engine.job("blue-hydra", ["migrate", "sql", "-e", "--yes"], deadline_s=60)
    assert migrated.exit_code == 0, migrated.tail
    await engine.start("blue-hydra")
    await engine.start(*OURS)
