"""Every kind of fault on real parts: in effect as its proof says, and gone after its heal."""

from __future__ import annotations

import asyncio
import contextlib
from pathlib import Path
from typing import Any

import pytest
from asyncpg.exceptions import InterfaceError, PostgresError
from real_faults import faults_on, lived_through
from rigs import BASE, OURS, opened, require, start_blue

from sim.errors import StepFailed
from sim.rigs.real.databases import database
from sim.rigs.real.engines import Engine
from sim.rigs.real.faults.answers import Answers
from sim.rigs.real.faults.fsync import undelayed
from sim.rigs.real.faults.maker import looked_for
from sim.rigs.real.leftovers import find
from sim.rigs.real.secrets import secrets
from sim.services.queue import Queue

pytestmark = pytest.mark.timeout(240)
UP = (*BASE, "blue-hydra", *OURS)


async def test_parts_die_freeze_and_come_back(engine: Engine) -> None:
    await start_blue(engine)
    answers = Answers(engine, secrets())
    async with faults_on(engine, *UP) as (faults, _, _):
        for kind, part in (("kill", "queue"), ("kill", "blue-hydra"), ("stop", "blue-postgres"),
                           ("pause", "blue-hydra"), ("pause", "edge"), ("restart", "login-consent")):
            before = await engine.incarnation(part)
            proof, healed = await lived_through(faults, {"fault": kind, "part": part})
            assert proof["proven"], (kind, part, proof)
            assert "answers again" in healed["seen"], (kind, part, healed)
            assert await answers.asked(part) == ""
            assert (await engine.incarnation(part) == before) is (kind == "pause")


async def test_the_edge_comes_back_with_the_route_and_the_capture_it_had(engine: Engine) -> None:
    await start_blue(engine)
    async with faults_on(engine, *UP) as (faults, standing, controls):
        await controls["edge"].ask("PUT", "/capture", {"on": True, "direction": "forward"})
        await controls["edge"].ask("PUT", "/route", {"to": "green"})
        await controls["authz"].ask("PUT", "/side", {"to": "green"})
        standing.edges[0].capture, standing.edges[0].to, standing.sides["authz"] = "forward", "green", "green"
        for kind, part in (("kill", "edge"), ("restart", "edge"), ("kill", "authz")):
            proof, healed = await lived_through(faults, {"fault": kind, "part": part})
            assert proof["proven"], proof
            status = await controls[part].ask("GET", "/status")
            if part == "edge":
                assert healed["restored"] == {"route": "green", "share": 1.0, "capture": "forward", "buffering": False,
                                              "writes_allowed": True}
                assert (status["route"], status["capture"]["on"], status["capture"]["direction"]) == (
                    "green", True, "forward")
            else:
                assert healed["restored"] == {"side": "green"} == status
            assert f"{part} is back" in healed["note"] and "Lost with it" in healed["note"]


async def test_what_the_runbook_stopped_meanwhile_stays_stopped(engine: Engine) -> None:
    await engine.start("queue")
    async with faults_on(engine, "queue") as (faults, _, _):
        await faults.make({"name": "gone", "fault": "kill", "part": "queue"})
        faults_engine: Any = faults.engine
        await faults_engine.stop("queue")
        assert "the runbook has stopped this part" in (await faults.heal("gone"))["seen"]
        assert await engine.incarnation("queue") == ""
        with pytest.raises(StepFailed, match="does not run now"):
            await faults.make({"name": "again", "fault": "pause", "part": "queue"})


async def test_a_job_under_way_is_killed(engine: Engine) -> None:
    async with faults_on(engine) as (faults, _, _):
        with pytest.raises(StepFailed, match="does not run now"):
            await faults.make({"name": "early", "fault": "kill", "part": "copier"})
        begun = asyncio.Event()
        job = asyncio.create_task(engine.job("copier", ["sh", "-c", "echo begun; exec sleep 30"],
                                             on_line=lambda _: begun.set(), deadline_s=25))
        await asyncio.wait_for(begun.wait(), 20)
        proof, _ = await lived_through(faults, {"fault": "kill", "part": "copier"})
        assert proof["proven"] and (await job).exit_code in (-9, 137)


async def test_a_postgres_loses_its_backends_its_connections_and_its_locks(engine: Engine) -> None:
    await start_blue(engine)
    async with faults_on(engine, *UP) as (faults, _, _):
        for fault in ({"fault": "terminate"}, {"fault": "exhaust"}, {"fault": "exhaust", "connections": 5},
                      {"fault": "lock"}, {"fault": "lock", "waiter": True, "table": "hydra_oauth2_access"}):
            proof, healed = await lived_through(faults, {**fault, "part": "blue-postgres"})
            assert proof["proven"], (fault, proof)
            assert healed["seen"], fault
        with pytest.raises(StepFailed, match="no table"):
            await faults.make({"name": "x", "fault": "lock", "part": "blue-postgres", "table": "no_such"})


async def test_a_postgres_flushes_slowly_and_fast_again(engine: Engine) -> None:
    await engine.start("blue-postgres", "green-postgres")
    async with faults_on(engine, "blue-postgres", "green-postgres") as (faults, _, _):
        for part, delay_s in (("blue-postgres", 0.1), ("green-postgres", 0.02)):
            proof, healed = await lived_through(faults, {"fault": "fsync", "part": part, "delay": delay_s})
            assert proof["proven"] and "before the fault" in healed["seen"], (proof, healed)
        await faults.make({"name": "kept", "fault": "fsync", "part": "blue-postgres", "delay": 0.05})
        await engine.restart("blue-postgres")
        assert (await faults.prove("kept"))["proven"], "it outlives a restart of its server"
        await undelayed(engine, secrets(), "blue")
        async with database(engine, secrets(), "blue") as admin:
            assert await admin.fetchval("SHOW commit_delay") == "0", "what a killed harness left is taken off"
        assert "before the fault" in (await faults.heal("kept"))["seen"]


async def test_a_full_stream_refuses_and_takes_again(engine: Engine) -> None:
    await start_blue(engine)
    async with faults_on(engine, *UP) as (faults, _, controls):
        with pytest.raises(StepFailed, match="no stream yet"):
            await faults.make({"name": "early", "fault": "full", "part": "queue"})
        await controls["edge"].ask("PUT", "/capture", {"on": True, "direction": "forward"})
        proof, healed = await lived_through(faults, {"fault": "full", "part": "queue"})
        assert proof["proven"] and "maximum messages" in proof["seen"], proof
        assert healed["seen"] == "a message is stored"
        await controls["edge"].ask("PUT", "/capture", {"on": True, "direction": "forward"})


async def test_a_stream_holds_everything_twice_and_late(engine: Engine) -> None:
    await start_blue(engine)
    host, port = engine.direct("queue", "nats")
    queue = Queue(f"nats://{host}:{port}")
    async with faults_on(engine, *UP) as (faults, _, controls):
        await controls["edge"].ask("PUT", "/capture", {"on": True, "direction": "forward"})
        with pytest.raises(StepFailed, match="holds nothing yet"):
            await faults.make({"name": "early", "fault": "duplicate", "part": "queue"})
        for n in range(3):
            await queue.publish("revocation.intent.forward", f"{n}".encode(), id=f"id-{n}")
        proof, healed = await lived_through(faults, {"fault": "duplicate", "part": "queue"})
        assert proof == {"proven": True, "expected": "at least 6 messages", "seen": "6 messages, 3 before"}
        assert "the copies stay" in healed["seen"]
        assert [m.data async for m in queue.read("forward", idle_s=0.2)] == [b"0", b"1", b"2", b"2", b"1", b"0"]
    await queue.close()


@pytest.mark.parametrize("part", OURS)
async def test_a_clock_is_wrong_and_right_again(engine: Engine, part: str) -> None:
    await start_blue(engine)
    async with faults_on(engine, *UP) as (faults, _, _):
        for offset, seen in ((-3600.0, "its clock is 3600.0 s behind"), (30.0, "its clock is 30.0 s ahead")):
            proof, healed = await lived_through(faults, {"fault": "clock", "part": part, "offset": offset})
            assert proof["proven"] and proof["seen"] == seen and healed["seen"] == "its clock is right"


async def test_a_wrong_secret_and_a_partition(engine: Engine) -> None:
    await start_blue(engine)
    async with faults_on(engine, *UP) as (faults, _, _):
        proof, healed = await lived_through(faults, {"fault": "wrong_secret", "part": "blue-hydra"})
        assert proof["proven"] and "can be read" in healed["seen"], (proof, healed)
        for fault in ({"fault": "partition", "part": "edge", "from": "queue"}, {"fault": "partition", "part": "queue"},
                      {"fault": "partition", "part": "blue-hydra"}):
            proof, healed = await lived_through(faults, fault)
            assert proof["proven"], (fault, proof)
            assert "again" in healed["seen"], (fault, healed)


async def test_a_second_migrator_works_beside_the_first(engine: Engine) -> None:
    await engine.start("green-postgres", "toxiproxy")
    async with faults_on(engine, "green-postgres") as (faults, _, _):
        first = asyncio.create_task(engine.job("migrator", ["migrate", "sql", "-e", "--yes"], deadline_s=120))
        proof, healed = await lived_through(faults, {"fault": "twice", "part": "migrator"})
        assert proof["proven"] and "second migrator" in healed["seen"], (proof, healed)
        await first


@pytest.mark.docker
async def test_a_container_gets_less_of_the_machine(tmp_path: Path) -> None:
    require("docker")
    engine = await opened("docker", tmp_path)
    try:
        await engine.start("queue")
        async with faults_on(engine, "queue") as (faults, _, _):
            for fault in ({"fault": "cpu", "cpu": 0.1}, {"fault": "memory", "memory": 64 << 20}):
                proof, healed = await lived_through(faults, {**fault, "part": "queue"})
                assert proof["proven"] and "without limit" in healed["seen"], (proof, healed)
    finally:
        await engine.close()


@pytest.mark.docker
async def test_a_disk_is_full_and_has_space_again_and_no_row_is_lost(tmp_path: Path) -> None:
    require("docker")
    engine = await opened("docker", tmp_path, disks={"green-postgres": 300 << 20}, MAX_WAL_SIZE="64MB")
    full = {"fault": "disk", "part": "green-postgres"}
    try:
        await engine.start("blue-postgres", "green-postgres")
        async with faults_on(engine, "blue-postgres", "green-postgres") as (faults, _, _):
            for wrong, why in (({"part": "blue-postgres"}, "no bound in this run"), ({"size": 1 << 30}, "is 300 MiB")):
                with pytest.raises(StepFailed, match=why):
                    await faults.make({**full, "name": why, **wrong})
                assert (await faults.heal(why))["seen"] == "it was never made"
            async with database(engine, secrets(), "green") as admin:
                await admin.execute("CREATE TABLE kept AS SELECT repeat('x', 500) FROM generate_series(1, 20000)")
            proof, healed = await lived_through(faults, full)
            assert proof["proven"] and "53100; 300 MiB are full" in proof["seen"], proof
            assert "what needs space is stored; its server lived through it" in healed["seen"], healed

            await faults.make({**full, "name": "log"})
            with contextlib.suppress(PostgresError, InterfaceError, OSError):
                async with database(engine, secrets(), "green") as admin:
                    for _ in range(60):
                        await admin.execute("SELECT pg_logical_emit_message(true, 'x', repeat('y', 900000))")

            async def gone() -> dict[str, Any]:
                return {"proven": not await engine.incarnation("green-postgres")}

            assert (await looked_for(gone, 20.0))["proven"]
            proof = await faults.prove("log")
            assert proof["proven"] and "has given up and is gone" in proof["seen"], proof
            healed = await faults.heal("log")
            assert "was gone and is started again" in healed["seen"], healed
            async with database(engine, secrets(), "green") as admin:
                assert await admin.fetchval("SELECT count(*) FROM kept") == 20_000
    finally:
        await engine.close()
    assert [one for one in find() if one.run == engine.run_id] == []
