"""A harness killed with SIGKILL: `clean` removes what it left, and nothing of a living run."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import sys
from pathlib import Path

import psutil
from rigs import opened

from sim.paths import PROJECT
from sim.rigs.real.engines import Kind
from sim.rigs.real.labels import MARKER
from sim.rigs.real.leftovers import find, remove

SUPPORT = Path(__file__).resolve().parent.parent / "support"


def free(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) != 0


async def test_killed_then_cleaned(kind: Kind, tmp_path: Path) -> None:
    living = await opened(kind, tmp_path)
    try:
        await living.start("queue")
        held = await asyncio.create_subprocess_exec(
            sys.executable, str(SUPPORT / "held_stack.py"), kind, str(tmp_path), stdout=asyncio.subprocess.PIPE,
            env={**os.environ, "PYTHONPATH": f"{PROJECT}{os.pathsep}{SUPPORT}"}, start_new_session=True)
        assert held.stdout is not None
        run = (await asyncio.wait_for(held.stdout.readline(), 60)).decode().strip()
        assert run
        assert find(run=run) == [], "nothing of a living run is left over"
        held.send_signal(signal.SIGKILL)
        await held.wait()
        there = find(run=run)
        kinds = {one.kind for one in there}
        assert {"record", "port lock"} <= kinds
        assert ({"container", "network", "volume"} if kind == "docker" else {"process", "folder"}) <= kinds
        removed = remove(run=run)
        assert {(one.kind, one.name) for one in there} <= {(one.kind, one.name) for one in removed}
        assert find(run=run) == []
        assert not any(os.path.exists(one.name) for one in there if one.kind == "folder")
        assert all(free(int(one.name)) for one in there if one.kind == "port lock")
        assert [p.pid for p in psutil.process_iter() if _run_of(p) == run] == []
        assert (tmp_path / run / "logs").is_dir(), "a run folder is never removed"
        assert not free(living.direct("queue", "nats")[1]), "a living run is not touched"
    finally:
        await living.close()


def _run_of(process: psutil.Process) -> str:
    try:
        return str(process.environ().get(MARKER, ""))
    except (psutil.Error, OSError):
        return ""
