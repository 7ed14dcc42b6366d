"""What the migrator says and does, read line by line and poll by poll.

Its exit code is not asked: versions up to 1.11 exit 0 on failure. The list of migrations is the
program's own, what was applied stands in green's schema_migration.
"""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import Callable
from typing import Any

import msgspec
from asyncpg.exceptions import PostgresError

from sim.errors import StepFailed
from sim.rigs.real.databases import OWNER, Connection, has_table
from sim.rigs.real.engines.engine import Engine
from sim.rigs.rig import Progress

STATUS_S = 15.0
"""Assumption: asking for the list takes a quarter of a second; without a database the program tries for ever."""
POLL_S = 0.25
"""Source: the screen shows four times a second."""
NOW_CHARS = 120

_STATUS = re.compile(r"^(\d{14,20})\s+(\S+)\s+(Pending|Applied)\s*$")
_APPLIED = re.compile(r"applied successfully.*\bversion=(\d+)")
_ERROR = re.compile(r"^(?:.*\b)?ERROR: (.*) \(SQLSTATE ([0-9A-Z]{5})\)")
_FILE = re.compile(r"error executing migrations/(\S+?),")

_ACTIVITY = """
    SELECT a.query, extract(epoch FROM clock_timestamp() - a.query_start)::float8 AS for_s,
           a.wait_event_type = 'Lock' AS waits,
           ARRAY(SELECT DISTINCT c.relname::text FROM pg_locks l JOIN pg_class c ON c.oid = l.relation
                  WHERE l.pid = a.pid AND l.granted AND l.mode = 'AccessExclusiveLock' AND c.relkind = 'r') AS locked,
           (SELECT temp_bytes FROM pg_stat_database WHERE datname = current_database())
             + (SELECT coalesce(sum(size), 0) FROM pg_ls_tmpdir())::int8 AS temp_bytes
      FROM pg_stat_activity a
     WHERE a.datname = current_database() AND a.usename = $1 AND a.state <> 'idle'
     ORDER BY a.application_name = 'migrator' DESC, a.query_start LIMIT 1"""


class Trouble(msgspec.Struct):
    """What the migrator complained of."""

    message: str = ""
    sqlstate: str = ""
    file: str = ""


class Listed(msgspec.Struct, frozen=True):
    """The program's own list: version → name, oldest first; `applied` when it was asked."""

    names: dict[str, str]
    applied: frozenset[str]


class Listening:
    """Takes the migrator's lines: files done and when, and the first error."""

    def __init__(self, on_file: Callable[[str], None] | None = None) -> None:
        self.took_s: dict[str, float] = {}
        """Version → seconds since the file before it."""
        self.trouble = Trouble()
        self._last = time.monotonic()
        self._on_file = on_file

    def __call__(self, line: str) -> None:
        if done := _APPLIED.search(line):
            now = time.monotonic()
            self.took_s[done[1]] = round(now - self._last, 3)
            self._last = now
            if self._on_file is not None:
                self._on_file(done[1])
        elif not self.trouble.sqlstate and (error := _ERROR.search(line)):
            self.trouble.message, self.trouble.sqlstate = error[1], error[2]
        elif not self.trouble.file and (file := _FILE.search(line)):
            self.trouble.file = file[1]


def read_status(lines: list[str]) -> Listed:
    """The output of `migrate sql status`."""
    found = [m for line in lines if (m := _STATUS.match(line.strip()))]
    return Listed({m[1]: m[2] for m in sorted(found, key=lambda m: m[1])},
                  frozenset(m[1] for m in found if m[3] == "Applied"))


async def ask_list(engine: Engine, job: str = "migrator") -> Listed:
    """The list of the program that runs `job`. Raises StepFailed if it gives none."""
    lines: list[str] = []
    try:
        result = await engine.job(job, ["migrate", "sql", "status", "-e"], on_line=lines.append, deadline_s=STATUS_S)
    except TimeoutError as error:
        raise StepFailed(f"the migrator gave no list of its migrations in {STATUS_S:g} s", where=job,
                         seen="\n".join(lines)[-400:], todo="does its Postgres answer on the link?") from error
    listed = read_status(lines)
    if not listed.names:
        raise StepFailed("the migrator gave no list of its migrations", where=job, seen=result.tail[-400:],
                         todo="without a list nobody can tell whether it succeeded")
    return listed


async def applied(connection: Connection) -> set[str]:
    """The versions in schema_migration; empty if there is none."""
    if not await has_table(connection, "schema_migration"):
        return set()
    return {str(row[0]) for row in await connection.fetch("SELECT version FROM schema_migration")}


async def watch(green: Connection, listed: Listed, progress: Progress) -> None:
    """Report what the migrator does on green, until cancelled.

    Each report is {done, total, now, version, for_s, locked, waits, temp_bytes}: files done of
    those that were pending, the statement it works on and since when, the tables it locks against
    everybody, whether it waits for a lock itself.
    """
    pending = [v for v in listed.names if v not in listed.applied]
    while True:
        try:
            there = await applied(green)
            row = await green.fetchrow(_ACTIVITY, OWNER)
        except (PostgresError, TimeoutError):
            row, there = None, set()
        left = [v for v in pending if v not in there]
        if there and left:
            progress({"done": len(pending) - len(left), "total": len(pending), "version": left[0],
                      "now": f"{left[0]} {listed.names[left[0]]}", **(_told(row) if row is not None else {})})
        await asyncio.sleep(POLL_S)


def _told(row: Any) -> dict[str, Any]:
    words = " ".join(line.strip() for line in row["query"].splitlines()
                     if line.strip() and not line.lstrip().startswith("--"))
    return {"statement": words[:NOW_CHARS], "for_s": round(max(row["for_s"] or 0.0, 0.0), 2),
            "locked": list(row["locked"]), "waits": bool(row["waits"]), "temp_bytes": int(row["temp_bytes"])}
