"""Who is alive: a process is its pid and its start time, since pids are used again."""

from __future__ import annotations

import os
import platform

import psutil


def mark(pid: int) -> str:
    """`pid:start` of a living process. Raises psutil.NoSuchProcess."""
    return f"{pid}:{psutil.Process(pid).create_time():.2f}"


def me() -> str:
    """This process."""
    return mark(os.getpid())


def alive(owner: str) -> bool:
    """Whether the process of a mark lives, and is the same one."""
    pid, _, started = owner.strip().partition(":")
    try:
        process = psutil.Process(int(pid))
        same = abs(process.create_time() - float(started)) < 1.0
        return bool(same and process.status() != psutil.STATUS_ZOMBIE)
    except (psutil.Error, ValueError):
        return False


def where() -> str:
    """Which pids a mark is about: the host, and its pid namespace where there are several."""
    try:
        space = os.readlink("/proc/self/ns/pid")
    except OSError:
        space = ""
    return f"{platform.node()} {space}".strip()
