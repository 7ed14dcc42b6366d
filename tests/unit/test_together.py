"""Several at once: the first failure is raised as it is, and ends the others."""

from __future__ import annotations

import asyncio

import pytest

from sim.errors import NotReady
from sim.rigs.real.engines.together import together


async def test_the_first_failure_is_raised_as_it_is_and_ends_the_others() -> None:
    done: list[str] = []

    async def fails() -> None:
        raise NotReady("green-hydra did not become ready")

    async def waits() -> None:
        try:
            await asyncio.sleep(30)
        finally:
            done.append("ended")

    with pytest.raises(NotReady, match="green-hydra"):
        await together(waits(), fails())
    assert done == ["ended"]


async def test_all_are_done() -> None:
    done: list[int] = []

    async def one(n: int) -> None:
        await asyncio.sleep(0)
        done.append(n)

    await together(*(one(n) for n in range(3)))
    assert sorted(done) == [0, 1, 2]
