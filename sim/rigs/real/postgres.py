"""Connections to a side's Postgres under one of its roles, round every link.

Roles: `rehearse` is the harness' superuser, `hydra` owns the tables, `edge` only reads.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, Literal

from sim.errors import StepFailed
from sim.rigs.real.engines.engine import Engine
from sim.rigs.real.secrets import Secrets
from sim.rigs.rig import Side

Role = Literal["rehearse", "hydra", "edge"]
CONNECT_S = 5.0
"""Assumption: a local Postgres answers in milliseconds; five seconds is a dead one."""

Connection = Any
"""asyncpg.Connection; the driver has no types of its own."""


@asynccontextmanager
async def connected(engine: Engine, secrets: Secrets, side: Side, *, role: Role = "rehearse",
                    command_s: float | None = None) -> AsyncIterator[Connection]:
    """A connection to a side's database `hydra`, closed at the end.

    `command_s` bounds each command; None = unbounded. Raises StepFailed if there is no connection.
    """
    import asyncpg
    from asyncpg.exceptions import PostgresError

    host, port = engine.direct(f"{side}-postgres", "sql")
    try:
        connection = await asyncpg.connect(
            host=host, port=port, user=role, password=secrets.database, database="hydra", timeout=CONNECT_S,
            command_timeout=command_s, server_settings={"application_name": "rehearse", "timezone": "UTC"})
    except (OSError, TimeoutError, PostgresError) as error:
        raise StepFailed(f"{side}'s database can't be reached as {role}", where=f"{side}-postgres",
                         seen=f"{type(error).__name__}: {error}", todo="its log is in the run folder") from error
    try:
        yield connection
    finally:
        await connection.close(timeout=CONNECT_S)
