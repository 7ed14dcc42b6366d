"""A user's own SQL: read from a file, run whole or not at all, its SQLSTATE told."""

from __future__ import annotations

import asyncio
from pathlib import Path

from asyncpg.exceptions import PostgresError

from sim.errors import BadInput, RehearsalError
from sim.rigs.real.databases import Connection

TODO = "mend the file and try again"


async def read_sql(path: str, what: str) -> str:
    """The file's text; raises BadInput. `what` names it in the message, such as `population.extra_sql`."""
    try:
        return await asyncio.to_thread(Path(path).read_text)
    except OSError as error:
        raise BadInput(f"{what} can't be read", where=path, seen=str(error.strerror)) from error


async def run_sql(connection: Connection, script: str, path: str, what: str, failure: type[RehearsalError]) -> None:
    """Run it in one transaction; raises `failure` with Postgres' words."""
    try:
        async with connection.transaction():
            await connection.execute(script)
    except PostgresError as error:
        raise failure(f"{what} failed; nothing of it is in force", where=path,
                      seen=f"{error.args[0]} (SQLSTATE {getattr(error, 'sqlstate', '?')})", todo=TODO) from error
