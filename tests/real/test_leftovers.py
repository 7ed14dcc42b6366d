"""A harness killed with SIGKILL: `clean` removes what it left, and nothing of a living run."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import sys
from pathlib import Path

import psutil
import pytest
from rigs import opened

from sim.paths import PROJECT
from sim.rigs.real.engines import Kind
from sim.rigs.real.labels import MARKER
from sim.rigs.real.leftovers import find, remove

SUPPORT = Path(__file__).resolve().parent.parent / "support"


def existing(paths: list[str]) -> list[str]:
    return [path for path in paths if Path(path).exists()]


def free(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) != 0


async def hold(kind: Kind, folder: Path) -> tuple[asyncio.subprocess.Process, str]:
    """A harness of its own that holds a stack, one Postgres frozen, and the id of its run."""
    held = await asyncio.create_subprocess_exec(
        sys.executable, str(SUPPORT / "held_stack.py"), kind, str(folder), stdout=asyncio.subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": f"{PROJECT}{os.pathsep}{SUPPORT}"}, start_new_session=True)
    assert held.stdout is not None
    run = (await asyncio.wait_for(held.stdout.readline(), 60)).decode().strip()
    assert run
    return held, run


async def test_killed_then_cleaned(kind: Kind, tmp_path: Path) -> None:
    living = await opened(kind, tmp_path)
    try:
        await living.start("queue")
        held, run = await hold(kind, tmp_path)
        assert find(run=run) == [], "nothing of a living run is left over"
        held.send_signal(signal.SIGKILL)
        await held.wait()
        there = find(run=run)
        kinds = {one.kind for one in there}
        assert {"record", "port lock"} <= kinds
        assert ({"container", "network", "volume"} if kind == "docker" else {"process", "folder"}) <= kinds
        removed = remove(run=run)
        # Of the processes only the frozen one is sure to wait for us; the others end with their harness.
        assert {one for one in there if one.kind != "process"} <= set(removed)
        assert kind == "docker" or any("postgres" in one.name for one in removed if one.kind == "process")
        assert find(run=run) == []
        assert existing([one.name for one in there if one.kind == "folder"]) == []
        assert all(free(int(one.name)) for one in there if one.kind == "port lock")
        assert [p.pid for p in psutil.process_iter() if _folder_of(p) == tmp_path / run] == []
        assert (tmp_path / run / "logs").is_dir(), "a run folder is never removed"
        assert not free(living.direct("queue", "nats")[1]), "a living run is not touched"
    finally:
        await living.close()


async def test_a_run_that_ends_leaves_one_of_its_name_in_another_folder_alone(kind: Kind, tmp_path: Path) -> None:
    first, second = [await opened(kind, tmp_path / where, name="monday") for where in ("mine", "theirs")]
    try:
        await second.start("queue")
        await first.close()
        assert not free(second.direct("queue", "nats")[1])
        assert await second.incarnation("queue")
    finally:
        await second.close()


@pytest.mark.real
async def test_the_shared_memory_of_a_killed_postgres_goes_too(tmp_path: Path) -> None:
    held, run = await hold("process", tmp_path)
    held.send_signal(signal.SIGKILL)
    await held.wait()
    (frozen,) = [p for p in psutil.process_iter() if _folder_of(p) == tmp_path / run and p.name() == "postgres"]
    (home,) = [one.name for one in find(run=run) if one.kind == "folder"]
    for process in [*frozen.children(recursive=True), frozen]:
        process.kill()
    frozen.wait(5)
    segment = _segment(Path(home))
    assert segment in _segments()
    remove(run=run)
    assert segment not in _segments()


def _segment(home: Path) -> int:
    return int((home / "data" / "blue-postgres" / "postmaster.pid").read_text().splitlines()[6].split()[1])


def _segments() -> list[int]:
    """Ids of this machine's SysV segments."""
    return [int(line.split()[1]) for line in Path("/proc/sysvipc/shm").read_text().splitlines()[1:]]


def _folder_of(process: psutil.Process) -> Path | None:
    """The run folder whose part it is."""
    try:
        return Path(process.environ()[MARKER])
    except (psutil.Error, OSError, KeyError):
        return None
