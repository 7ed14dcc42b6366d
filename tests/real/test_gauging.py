"""The gauge on a real Postgres: who waits for whom, and sizes that are read past a lock."""

from __future__ import annotations

import asyncio
import time

import pytest

from sim.rigs.real.databases import database
from sim.rigs.real.engines import Engine
from sim.rigs.real.postgres_gauge import PostgresGauge
from sim.rigs.real.secrets import secrets

pytestmark = pytest.mark.real


async def test_waits_sizes_wal_and_temp_are_seen_while_a_table_is_locked(engine: Engine) -> None:
    own = secrets()
    await engine.start("blue-postgres")
    gauge = PostgresGauge(engine, own)
    async with (database(engine, own, "blue") as holder, database(engine, own, "blue") as waiter,
                database(engine, own, "blue") as asked):
        await holder.execute("CREATE TABLE big (id int PRIMARY KEY, said text); CREATE TABLE small (id int)")
        quiet = await gauge.read("blue")
        assert (quiet["wal_bytes"], quiet["waiting"]) == (0, 0) and "waits" not in quiet
        await holder.execute("INSERT INTO big SELECT n, repeat('x', 200) FROM generate_series(1, 20000) n")
        await holder.execute("SET work_mem = '64kB'; SELECT count(*) FROM (SELECT said FROM big ORDER BY said, id) s")
        await holder.execute("SELECT pg_stat_force_next_flush()")  # else it may tell of its temp files a second later
        await holder.execute("BEGIN; LOCK TABLE big IN ACCESS EXCLUSIVE MODE")
        waiting = asyncio.create_task(waiter.fetchval("SELECT count(*) FROM big WHERE said = 'somebody'"))
        for _ in range(250):
            if await asked.fetchval("SELECT count(*) FROM pg_locks WHERE NOT granted"):
                break
            await asyncio.sleep(0.02)
        gauge._sized_s.clear()  # sizes are due
        began = time.monotonic()
        told = await gauge.read("blue")
        assert time.monotonic() - began < 0.9, "it waited for no lock itself"
        assert told["waiting"] == 1 and len(told["waits"]) == 1
        one = told["waits"][0]
        assert (one["lock"], one["mode"], one["held"]) == ("big", "AccessShare", ["AccessExclusive"])
        assert one["holder_state"] == "idle in transaction" and one["holder_does"].startswith("BEGIN; LOCK TABLE big")
        assert one["wants"] == "SELECT count(*) FROM big WHERE said = '…'" and not one["holder_waits"]
        assert told["wal_bytes"] > 4_000_000 and told["temp_bytes"] > 1_000_000
        assert "tables" not in await gauge.read("blue"), "sizes are read every few seconds only"
        await holder.execute("ROLLBACK")
        assert await waiting == 0
        total = await asked.fetchval("SELECT pg_total_relation_size('big')")
        whole = await asked.fetchval("SELECT pg_database_size(current_database())")
    assert told["tables"]["big"] == pytest.approx(total, rel=0.02)
    assert told["tables"]["small"] == 0
    assert told["size_bytes"] == pytest.approx(whole, rel=0.02)


async def test_what_a_look_costs(engine: Engine) -> None:
    own = secrets()
    await engine.start("blue-postgres")
    gauge, took = PostgresGauge(engine, own), []
    for _ in range(10):
        gauge._sized_s.clear()
        began = time.monotonic()
        await gauge.read("blue")
        took.append(time.monotonic() - began)
    print(f"a look with sizes takes {sorted(took)[5] * 1000:.1f} ms")
    assert sorted(took)[5] < 0.25
