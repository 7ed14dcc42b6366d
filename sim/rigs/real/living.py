"""Who is alive: a process is its pid and its start time, since pids are used again."""

from __future__ import annotations

import os

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
        return abs(process.create_time() - float(started)) < 1.0 and process.status() != psutil.STATUS_ZOMBIE
    except (psutil.Error, ValueError):
        return False
