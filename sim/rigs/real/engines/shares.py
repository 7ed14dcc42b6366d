"""Compose's `cpu_shares` for plain processes: who gets how much of the CPU while others want it too.

Linux weighs sessions against each other before it looks at priorities inside one (autogroup, sched(7)),
and each backend of a Postgres leads a session of its own: a busy one weighs as much as all of a Hydra.
So both are set, on each child that a part forks, for as long as it is to have less. The part itself keeps
its priority: whoever is not root could not give it back.
"""

from __future__ import annotations

import asyncio
import math
from pathlib import Path

import psutil

from sim.precedence import weigh
from sim.rigs.real.stack import CPU_SHARES

_STEP = 1.25
"""Source: sched(7): one step of nice is a quarter more or less."""
_LOOK_S = 0.1
"""Assumption: a backend that works for less than this takes nothing from anybody."""


def nice_of(shares: int) -> int:
    """The priority whose weight that is: 1024 → 0, 102 → 10; -20 to 19."""
    return max(-20, min(19, round(-math.log(max(shares, 2) / CPU_SHARES, _STEP))))


class Share:
    """Holds what a running part forks at a lower share, until `end`."""

    def __init__(self, pid: int, shares: int) -> None:
        self._pid, self._nice = pid, nice_of(shares)
        self._first = _children(pid)
        """What a server keeps all its life: nobody waits for these, and they could not be raised again."""
        self._lowered: set[int] = set()
        self._watching = asyncio.ensure_future(self._watch())

    async def _watch(self) -> None:
        while True:
            there = _children(self._pid)
            for child in there - self._first - self._lowered:
                weigh(child, self._nice)
            self._lowered = there - self._first
            await asyncio.sleep(_LOOK_S)

    def end(self, *, restore: bool) -> None:
        """Look no longer; `restore` = give back what was taken, which only root may."""
        self._watching.cancel()
        for child in self._lowered if restore else ():
            weigh(child, 0)


def _children(pid: int) -> set[int]:
    """Its children, by one small file where Linux has it: a walk through all processes takes 10 ms."""
    try:
        return {int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()}
    except OSError:
        pass
    try:
        return {child.pid for child in psutil.Process(pid).children()}
    except psutil.Error:
        return set()
