"""The stock migration tried on throw-away databases beside green's: whole, on a part, after a change.

Each trial is a database of its own, made as a copy of another one of the same server, so whatever
the program does to it is seen and dropped. Believed is the list of migrations, not the exit code.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager

import msgspec
from asyncpg.exceptions import PostgresError

from sim.errors import StepFailed
from sim.rigs.real.databases import OWNER, Connection, database
from sim.rigs.real.engines.engine import Engine
from sim.rigs.real.migrator import Listed, Listening, applied, read_status
from sim.rigs.real.populations import keep, shrink
from sim.rigs.real.secrets import Secrets

BASE = "preflight"
"""The copy that is tried; never migrated itself."""
TRIAL_S = 600.0
"""Assumption: 200,000 grants take 100 s; the step's deadline comes first."""
STATUS_S = 15.0
SMALLER = 4
"""Assumption: a part of a quarter is worth a copy of its own, which all smaller ones are made from."""

BY_LOG_BYTES = 64 << 20
"""Assumption: below it, logging the copy is cheaper than the checkpoints that copying files takes."""

Change = Callable[[Connection], Awaitable[object]]


class Abort(msgspec.Struct, frozen=True):
    """How the migration failed."""

    version: str
    file: str
    sqlstate: str
    message: str

    def is_past(self, other: Abort) -> bool:
        """Whether it came further than another."""
        return self.version > other.version


class Trials:
    """Trial databases on green's server; `drop_all` leaves none."""

    def __init__(self, engine: Engine, secrets: Secrets) -> None:
        self._engine, self._secrets = engine, secrets
        self._smaller: list[tuple[frozenset[int], str]] = []
        """Copies of parts, smallest last: what they hold, and their names."""
        self._listed: Listed | None = None
        self._number = 0
        self.tried = 0
        """Migrations run so far."""

    @asynccontextmanager
    async def open(self, name: str = BASE) -> AsyncIterator[Connection]:
        """A superuser's connection to one of them."""
        async with database(self._engine, self._secrets, "green", name=name) as connection:
            yield connection

    async def make_base(self) -> None:
        """An empty database to copy into; an old one is dropped first."""
        await self._drop(BASE)
        async with self.open("postgres") as server:
            await server.execute(f"CREATE DATABASE {BASE} OWNER {OWNER} TEMPLATE template0")
        async with self.open() as base:
            await base.execute(f"ALTER SCHEMA public OWNER TO {OWNER}")

    async def drop_all(self) -> None:
        """Drop every database of ours."""
        async with self.open("postgres") as server:
            names = await server.fetch("SELECT datname FROM pg_database WHERE datname = $1 OR datname LIKE $2",
                                       BASE, f"{BASE}\\_%")
            for (name,) in names:
                await server.execute(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")
        self._smaller.clear()

    async def whole(self, change: Change | None = None, *, base: str = BASE) -> Abort | None:
        """Migrate a copy of everything, after `change` if one is given; None if it went through.

        A change that the database refuses counts as an abort before the first file.
        """
        async with self._copy(base) as name:
            if change is not None:
                try:
                    async with self.open(name) as connection:
                        await change(connection)
                except PostgresError as error:
                    return Abort("", "the change before it", str(getattr(error, "sqlstate", "")), str(error.args[0]))
            return await self._migrate(name)

    async def part(self, units: Sequence[int]) -> Abort | None:
        """Migrate a copy that holds only these units and what they need."""
        async with self._copy(await self.base_of(units)) as name:
            async with self.open(name) as connection:
                await keep(connection, units)
            return await self._migrate(name)

    async def base_of(self, units: Sequence[int], *, exact: bool = False) -> str:
        """The smallest copy that holds these units; a new one if they are few in it (or `exact`)."""
        wanted = frozenset(units)
        while self._smaller and not wanted <= self._smaller[-1][0]:
            await self._drop(self._smaller.pop()[1])
        held, name = self._smaller[-1] if self._smaller else (None, BASE)
        if held == wanted or (not exact and held is not None and len(wanted) * SMALLER > len(held)):
            return name
        if held is None and not exact:
            async with self.open() as base:
                whole = await base.fetchval("SELECT count(DISTINCT unit) FROM rehearsal.unit")
            if len(wanted) * SMALLER > whole:
                return name
        smaller = await self._make(name)
        async with self.open(smaller) as connection:
            await keep(connection, units)
            await shrink(connection)
        self._smaller.append((wanted, smaller))
        return smaller

    async def forget_parts(self) -> None:
        """Drop the smaller copies: the base is not what they were made from any more."""
        while self._smaller:
            await self._drop(self._smaller.pop()[1])

    async def list(self) -> Listed:
        """The program's own list of migrations, against the base."""
        if self._listed is None:
            lines: list[str] = []
            result = await self._engine.job("migrator", ["migrate", "sql", "status", "-e"],
                                            environment={"DSN": self._dsn(BASE)}, on_line=lines.append,
                                            deadline_s=STATUS_S)
            self._listed = read_status(lines)
            if not self._listed.names:
                raise StepFailed("the migrator gave no list of its migrations", where="preflight",
                                 seen=result.tail[-400:])
        return self._listed

    @asynccontextmanager
    async def _copy(self, base: str) -> AsyncIterator[str]:
        name = await self._make(base)
        try:
            yield name
        finally:
            await self._drop(name)

    async def _make(self, base: str) -> str:
        self._number += 1
        name = f"{BASE}_{self._number}"
        async with self.open("postgres") as server:
            size = await server.fetchval("SELECT pg_database_size($1::text::name)", base)
            how = "wal_log" if size < BY_LOG_BYTES else "file_copy"
            await server.execute(f"CREATE DATABASE {name} OWNER {OWNER} TEMPLATE {base} STRATEGY {how}")
        return name

    async def _drop(self, name: str) -> None:
        async with self.open("postgres") as server:
            await server.execute(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")

    async def _migrate(self, name: str) -> Abort | None:
        listed, listening = await self.list(), Listening()
        self.tried += 1
        await self._engine.job("migrator", ["migrate", "sql", "-e", "--yes"],
                               environment={"DSN": self._dsn(name)}, on_line=listening, deadline_s=TRIAL_S)
        async with self.open(name) as connection:
            missing = sorted(set(listed.names) - await applied(connection))
        if not missing:
            return None
        trouble = listening.trouble
        return Abort(missing[0], trouble.file or f"{missing[0]} {listed.names[missing[0]]}", trouble.sqlstate,
                     trouble.message or "no error was printed")

    def _dsn(self, name: str) -> str:
        address = self._engine.inside("migrator->green-postgres")
        return f"postgres://{OWNER}:{self._secrets.database}@{address}/{name}?sslmode=disable"
