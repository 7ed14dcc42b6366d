"""Compose's weights as priorities of processes."""

from __future__ import annotations

import asyncio
import os
import subprocess
from collections.abc import Iterator
from types import SimpleNamespace

import psutil
import pytest

from sim.rigs.real.engines.shares import Share, nice_of
from sim.rigs.real.operations import RealOperations
from sim.rigs.real.stack import CPU_SHARES

_FORKS = "sleep 60 & echo; read line; sleep 60 & echo; wait"


@pytest.mark.parametrize(("shares", "nice"), [(CPU_SHARES, 0), (819, 1), (102, 10), (2, 19), (1, 19), (10240, -10)])
def test_a_weight_is_a_priority(shares: int, nice: int) -> None:
    assert nice_of(shares) == nice


@pytest.fixture
def parent() -> Iterator[subprocess.Popen[str]]:
    """Forks one child, and another when it is told something; writes a line after each."""
    with subprocess.Popen(["sh", "-c", _FORKS], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
                          start_new_session=True) as process:
        yield process
        os.killpg(process.pid, 9)


async def test_only_what_a_server_forks_later_has_less_and_it_can_be_given_back(parent: subprocess.Popen[str]) -> None:
    assert parent.stdin is not None and parent.stdout is not None
    parent.stdout.readline()
    first = {child.pid for child in psutil.Process(parent.pid).children()}
    share = Share(parent.pid, 102)
    parent.stdin.write("\n")
    parent.stdin.flush()
    parent.stdout.readline()
    (later,) = {child.pid for child in psutil.Process(parent.pid).children()} - first
    for _ in range(500):
        if _nice(later) == 10:
            break
        await asyncio.sleep(0.02)
    assert _nice(later) == 10
    assert {_nice(one) for one in {*first, parent.pid}} == {_nice(0)}
    share.end(restore=True)
    if os.geteuid() == 0:
        assert _nice(later) == 0


def _nice(pid: int) -> int:
    return os.getpriority(os.PRIO_PROCESS, pid)


@pytest.mark.parametrize(("gives_back", "order"), [
    (True, ["green-hydra starts"]), (False, ["green-postgres weighs fully", "green-hydra starts"])])
async def test_connections_of_green_are_not_made_at_a_share_that_nobody_may_give_back(
        gives_back: bool, order: list[str]) -> None:
    acts: list[str] = []

    async def start(service: str) -> None:
        acts.append(f"{service} starts")

    async def weigh_fully(service: str) -> None:
        acts.append(f"{service} weighs fully")

    async def nothing(*_: object) -> int:
        return 0

    operations = object.__new__(RealOperations)
    operations._engine = SimpleNamespace(  # type: ignore[assignment]
        gives_back=gives_back, start=start, weigh_fully=weigh_fully, database=lambda side: f"{side}-postgres")
    operations._let_edge_take = operations._prove_green = nothing
    operations._wellness = SimpleNamespace(warm=nothing)  # type: ignore[assignment]
    operations.green_runs = False
    await operations.start_green()
    assert acts == order
