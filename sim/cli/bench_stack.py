"""Some parts of the stack for a benchmark, on the process engine and in a folder that goes with it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sim.rigs.real.acquire import Parts
    from sim.rigs.real.engines.engine import Engine
    from sim.rigs.real.secrets import Secrets

SCHEMA_S = 120
"""Assumption: an empty schema takes some seconds."""


@asynccontextmanager
async def bench_stack(folder: Path, parts: Parts, own: Secrets, services: Sequence[str],
                      schemas: Sequence[str]) -> AsyncIterator[Engine]:
    """Start services, then migrate the empty databases of these Hydras; all of it ends with the block.

    Raises StepFailed if a schema can't be made.
    """
    from sim.errors import StepFailed
    from sim.rigs.real.engines import open_engine
    from sim.rigs.real.stack import load_stack

    (folder / "logs").mkdir()
    engine = await open_engine("process", run_id=folder.name, run_dir=folder, stack=load_stack(), parts=parts,
                               secrets=own, variables={})
    try:
        for service in services:
            await engine.weigh_fully(service)  # nobody else is served
        await engine.start(*services)
        for hydra in schemas:
            done = await engine.job(hydra, ["migrate", "sql", "-e", "--yes"], deadline_s=SCHEMA_S)
            if done.exit_code:
                raise StepFailed("a schema could not be made", where=hydra, seen=done.tail[-400:])
        yield engine
    finally:
        await engine.close()
