"""Several services at once, each after those of them that it needs."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable

from sim.rigs.real.stack import Stack


async def in_order(stack: Stack, services: Iterable[str], start: Callable[[str], Awaitable[None]]) -> None:
    """Start all of them; one waits until those it depends on are ready, if they are among them.

    The first that fails cancels the others and is raised as it is.
    """
    names = list(dict.fromkeys(services))
    ready = {name: asyncio.Event() for name in names}

    async def one(name: str) -> None:
        for needed in stack.needs(name):
            if needed in ready:
                await ready[needed].wait()
        await start(name)
        ready[name].set()

    try:
        async with asyncio.TaskGroup() as group:
            for name in names:
                group.create_task(one(name))
    except BaseExceptionGroup as failed:
        raise _first(failed) from None


def _first(failed: BaseException) -> BaseException:
    while isinstance(failed, BaseExceptionGroup):
        failed = failed.exceptions[0]
    return failed
