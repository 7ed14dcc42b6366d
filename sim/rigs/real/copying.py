"""Copies blue's database to green while blue serves.

One snapshot holds everything together: a connection of ours exports it, pg_dump reads under it,
and so does the comparison afterwards, so that what blue wrote meanwhile is no difference.
"""

from __future__ import annotations

import asyncio
import shutil
import time
from collections.abc import Callable
from typing import Any

from sim.errors import StepFailed
from sim.rigs.real.databases import DATABASE, HARNESS, Connection, database
from sim.rigs.real.digests import digests, equality
from sim.rigs.real.engines.engine import Engine
from sim.rigs.real.remembering import remember_copy
from sim.rigs.real.secrets import Secrets
from sim.rigs.real.spoiling import spoil
from sim.rigs.rig import Progress

DEADLINE_S = 3600.0
"""Assumption: the step's own deadline, minutes, comes long before; this only ends a job that nobody waits for."""
POLL_S = 0.25

# The dump is not compressed: it lives for seconds, and one core of two would do nothing else.
_SCRIPT = """set -eu
PATH=$BINDIR:$PATH
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
echo "folder $folder"
PGHOST=$BLUE_HOST PGPORT=$BLUE_PORT pg_dump ${SNAPSHOT:+--snapshot="$SNAPSHOT"} --format=directory --compress=0 \\
    --jobs="$JOBS" --no-sync --file="$folder/dump"
echo "dumped $(du -sk "$folder/dump" | cut -f1)"
PGHOST=$GREEN_HOST PGPORT=$GREEN_PORT pg_restore --exit-on-error --jobs="$JOBS" --dbname="$TARGET" "$folder/dump"
echo restored
"""


class Copying:
    """The copy and its undo; remembers the last comparison."""

    def __init__(self, engine: Engine, secrets: Secrets) -> None:
        self._engine, self._secrets = engine, secrets
        self._equality: dict[str, Any] | None = None

    async def copy(self, *, jobs: int, on_snapshot: Callable[[], None],
                   progress: Progress) -> dict[str, Any]:
        """Copy everything as of one instant, compare it, write down what was copied, ANALYZE.

        `jobs` is how many things are done at once, by dump, restore and the comparison: one leaves the other
        cores to the traffic.

        `on_snapshot` is called right before that instant, so that what was acknowledged before the call is in
        the copy; afterwards would not do, for a token acknowledged in between may be lost. Returns {bytes, rows,
        dump_bytes, dump_s, restore_s, compare_s, elapsed_s}. Raises StepFailed with pg_dump's or pg_restore's
        last output.
        """
        began = time.monotonic()
        self._equality = None
        async with (database(self._engine, self._secrets, "blue") as blue,
                    database(self._engine, self._secrets, "green") as green):
            await _must_be_empty(green)
            async with blue.transaction(isolation="repeatable_read", readonly=True):
                on_snapshot()
                snapshot = await blue.fetchval("SELECT pg_export_snapshot()")
                size = int(await blue.fetchval("SELECT pg_database_size(current_database())"))
                reading = asyncio.create_task(digests(blue)) if jobs > 1 else None
                try:
                    times = await self._run(snapshot, jobs, green, size, progress)
                    await spoil(green, "flip-flag", "lose-rows")
                    compare_began = time.monotonic()
                    comparing = equality(blue, green, await (reading or digests(blue)))
                    if jobs > 1:  # side by side: none of the two changes what the other reads
                        self._equality, _ = await asyncio.gather(comparing, self._remember())
                    else:
                        self._equality = await comparing
                        await self._remember()
                    compare_s = time.monotonic() - compare_began
                finally:
                    if reading is not None:
                        reading.cancel()
                        await asyncio.gather(reading, return_exceptions=True)
            copied = int(await green.fetchval("SELECT pg_database_size(current_database())"))
        rows = sum(int(t["green"]) for t in self._equality["tables"].values())
        progress({"done": size, "total": size, "now": "compared"})
        return {"bytes": copied, "rows": rows, **times, "compare_s": round(compare_s, 3),
                "different": self._equality["different"], "elapsed_s": round(time.monotonic() - began, 3)}

    async def drop_copy(self) -> dict[str, Any]:
        """Drop green's database and make an empty one for the same owner; nothing may use it."""
        began = time.monotonic()
        self._equality = None
        async with database(self._engine, self._secrets, "green", name="postgres") as server:
            owner = await server.fetchval(
                "SELECT quote_ident(rolname) FROM pg_database d JOIN pg_roles r ON r.oid = d.datdba WHERE datname = $1",
                DATABASE)
            await server.execute(f"DROP DATABASE IF EXISTS {DATABASE} WITH (FORCE)")
            await server.execute(f"CREATE DATABASE {DATABASE} OWNER {owner or HARNESS} TEMPLATE template0")
        return {"elapsed_s": round(time.monotonic() - began, 3)}

    def equality(self) -> dict[str, Any]:
        """The comparison of the last copy: {tables: {t: {blue, green, equal}}, keys, different}.

        Raises StepFailed if no copy of ours was compared.
        """
        if self._equality is None:
            raise StepFailed("the copy was not compared with blue", where="copy",
                             todo="the built-in copy compares; a copy of one's own must verify itself")
        return self._equality

    async def _remember(self) -> None:
        async with database(self._engine, self._secrets, "green") as green:
            await remember_copy(green)
            await green.execute("ANALYZE")

    async def _run(self, snapshot: str, jobs: int, green: Connection, size: int,
                   progress: Progress) -> dict[str, Any]:
        dumped: dict[str, Any] = {}
        watching = asyncio.create_task(_watch(green, size, dumped, progress))
        try:
            return await dump_and_restore(self._engine, self._secrets, green, snapshot=snapshot, jobs=jobs,
                                          dumped=dumped)
        finally:
            watching.cancel()
            await asyncio.gather(watching, return_exceptions=True)


async def dump_and_restore(engine: Engine, secrets: Secrets, green: Connection, *, jobs: int, snapshot: str = "",
                           target: str = DATABASE, dumped: dict[str, Any] | None = None) -> dict[str, Any]:
    """Blue's database into a database of green's server, through the copier's links.

    `snapshot` is an exported one, "" = pg_dump's own. `dumped` is filled when the dump is done. Returns
    {dump_bytes, dump_s, restore_s}; raises StepFailed with pg_dump's or pg_restore's last output.
    """
    began = time.monotonic()
    dumped = {} if dumped is None else dumped
    folder = ""

    def line(text: str) -> None:
        nonlocal folder
        word, _, rest = text.strip().partition(" ")
        if word == "dumped" and rest.isdigit():
            dumped.update(dump_bytes=int(rest) * 1024, dump_s=round(time.monotonic() - began, 3))
        elif word == "folder" and not folder:
            folder = rest

    environment = {**_address("BLUE", engine.inside("copier->blue-postgres")),
                   **_address("GREEN", engine.inside("copier->green-postgres")),
                   "PGUSER": HARNESS, "PGPASSWORD": secrets.database, "PGDATABASE": DATABASE, "TARGET": target,
                   "SNAPSHOT": snapshot, "JOBS": str(jobs),
                   # Green's own programs: they can read an older blue, not the other way round.
                   "BINDIR": await green.fetchval("SELECT setting FROM pg_config WHERE name = 'BINDIR'")}
    try:
        result = await engine.job("copier", ["/bin/sh", "-c", _SCRIPT], environment=environment, on_line=line,
                                  deadline_s=DEADLINE_S)
    finally:
        if folder and engine.kind == "process":
            # A killed shell runs no trap; in a container its files go with it.
            await asyncio.to_thread(shutil.rmtree, folder, ignore_errors=True)
    if result.exit_code:
        raise StepFailed(f"{'pg_restore' if dumped else 'pg_dump'} failed", where="copier",
                         seen=result.tail[-600:], todo="green holds half a copy: its undo drops it")
    took = time.monotonic() - began
    return {**dumped, "restore_s": round(took - dumped.get("dump_s", 0.0), 3)}


async def _watch(green: Connection, size: int, dumped: dict[str, Any], progress: Progress) -> None:
    """Green's size towards blue's, while the job runs."""
    while True:
        await asyncio.sleep(POLL_S)
        there = int(await green.fetchval("SELECT pg_database_size(current_database())"))
        progress({"done": min(there, size), "total": size, "now": "pg_restore" if dumped else "pg_dump"})


async def _must_be_empty(green: Connection) -> None:
    found = await green.fetchval(
        "SELECT count(*) FROM pg_tables WHERE schemaname NOT IN ('pg_catalog', 'information_schema')")
    if found:
        raise StepFailed("green's database is not empty", where="green-postgres", seen=f"{found} tables",
                         todo="undo the copy before it is made again")


def _address(side: str, inside: str) -> dict[str, str]:
    host, _, port = inside.rpartition(":")
    return {f"{side}_HOST": host, f"{side}_PORT": port}
