"""Both engines on real programs: start, links, jobs, faults of processes, data, and nothing left."""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
import time
from pathlib import Path

import aiohttp
import asyncpg
import psutil
import pytest
from rigs import BASE, OURS, opened, start_blue

from sim.errors import NotReady
from sim.rigs.real.engines import Engine, Kind
from sim.rigs.real.secrets import secrets
from sim.rigs.real.toxiproxy import Toxiproxy

DELAY_S = 0.3


async def introspect(address: tuple[str, int], *, prefix: str = "", limit_s: float = 10.0) -> float:
    """Seconds an introspection of nonsense took."""
    began = time.monotonic()
    async with (
        aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=limit_s)) as session,
        session.post(f"http://{address[0]}:{address[1]}{prefix}/oauth2/introspect",
                     data={"token": "no.token"}) as answer,
    ):
        assert await answer.json() == {"active": False}
    return time.monotonic() - began


async def sql(engine: Engine, service: str, statement: str, *, role: str = "rehearse") -> object:
    host, port = engine.direct(service, "sql")
    connection = await asyncpg.connect(host=host, port=port, user=role, password=secrets().database, database="hydra")
    try:
        return await connection.fetchval(statement)
    finally:
        await connection.close()


def listens(address: tuple[str, int]) -> bool:
    with socket.socket() as probe:
        probe.settimeout(1.0)
        return probe.connect_ex(address) == 0


async def test_the_blue_side_becomes_ready_and_close_leaves_nothing(engine: Engine) -> None:
    began = time.monotonic()
    await start_blue(engine)
    print(f"\n{engine.kind}: blue side ready in {time.monotonic() - began:.1f} s")
    await introspect(engine.link("resource-servers->edge:internal"))
    for service in (*BASE, "blue-hydra", *OURS):
        told = await engine.usage(service)
        assert told.rss_bytes > 1e6, service
        assert secrets().database not in engine.command(service)
        assert engine.log(service).exists()
        assert engine.log(service).stat().st_mode & 0o077 == 0
    assert (await engine.usage("blue-hydra")).cpu_s > 0.01
    with pytest.raises(asyncpg.PostgresError):
        await sql(engine, "blue-postgres", "CREATE TABLE t (i int)", role="edge")
    assert await sql(engine, "blue-postgres", "SHOW fsync") == "on"
    addresses = [engine.direct("blue-postgres", "sql"), engine.link("clients->edge:public"),
                 engine.direct("edge", "control")]
    assert all(map(listens, addresses))
    await engine.close()
    assert not any(map(listens, addresses))


async def test_a_link_goes_through_toxiproxy(engine: Engine) -> None:
    await start_blue(engine)
    toxiproxy = Toxiproxy(*engine.direct("toxiproxy", "api"))
    admin = engine.direct("blue-hydra", "admin")
    assert await introspect(admin) < DELAY_S
    await toxiproxy.add("blue-hydra->blue-postgres", name="late", toxic="latency", stream="downstream",
                        attributes={"latency": round(DELAY_S * 1000), "jitter": 0})
    assert await introspect(admin) >= DELAY_S
    await toxiproxy.remove("blue-hydra->blue-postgres", "late")
    await toxiproxy.remove("blue-hydra->blue-postgres", "late")
    assert await introspect(admin) < DELAY_S
    await toxiproxy.enable("resource-servers->edge:internal", False)
    # Refused where we dial Toxiproxy itself; Docker's own forwarder accepts first and then hangs up.
    seen = aiohttp.ClientConnectionError if engine.kind == "docker" else aiohttp.ClientConnectorError
    with pytest.raises(seen):
        await introspect(engine.link("resource-servers->edge:internal"))
    await toxiproxy.enable("resource-servers->edge:internal", True)
    await introspect(engine.link("resource-servers->edge:internal"))


async def test_green_hydra_reaches_its_database_by_its_link_alone(engine: Engine) -> None:
    await engine.start("green-postgres", "toxiproxy")
    migrated = await engine.job("migrator", ["migrate", "sql", "-e", "--yes"], deadline_s=120)
    assert migrated.exit_code == 0, migrated.tail
    await engine.start("green-hydra")
    admin = engine.direct("green-hydra", "admin")
    await introspect(admin, prefix="/admin")
    toxiproxy = Toxiproxy(*engine.direct("toxiproxy", "api"))
    await toxiproxy.enable("green-hydra->green-postgres", False)
    async with aiohttp.ClientSession() as session:
        with pytest.raises((AssertionError, TimeoutError)):  # the loop is the wait
            async with asyncio.timeout(8), session.get(f"http://{admin[0]}:{admin[1]}/health/ready") as answer:
                assert answer.status == 200
        await toxiproxy.enable("green-hydra->green-postgres", True)
        seen = 0
        for _ in range(200):
            async with session.get(f"http://{admin[0]}:{admin[1]}/health/ready") as answer:
                seen = answer.status
            if seen == 200:
                break
            await asyncio.sleep(0.1)
        assert seen == 200


async def test_killed_paused_and_restarted(engine: Engine) -> None:
    await engine.start("blue-postgres", "queue")
    await sql(engine, "blue-postgres", "CREATE TABLE kept AS SELECT 7 AS i")
    for end in (engine.kill, engine.stop):
        await end("blue-postgres")
        assert not listens(engine.direct("blue-postgres", "sql"))
        await engine.start("blue-postgres")
        assert await sql(engine, "blue-postgres", "SELECT i FROM kept") == 7
    await engine.pause("blue-postgres")
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(sql(engine, "blue-postgres", "SELECT 1"), 1.0)
    await engine.resume("blue-postgres")
    await engine.restart("blue-postgres")
    assert await sql(engine, "blue-postgres", "SELECT i FROM kept") == 7
    await engine.pause("blue-postgres")
    await engine.stop("blue-postgres")
    assert not listens(engine.direct("blue-postgres", "sql"))


def session_nice(pid: int) -> int:
    """Of the session's weight against other sessions (sched(7), autogroup)."""
    return int(Path(f"/proc/{pid}/autogroup").read_text().split()[-1])


async def test_green_has_a_quarter_of_the_cpu_until_it_is_to_serve(engine: Engine) -> None:
    async def shares() -> set[int]:
        """Of a backend that works; in nice where the engine has no shares."""
        host, port = engine.direct("green-postgres", "sql")
        connection = await asyncpg.connect(host=host, port=port, user="rehearse", password=secrets().database,
                                           database="hydra")
        try:
            pid = int(await connection.fetchval("SELECT pg_backend_pid()"))
            if engine.kind == "docker":
                told = await connection.fetchval("SELECT pg_read_file($1)", await cgroup_file(connection))
                return {int(told)}
            await asyncio.sleep(0.3)
            return {os.getpriority(os.PRIO_PROCESS, pid), session_nice(pid)}
        finally:
            await connection.close()

    async def cgroup_file(connection: asyncpg.Connection) -> str:
        found = await connection.fetchval("SELECT (pg_stat_file('/sys/fs/cgroup/cpu/cpu.shares', true)).size")
        return "/sys/fs/cgroup/cpu/cpu.shares" if found is not None else "/sys/fs/cgroup/cpu.weight"

    await engine.start("green-postgres", "blue-postgres")
    less, full = ({6}, {0}) if engine.kind == "process" else ({256, 10}, {1024, 39, 100})
    assert await shares() <= less
    await engine.restart("green-postgres")
    assert await shares() <= less
    await engine.weigh_fully("green-postgres")
    assert await shares() <= full
    await engine.restart("green-postgres")
    assert await shares() <= full, "a restart must not take it back"
    lines: list[str] = []
    script = "nice; cat /proc/self/autogroup; cat /sys/fs/cgroup/cpu/cpu.shares /sys/fs/cgroup/cpu.weight; true"
    await engine.job("copier", ["/bin/sh", "-c", script], on_line=lines.append, deadline_s=60)
    wanted = {"6"} if engine.kind == "process" else {"256", "10"}
    assert wanted & {line.strip() for line in lines}, lines


async def test_what_does_not_become_ready_says_why(engine: Engine) -> None:
    await engine.start("toxiproxy")
    began = time.monotonic()
    with pytest.raises(NotReady) as failed:
        await engine.start("blue-hydra", environment={"SECRETS_SYSTEM": "short"})
    assert "blue-hydra" in str(failed.value)
    assert failed.value.seen
    assert time.monotonic() - began < 30, "its end should be seen, not waited out"


async def test_a_job_tells_its_lines_and_its_end(engine: Engine) -> None:
    lines: list[str] = []
    script = "echo one; echo two >&2; echo $PGPASSWORD; pg_dump --version; exit 3"
    told = await engine.job("copier", ["sh", "-c", script], on_line=lines.append, deadline_s=30)
    assert told.exit_code == 3
    assert {"one", "two", "***"} <= set(lines)
    assert any(line.startswith("pg_dump (PostgreSQL)") for line in lines)
    assert secrets().database not in told.tail + engine.log("copier").read_text()
    given = await engine.job("copier", ["sh", "-c", "echo $GIVEN"], environment={"GIVEN": "this"}, deadline_s=30)
    assert (given.exit_code, given.tail) == (0, "this")


async def test_a_job_that_is_late_or_cancelled_is_killed(engine: Engine, tmp_path: Path) -> None:
    began = time.monotonic()
    with pytest.raises(TimeoutError):
        await engine.job("copier", ["sh", "-c", "echo begun; sleep 60"], deadline_s=1.0)
    begun = asyncio.Event()
    job = asyncio.create_task(engine.job("copier", ["sh", "-c", "echo begun; sleep 61 & sleep 61"],
                                         on_line=lambda _: begun.set(), deadline_s=60))
    await asyncio.wait_for(begun.wait(), 15)
    job.cancel()
    with pytest.raises(asyncio.CancelledError):
        await job
    assert time.monotonic() - began < 25
    if engine.kind == "process":
        assert [words for words in _running() if words in (["sleep", "60"], ["sleep", "61"])] == []


def _running() -> list[list[str]]:
    """The command of every process here."""
    found = []
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error, OSError):
            found.append(process.cmdline())
    return found


async def test_saved_data_starts_another_database(engine: Engine, kind: Kind, tmp_path: Path) -> None:
    await engine.start("blue-postgres")
    await sql(engine, "blue-postgres", "CREATE TABLE kept AS SELECT generate_series(1, 100000) AS i")
    await engine.stop("blue-postgres")
    tar = tmp_path / "data.tar"
    await engine.save_data("blue-postgres", tar)
    assert tar.stat().st_mode & 0o077 == 0
    other = await opened(kind, tmp_path)
    try:
        await other.start("blue-postgres", data={"blue-postgres": tar})
        assert await sql(other, "blue-postgres", "SELECT count(*) FROM kept") == 100_000
        await sql(other, "blue-postgres", "SELECT 1", role="hydra")
    finally:
        await other.close()


async def test_two_at_once_do_not_disturb_each_other(kind: Kind, tmp_path: Path) -> None:
    one, two = await asyncio.gather(opened(kind, tmp_path), opened(kind, tmp_path))
    try:
        await asyncio.gather(one.start("queue", "toxiproxy"), two.start("queue", "toxiproxy"))
        assert one.direct("queue", "nats") != two.direct("queue", "nats")
        await one.close()
        assert listens(two.direct("queue", "nats"))
        assert len(await Toxiproxy(*two.direct("toxiproxy", "api")).proxies()) > 20
    finally:
        await asyncio.gather(one.close(), two.close())


async def test_a_start_cancelled_half_way_leaves_nothing(engine: Engine) -> None:
    starting = asyncio.create_task(engine.start(*BASE))
    await asyncio.sleep(0.4)
    starting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await starting
    # The fixture closes it and looks for what is left.


async def test_config_is_replaced_whole(engine: Engine) -> None:
    await engine.start("queue")
    await engine.write_config("queue", "nats.conf", "port: 4222\n")
    await engine.write_config("queue", "nats.conf", "port: 4223\n")
    folder = await asyncio.to_thread(_config_of_queue, engine)
    assert (folder / "nats.conf").read_text() == "port: 4223\n"
    assert os.listdir(folder) == ["nats.conf"]


def _config_of_queue(engine: Engine) -> Path:
    """Where the running queue reads its file, by its own command or by what Docker mounts."""
    if engine.kind == "docker":
        return engine.run_dir / "config" / "queue"
    return Path(engine.command("queue").split()[2]).parent
