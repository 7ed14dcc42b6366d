"""Connections of the harness to the two databases, round every link and Toxiproxy.

They measure and prepare; what the rehearsal is about (copy, migration, traffic) goes through links.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, Literal

import asyncpg
from asyncpg.exceptions import PostgresError

from sim.errors import StepFailed
from sim.rigs.real.engines.engine import Engine
from sim.rigs.real.secrets import Secrets
from sim.rigs.rig import Side

DATABASE = "hydra"
HARNESS = "rehearse"
"""The superuser of both Postgres: the harness alone."""
OWNER = "hydra"
"""The role that owns Hydra's tables."""
CONNECT_S = 5.0
"""Assumption: a local Postgres answers in milliseconds; five seconds is a dead one."""

Role = Literal["rehearse", "hydra", "edge"]
"""`rehearse` is the harness' superuser, `hydra` owns the tables, `edge` reads (see rights)."""

Connection = Any
"""asyncpg.Connection; the driver has no types of its own."""


@asynccontextmanager
async def database(engine: Engine, secrets: Secrets, side: Side, *, role: Role = "rehearse", name: str = DATABASE,
                   command_s: float | None = None) -> AsyncIterator[Connection]:
    """A connection to one side's database under one of its roles, closed at the end.

    `command_s` bounds each command; None = unbounded, for work whose step has a deadline.
    Raises StepFailed if the server can't be reached.
    """
    service = engine.database(side)
    host, port = engine.direct(service, "sql")
    try:
        connection = await asyncpg.connect(
            host=host, port=port, user=role, password=secrets.database, database=name, timeout=CONNECT_S,
            command_timeout=command_s, server_settings={"application_name": "rehearse", "timezone": "UTC"})
    except (OSError, TimeoutError, PostgresError) as error:
        raise StepFailed(f"{side}'s database can't be reached as {role}", where=service,
                         seen=f"{type(error).__name__}: {error}", todo="its log is in the run folder") from error
    try:
        yield connection
    finally:
        await connection.close(timeout=CONNECT_S)


async def has_table(connection: Connection, table: str) -> bool:
    """Whether a table (or another relation) of that name can be seen; `schema.table` is fine."""
    return bool(await connection.fetchval("SELECT to_regclass($1) IS NOT NULL", table))
