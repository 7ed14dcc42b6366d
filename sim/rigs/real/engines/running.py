"""One started program of the process engine, with its children: signals, usage, end."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import os
import pwd
import shutil
import signal
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import psutil

from sim.rigs.real.engines.usage import Usage

GUARD = Path(__file__).with_name("guard.py")


def other_user() -> str:
    """Whom Postgres runs as: `uid:gid` of nobody if we are root (it refuses root), else `-`."""
    if os.geteuid() != 0:
        return "-"
    nobody = pwd.getpwnam("nobody")
    return f"{nobody.pw_uid}:{nobody.pw_gid}"


async def spawn(command: list[str], *, environment: Mapping[str, str], folder: Path, user: str = "-",
                last: signal.Signals = signal.SIGKILL, nice: int = 0, stdin: Any = asyncio.subprocess.DEVNULL,
                output: Any = asyncio.subprocess.PIPE) -> asyncio.subprocess.Process:
    """Start a program in a session of its own; `last` is its signal when the harness dies, `nice` its priority.

    Only the loop's own thread may call it: Linux watches that thread, not the process.
    Raises FileNotFoundError if there is no such program.
    """
    program = shutil.which(command[0], path=environment.get("PATH"))
    if program is None:
        raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), command[0])
    return await asyncio.create_subprocess_exec(
        sys.executable, "-I", "-S", str(GUARD), str(os.getpid()), str(int(last)), user,
        str(nice), program, *command[1:],
        env=dict(environment), cwd=str(folder), stdin=stdin, stdout=output, stderr=asyncio.subprocess.STDOUT,
        start_new_session=True)


def family(pid: int) -> list[psutil.Process]:
    """The process and everything below it; Postgres' backends lead sessions of their own."""
    try:
        leader = psutil.Process(pid)
        return [leader, *leader.children(recursive=True)]
    except psutil.Error:
        return []


def send(pid: int, number: signal.Signals) -> None:
    """Send a signal to the process and everything below it."""
    for one in family(pid):
        with contextlib.suppress(psutil.Error):
            one.send_signal(number)


async def end(process: asyncio.subprocess.Process, soft: signal.Signals, within_s: float) -> None:
    """End a process by a signal to it alone, then everything below it and its session by SIGKILL."""
    below = family(process.pid) if process.returncode is None else []
    if process.returncode is None:
        for one in below:  # a stopped process takes no other signal
            with contextlib.suppress(psutil.Error):
                one.resume()
        with contextlib.suppress(ProcessLookupError):
            process.send_signal(soft)
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(asyncio.shield(process.wait()), 0.0 if soft == signal.SIGKILL else within_s)
    for one in [*family(process.pid), *below]:
        with contextlib.suppress(psutil.Error):
            one.kill()
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)
    await process.wait()


def usage(pid: int) -> Usage:
    """CPU seconds of the process and all below it, ended children included, and their memory.

    Shared memory (Postgres' buffers) is counted once, not once per process.
    """
    cpu_s, own_bytes, shared_bytes = 0.0, 0, 0
    for one in family(pid):
        with contextlib.suppress(psutil.Error):
            times, memory = one.cpu_times(), one.memory_info()
            cpu_s += times.user + times.system
            if one.pid == pid:
                cpu_s += getattr(times, "children_user", 0.0) + getattr(times, "children_system", 0.0)
            shared = int(getattr(memory, "shared", 0))
            own_bytes += memory.rss - shared
            shared_bytes = max(shared_bytes, shared)
    return Usage(cpu_s, own_bytes + shared_bytes)


def marked(name: str, value: str) -> list[int]:
    """Processes whose environment holds name=value, ours excepted: also those nobody wrote down."""
    found = []
    for one in psutil.process_iter():
        with contextlib.suppress(psutil.Error, OSError):
            if one.pid != os.getpid() and one.environ().get(name) == value:
                found.append(one.pid)
    return found
