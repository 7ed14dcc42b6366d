"""Several at once: services each after those of them that it needs, or any work."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Iterable
from typing import Any

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

    await together(*(one(name) for name in names))


async def together(*work: Coroutine[Any, Any, Any]) -> None:
    """Run several; the first that fails cancels the others and is raised as it is."""
    try:
        async with asyncio.TaskGroup() as group:
            for one in work:
                group.create_task(one)
    except BaseExceptionGroup as failed:
        raise _first(failed) from None


def _first(failed: BaseException) -> BaseException:
    while isinstance(failed, BaseExceptionGroup):
        failed = failed.exceptions[0]
    return failed
