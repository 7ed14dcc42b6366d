"""`rehearse bench replay`: a million captured revocations, replayed exactly once in effect.

The real queue, the real green schema and the real replayer on the process engine; rows and captures
are made for it. One in a hundred was refused by Hydra, two have no known outcome (one of them lives on
on blue), one is in the queue twice. The replayer is killed half way, runs to its end, and runs again.
Then the rows say who lives: whoever should, and nobody else.
"""

from __future__ import annotations

import asyncio
import json
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NamedTuple

import typer

from sim.cli.output import reached

if TYPE_CHECKING:
    from sim.rigs.real.engines.engine import Engine
    from sim.rigs.real.secrets import Secrets
    from sim.services.queue import Queue
    from sim.services.revocations import Said

CAPTURES = 1_000_000
"""Source: the benchmark's goal."""
SPARE = 0.1
"""Grants beside them that nobody revoked, as a share."""
UNDER_WAY = 256
"""Assumption: as many publications at once as an edge has requests."""
PAGE = 200_000
"""Rows made by one statement."""
CLIENT = "bench"
JOB_S = 3600.0
PARTS = ("blue-postgres", "green-postgres", "toxiproxy", "queue")

_NAME = """(CASE WHEN n >= {captures} THEN 's' ELSE
   CASE n % 100 WHEN 0 THEN 'r' WHEN 1 THEN 'u' WHEN 2 THEN 'k' ELSE 'c' END END) || lpad(n::text, 15, '0')"""
_MUST = """
SELECT column_name::text, data_type::text FROM information_schema.columns
 WHERE table_schema = 'public' AND table_name = $1 AND is_nullable = 'NO' AND column_default IS NULL"""
_FILLED = {"boolean": "true", "jsonb": "'[]'", "uuid": "gen_random_uuid()"}
"""What a column that must have a value gets, by its type: nothing here reads it."""
_ALIVE = """
SELECT left(request_id, 1), count(*) FROM (
    SELECT request_id FROM hydra_oauth2_refresh WHERE active
    UNION SELECT request_id FROM hydra_oauth2_access WHERE active) alive GROUP BY 1"""


class Capture(NamedTuple):
    """One captured revocation."""

    grant: str
    outcome: Said | None
    """None: no outcome was ever stored."""
    is_twice: bool


def captures(count: int) -> Iterator[Capture]:
    """In the order of their capture. The grant's first letter says what must become of it:

    `c` confirmed, `u` unknown and dead on blue: both must die on green; `r` refused, `k` unknown and
    alive on blue: both must live. Pure.
    """
    words: dict[int, tuple[str, Said | None]] = {0: ("r", "refused"), 1: ("u", "unknown"), 2: ("k", None)}
    for n in range(count):
        letter, outcome = words.get(n % 100, ("c", "confirmed"))
        yield Capture(f"{letter}{n:015d}", outcome, n % 100 == 50)


def living(count: int, spare: int) -> dict[str, int]:
    """First letter → how many grants must live on green at the end. Pure."""
    return {letter: n for letter, n in (("r", -(-count // 100)), ("k", -(-(count - 2) // 100)), ("s", spare)) if n > 0}


def bench_replay(
    count: Annotated[int, typer.Option("--captures", min=200, help="Captured revocations.")] = CAPTURES,
    as_json: Annotated[bool, typer.Option("--json", help="The figures as JSON.")] = False,
) -> int:
    """Replay a million captured revocations, with a replayer that is killed half way.

    Exits 1 if one is not in force on green, or a grant is gone that nobody revoked. Takes about a
    quarter of an hour.
    """
    from sim.cli import output

    told = asyncio.run(measure(count, output.progress))
    output.figures(told, rows, as_json=as_json)
    return 0 if told["met"] else 1


def rows(told: dict[str, Any]) -> list[list[str]]:
    """The table, for people."""
    done, again = told["done"], told["again"]
    right = "as it should be" if told["alive"] == told["living"] else f"{told['alive']}, not {told['living']}"
    return [
        ["captured", f"{told['captures']:,}, {told['published_s']:.0f} s", "", ""],
        ["killed after", f"{told['killed_after']:,} of them", "", ""],
        ["then replayed, void, skipped", f"{done['replayed']:,}, {done['void']:,}, {done['skipped']:,}", "", ""],
        ["its time", f"{done['took_s']:.0f} s, {told['captures'] / done['took_s']:,.0f}/s", "", ""],
        ["its peak memory", f"{done['peak_bytes'] / 1e6:,.0f} MB", "", ""],
        ["once more: rows changed", f"{sum(again['rows'].values())}, {again['took_s']:.0f} s", "0",
         reached(not again["rows"])],
        ["grants that live on green", right, "", reached(told["alive"] == told["living"])],
    ]


async def measure(count: int, say: Callable[[str], None]) -> dict[str, Any]:
    """{captures, published_s, killed_after, done, again, alive, living, met}; the parts end with it."""
    from sim.cli.bench_stack import bench_stack
    from sim.rigs.real.acquire import acquire
    from sim.rigs.real.databases import database
    from sim.rigs.real.grant_indexes import GrantIndexes
    from sim.rigs.real.secrets import secrets
    from sim.services.queue import Queue

    parts = await acquire("process", hydra=["1.11.10", "2.3.0"])
    own, spare = secrets(), int(count * SPARE)
    with tempfile.TemporaryDirectory(prefix="rehearse-bench-") as folder:
        async with bench_stack(Path(folder), parts, own, PARTS, ["blue-hydra", "green-hydra"]) as engine:
            await GrantIndexes(engine, own).build()
            say(f"making {count + spare:,} grants …")
            await fill(engine, own, count, spare)
            host, port = engine.direct("queue", "nats")
            queue = Queue(f"nats://{host}:{port}")
            begun_s = time.monotonic()
            try:
                await publish(queue, count, say)
            finally:
                await queue.close()
            published_s = time.monotonic() - begun_s
            say(f"replaying, to be killed after {count // 2:,} …")
            await killed(engine, count // 2)
            done = await replayed(engine, say)
            again = await replayed(engine, say)
            async with database(engine, own, "green") as green:
                alive = {row[0]: row[1] for row in await green.fetch(_ALIVE)}
    wanted = living(count, spare)
    return {"captures": count, "published_s": published_s, "killed_after": count // 2, "done": done, "again": again,
            "alive": alive, "living": wanted,
            "met": alive == wanted and not again["rows"] and done["captured"] == count}


async def fill(engine: Engine, own: Secrets, count: int, spare: int) -> None:
    """A refresh and an access token of each grant on green; on blue what lives there."""
    from sim.rigs.real.databases import database

    for side, only, tables in (("green", "true", ("hydra_oauth2_refresh", "hydra_oauth2_access")),
                               ("blue", "n % 100 = 2", ("hydra_oauth2_refresh",))):
        async with database(engine, own, side) as connection:  # type: ignore[arg-type]  # two words of a tuple
            await connection.execute(await _insert(connection, "hydra_client", {"id": f"'{CLIENT}'"}, "true"), 0, 0)
            name = _NAME.format(captures=count)
            for table in tables:
                statement = await _insert(connection, table, {
                    "signature": f"'{table[-7:]}' || {name}", "request_id": name, "client_id": f"'{CLIENT}'"}, only)
                for begin in range(0, count + spare, PAGE):
                    await connection.execute(statement, begin, min(begin + PAGE, count + spare) - 1)
                await connection.execute(f"ANALYZE {table}")


async def _insert(connection: Any, table: str, own: dict[str, str], only: str) -> str:
    """INSERT of one row for each n from $1 to $2; columns that must have a value and are not named get any."""
    def any_of(kind: str) -> str:
        return "now()" if kind.startswith("timestamp") else "0" if "int" in kind else _FILLED.get(kind, "''")

    values = {column: "(SELECT id FROM networks LIMIT 1)" if column == "nid" else any_of(kind)
              for column, kind in await connection.fetch(_MUST, table)} | own
    return (f"INSERT INTO {table} ({', '.join(values)}) SELECT {', '.join(values.values())} "
            f"FROM generate_series($1::int, $2::int) n WHERE {only}")


async def publish(queue: Queue, count: int, say: Callable[[str], None]) -> None:
    """Each intent and its outcome, as an edge stores them."""
    from sim.services.queue import intent_subject, outcome_subject
    from sim.services.revocations import Intent, Outcome, encode

    await queue.ensure()
    waiting, done, told_s = captures(count), 0, time.monotonic()

    async def work() -> None:
        nonlocal done, told_s
        for one in waiting:
            id = f"i{one.grant}"
            intent = encode(Intent(id, "refresh", [one.grant], CLIENT, "", 1.0 + float(one.grant[1:]) / 1000,
                                   owner=CLIENT, has_refresh=True))
            await queue.publish(intent_subject("forward"), intent, id=id)
            if one.is_twice:
                await queue.publish(intent_subject("forward"), intent, id=f"{id}.again")
            if one.outcome is not None:
                await queue.publish(outcome_subject("forward"), encode(Outcome(id, one.outcome)), id=f"{id}.outcome")
            done += 1
            if time.monotonic() - told_s > 2.0:
                told_s = time.monotonic()
                say(f"captured {done:,} of {count:,} …")

    async with asyncio.TaskGroup() as group:
        for _ in range(min(UNDER_WAY, count)):
            group.create_task(work())


_REPLAYER = ["python", "-m", "sim.services.replayer", "--direction", "forward", "--workers", "4"]


async def killed(engine: Engine, after: int) -> None:
    """Run the replayer until it stands after so many captures, and kill it there."""
    from sim.errors import StepFailed

    stands = asyncio.Event()

    def line(text: str) -> None:
        if json.loads(text).get("event") == "halted":
            stands.set()

    job = asyncio.create_task(engine.job("replayer", _REPLAYER, environment={"REPLAY_HALT_AFTER": str(after)},
                                         on_line=line, deadline_s=JOB_S))
    halting = asyncio.create_task(stands.wait())
    await asyncio.wait((job, halting), return_when=asyncio.FIRST_COMPLETED)
    halting.cancel()
    if not stands.is_set():
        raise StepFailed(f"the replayer ended before capture {after}", where="replayer", seen=(await job).tail[-400:])
    await engine.end_jobs("replayer")
    await job


async def replayed(engine: Engine, say: Callable[[str], None]) -> dict[str, Any]:
    """One whole run of the replayer: its last line, without its records, and took_s."""
    from sim.errors import StepFailed

    begun_s = told_s = time.monotonic()
    last: dict[str, Any] = {}

    def line(text: str) -> None:
        nonlocal last, told_s
        told = json.loads(text)
        if told["event"] == "done":
            last = told
        elif told["event"] == "progress" and time.monotonic() - told_s > 2.0:
            told_s = time.monotonic()
            say(f"replayed {told['done']:,} of {told['total']:,} …")

    done = await engine.job("replayer", _REPLAYER, on_line=line, deadline_s=JOB_S)
    if not last or done.exit_code:
        raise StepFailed("the replayer did not finish", where="replayer", seen=done.tail[-400:])
    return {**{key: value for key, value in last.items() if key != "records"}, "took_s": time.monotonic() - begun_s}
