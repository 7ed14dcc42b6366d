"""What the stock migrator would do: recorded once, on a scratch copy of the live schema.

The scratch database lies beside the live one, holds its schema and no row, and logs every
statement; the stock migrator runs on it as it would on the live one. What it logged, its catalog
afterwards and its bookkeeping tables are all that the online migration needs to know of a
version, so none is built in.
"""

from __future__ import annotations

import asyncio
import re
import secrets as randomness
import time
from collections.abc import Iterator
from typing import NamedTuple

from sim.errors import StepFailed
from sim.rigs.real.catalog import Catalog, read_catalog
from sim.rigs.real.databases import DATABASE, OWNER, Connection, database
from sim.rigs.real.engines.engine import Engine
from sim.rigs.real.rewriting import Recorded
from sim.rigs.real.secrets import Secrets
from sim.rigs.rig import Side

SCRATCH = "rehearsal_scratch"
DEADLINE_S = 120.0
"""Assumption: on empty tables 157 migrations take seconds."""
LOG_S = 10.0
"""Assumption: a log line reaches the run folder within milliseconds; ten seconds is a lost one."""

_LINE = re.compile(r"^\d{4}-\d\d-\d\d [\d:.]+ \S+ \[(\d+)\]\s+(\w+):  (.*)$")
_STATEMENT = re.compile(r"^(?:statement|execute [^:]*): (.*)$", re.DOTALL)
_VERSION = re.compile(r"^INSERT INTO \"?schema_migration\"? \(version\) VALUES \('(\d+)'\)", re.IGNORECASE)
_BOOKKEEPING = "schema_migration"
_CONTROL = re.compile(r"^(;?|(begin|commit|rollback|start transaction|savepoint|release|show)\b[^;]*;?"
                      r"|select 'recorded [^;]*|set log_statement[^;]*)$", re.IGNORECASE)


class Recording(NamedTuple):
    """What was seen on the scratch copy."""

    statements: list[Recorded]
    catalog: Catalog
    """The schema as the stock migrator leaves it."""
    bookkeeping: str
    """SQL that makes the migrator's own tables as they are after it."""


class Recorder:
    """Makes the scratch copy, has the stock migrator run on it, drops it."""

    def __init__(self, engine: Engine, secrets: Secrets, *, side: Side = "green", job: str = "migrator") -> None:
        self._engine, self._secrets, self._side, self._job = engine, secrets, side, job

    async def record(self) -> Recording:
        """Record every pending migration. Raises StepFailed if the stock migrator fails on the empty schema."""
        async with database(self._engine, self._secrets, self._side, name="postgres") as server:
            await server.execute(f"DROP DATABASE IF EXISTS {SCRATCH} WITH (FORCE)")
            await server.execute(f"CREATE DATABASE {SCRATCH} OWNER {OWNER} TEMPLATE template0")
            try:
                return await self._on_scratch(server)
            finally:
                await server.execute(f"DROP DATABASE IF EXISTS {SCRATCH} WITH (FORCE)")

    async def _on_scratch(self, server: Connection) -> Recording:
        schema = await self._dump(DATABASE, "--schema-only", "--schema=public", "--no-owner",
                                  "--no-privileges")
        known = await self._dump(DATABASE, "--data-only", "--inserts", f"--table=public.{_BOOKKEEPING}*")
        async with database(self._engine, self._secrets, self._side, name=SCRATCH) as scratch:
            await scratch.execute(f"DROP SCHEMA public CASCADE; SET ROLE {OWNER}; {schema}")
        async with database(self._engine, self._secrets, self._side, role="hydra", name=SCRATCH) as scratch:
            await scratch.execute(known)
        await server.execute(f"ALTER DATABASE {SCRATCH} SET log_statement = 'all'")
        log = self._engine.log(self._engine.database(self._side))
        begun = log.stat().st_size
        environment = {"DSN": f"postgres://{OWNER}:{self._secrets.database}@{self._link()}/{SCRATCH}?sslmode=disable"}
        result = await self._engine.job(self._job, ["migrate", "sql", "-e", "--yes"], environment=environment,
                                        deadline_s=DEADLINE_S)
        mark = f"recorded {randomness.token_hex(8)}"
        async with database(self._engine, self._secrets, self._side, name=SCRATCH) as scratch:
            await scratch.execute(f"SELECT '{mark}'")
            await scratch.execute("SET log_statement = 'none'")
            catalog = await read_catalog(scratch)
        text = await self._logged(begun, mark)
        if result.exit_code:
            raise StepFailed("the stock migrator fails on the empty schema already", where=self._job,
                             seen=result.tail[-400:])
        bookkeeping = await self._dump(SCRATCH, "--inserts", "--no-owner", f"--table=public.{_BOOKKEEPING}*")
        return Recording(list(recorded(text)), catalog, bookkeeping)

    def _link(self) -> str:
        return self._engine.inside(f"{self._job}->{self._engine.database(self._side)}")

    async def _dump(self, name: str, *arguments: str) -> str:
        """pg_dump's SQL, without what only psql understands."""
        lines: list[str] = []
        host, _, port = self._engine.inside("copier->blue-postgres").rpartition(":")
        result = await self._engine.job(
            "copier", ["pg_dump", "-h", host, "-p", port, "-U", OWNER, *arguments, name],
            environment={"PGPASSWORD": self._secrets.database}, on_line=lines.append, deadline_s=DEADLINE_S)
        if result.exit_code:
            raise StepFailed("pg_dump failed", where="copier", seen=result.tail[-400:])
        return "\n".join(line for line in lines if not line.startswith("\\"))

    async def _logged(self, begun: int, mark: str) -> str:
        """What Postgres logged since `begun`, up to the mark."""
        log = self._engine.log(self._engine.database(self._side))
        until = time.monotonic() + LOG_S
        while True:
            with log.open("rb") as stream:
                stream.seek(begun)
                text = stream.read().decode(errors="replace")
            if mark in text:
                return text
            if time.monotonic() > until:
                raise StepFailed("the statements of the scratch copy did not reach the log", where=str(log))
            await asyncio.sleep(0.1)


def recorded(log: str) -> Iterator[Recorded]:
    """The migrations' statements out of Postgres' log, each with its version; bookkeeping is left out.

    A version's statements come before the line that notes it as applied.
    """
    texts: list[str] = []
    for statement in _statements(log):
        if version := _VERSION.match(statement):
            yield from (Recorded(version[1], text) for text in texts)
            texts = []
        elif _BOOKKEEPING not in statement and not _CONTROL.match(statement):
            texts.append(statement)
    if texts:
        yield from (Recorded("", text) for text in texts)


def _statements(log: str) -> Iterator[str]:
    """Whole statements that did not fail; Postgres indents the further lines of one with a tab."""
    parts: list[str] = []
    pid = ""
    for line in [*log.splitlines(), "9999-12-31 0 UTC [0] LOG:  end"]:
        begun = _LINE.match(line)
        if begun is None:
            if line.startswith("\t") and parts:
                parts.append(line[1:])
            continue
        if begun[2] == "ERROR":
            if begun[1] == pid:
                parts = []  # what failed has changed nothing
            continue
        if begun[2] != "LOG":
            continue
        if parts and (text := _STATEMENT.match("\n".join(parts))) is not None:
            yield text[1].strip()
        pid, parts = begun[1], [begun[3]]
