"""The real programs and images: each is had, tells its version, and is built once or not at all."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
import uuid
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import asyncpg
import pytest

from sim import paths
from sim.errors import EngineDown
from sim.rigs.real.acquire import Update, acquire, commands, daemon, go, pins, programs, store
from sim.rigs.real.acquire.parts import quiet

pytestmark = pytest.mark.real

WORKING = {"waiting", "downloading", "building"}


async def test_every_program_is_here_and_tells_its_version() -> None:
    parts = await acquire("process")
    for part, arguments, says in [
        ("hydra-1.11.10", ["version"], "v1.11.10"),
        ("hydra-2.3.0", ["version"], "v2.3.0"),
        ("toxiproxy", ["-version"], "2.12.0"),
        ("nats", ["--version"], "v2.11.4"),
        ("python", ["--version"], "Python 3."),
    ]:
        ended = await commands.run([parts.binary(part), *arguments], deadline_s=20)
        assert ended.exit_code == 0
        assert says in ended.tail
        assert says in parts.versions[part]
    assert "55 migrations, newest 20220328111500000000" in parts.versions["hydra-1.11.10"]
    assert "212 migrations, newest 20241129111700000000" in parts.versions["hydra-2.3.0"]
    for program in ("postgres", "initdb", "pg_dump", "pg_restore", "psql"):
        ended = await commands.run([parts.binary("postgres") / program, "--version"], deadline_s=20)
        assert "(PostgreSQL)" in ended.tail


async def test_a_second_time_nothing_is_fetched_or_built() -> None:
    await acquire("process")
    news: list[Update] = []
    await acquire("process", progress=news.append)
    assert not [update for update in news if update.state in WORKING]
    assert {update.part for update in news if update.state == "ready"} == {
        "python", "postgres", "nats", "toxiproxy", "hydra-1.11.10", "hydra-2.3.0",
    }  # fmt: skip


BUILD = """
import asyncio
from sim.rigs.real.acquire import go, pins, programs
tell = lambda update: print(update.state, flush=True)
asyncio.run(programs.go_program(pins.TOXIPROXY, go.Target.here(), tell))
"""


async def start_build(cache: Path) -> asyncio.subprocess.Process:
    """Another rehearsal's process that builds Toxiproxy into `cache`."""
    return await asyncio.create_subprocess_exec(
        sys.executable,
        "-c",
        BUILD,
        cwd=paths.PROJECT,
        env={**os.environ, "REHEARSE_CACHE": str(cache)},
        stdout=asyncio.subprocess.PIPE,
        start_new_session=True,
    )


async def test_a_killed_build_does_not_count_and_the_next_one_does(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    building = await start_build(tmp_path)
    assert building.stdout is not None
    async for line in building.stdout:
        if line == b"building\n":
            break
    building.send_signal(signal.SIGKILL)
    await building.wait()

    monkeypatch.setenv("REHEARSE_CACHE", str(tmp_path))
    target = go.Target.here()
    where = store.folder(f"toxiproxy-{target.system}-{target.machine}", go.recipe(pins.TOXIPROXY, target))
    assert store.read(where) is None
    row = await programs.go_program(pins.TOXIPROXY, target, quiet)
    assert "2.12.0" in row.word
    assert store.read(where) is not None


async def test_two_rehearsals_at_once_build_once(tmp_path: Path) -> None:
    both = [await start_build(tmp_path), await start_build(tmp_path)]
    told = [(await building.communicate())[0].decode().split() for building in both]
    assert [building.returncode for building in both] == [0, 0]
    assert sum("building" in states for states in told) == 1
    assert all(states[-1] == "ready" for states in told)


@pytest.fixture
def docker() -> Any:
    """The daemon's client; without one the test is skipped, or fails where docker is required."""
    try:
        client = daemon.client(deadline_s=60)
    except EngineDown as down:
        if os.environ.get("REHEARSAL_REQUIRE_DOCKER") == "1":
            pytest.fail(str(down))
        pytest.skip(str(down))
    yield client
    client.close()


@pytest.mark.docker
async def test_every_image_is_here_and_told_its_version(docker: Any) -> None:
    parts = await acquire("docker")
    for part, says in [
        ("hydra-1.11.10", "v1.11.10"),
        ("hydra-2.3.0", "v2.3.0"),
        ("toxiproxy", "2.12.0"),
        ("nats", "v2.11.4"),
        ("postgres", "(PostgreSQL) 15."),
        ("services", "aiohttp"),
    ]:
        assert says in parts.versions[part]
        assert docker.images.get(parts.image(part)).id == parts.digests[part]
    news: list[Update] = []
    await acquire("docker", progress=news.append)
    assert not [update for update in news if update.state in WORKING]


@pytest.mark.docker
async def test_the_services_image_holds_the_services_alone(docker: Any) -> None:
    image = (await acquire("docker")).image("services")
    code = """
import importlib.util, pathlib, sim
print(sorted(p.name for p in pathlib.Path(sim.__file__).parent.iterdir() if p.name != "__pycache__"))
print([name for name in ("docker", "textual", "pydantic", "faker", "rich") if importlib.util.find_spec(name)])
import os; print(os.getuid())
"""
    said = await asyncio.to_thread(
        docker.containers.run, image, ["python", "-c", code], network_mode="none", remove=True
    )
    assert said.decode().splitlines() == ["['__init__.py', 'services']", "[]", "65534"]


@pytest.fixture
async def postgres_image(docker: Any) -> AsyncIterator[str]:
    yield (await acquire("docker")).image("postgres")


async def connect(container: Any, password: str) -> Any:
    """A connection as the superuser over TCP, as soon as the server takes one."""
    async with asyncio.timeout(60):
        while True:
            await asyncio.to_thread(container.reload)
            assert container.status in ("created", "running"), container.logs().decode()
            ports = container.ports.get("5432/tcp")
            if ports:
                try:
                    return await asyncpg.connect(
                        host="127.0.0.1", port=int(ports[0]["HostPort"]), user="rehearse", password=password,
                        database="hydra", timeout=5,
                    )  # fmt: skip
                except (OSError, asyncpg.CannotConnectNowError):
                    pass
            await asyncio.sleep(0.1)


@pytest.mark.docker
async def test_the_postgres_image_keeps_the_published_ones_contract(docker: Any, postgres_image: str) -> None:
    password = uuid.uuid4().hex
    container = await asyncio.to_thread(
        docker.containers.run,
        postgres_image,
        ["-c", "shared_buffers=48MB"],
        detach=True,
        environment={
            "POSTGRES_PASSWORD": password,
            "POSTGRES_USER": "rehearse",
            "POSTGRES_DB": "hydra",
            "PGDATA": "/var/lib/postgresql/data/pgdata",
        },
        ports={"5432/tcp": ("127.0.0.1", None)},
    )
    try:
        connection = await connect(container, password)
        assert await connection.fetchval("SELECT current_setting('shared_buffers')") == "48MB"
        assert await connection.fetchval("SELECT rolsuper FROM pg_roles WHERE rolname = 'rehearse'")
        hashed = await connection.fetchval("SELECT rolpassword FROM pg_authid WHERE rolname = 'rehearse'")
        assert hashed.startswith("SCRAM-SHA-256$")
        methods = await connection.fetch("SELECT DISTINCT auth_method FROM pg_hba_file_rules")
        assert [row[0] for row in methods] == ["scram-sha-256"]
        await connection.execute("CREATE TABLE kept AS SELECT 42 AS n")
        await connection.close()
        with pytest.raises(asyncpg.InvalidPasswordError):
            await connect(container, "wrong")

        await asyncio.to_thread(container.stop, timeout=20)
        await asyncio.to_thread(container.reload)
        assert container.attrs["State"]["ExitCode"] == 0
        await asyncio.to_thread(container.start)
        connection = await connect(container, password)
        assert await connection.fetchval("SELECT n FROM kept") == 42
        await connection.close()
        for program in ("pg_dump", "pg_restore", "psql"):
            code, said = await asyncio.to_thread(container.exec_run, [program, "--version"])
            assert (code, b"(PostgreSQL) 15." in said) == (0, True)
    finally:
        await asyncio.to_thread(container.remove, force=True, v=True)


@pytest.mark.docker
async def test_the_postgres_image_refuses_to_start_without_a_password(docker: Any, postgres_image: str) -> None:
    container = await asyncio.to_thread(docker.containers.run, postgres_image, detach=True)
    try:
        ended = await asyncio.to_thread(container.wait, timeout=60)
        assert ended["StatusCode"] == 1
        assert b"neither POSTGRES_PASSWORD nor POSTGRES_PASSWORD_FILE is set" in container.logs()
    finally:
        await asyncio.to_thread(container.remove, force=True, v=True)
