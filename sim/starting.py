"""Starts a program in a process group of its own, or leaves nothing of it."""

from __future__ import annotations

import asyncio
import os
import signal
from typing import Any


async def start(*argv: str, **how: Any) -> asyncio.subprocess.Process:
    """`asyncio.create_subprocess_exec` in a new session; cancelled, the whole group is gone on return.

    asyncio kills the program alone if it is cancelled before it has told us of it, and what
    the program had started by then lives on.
    """
    starting = asyncio.ensure_future(asyncio.create_subprocess_exec(*argv, start_new_session=True, **how))
    try:
        return await asyncio.shield(starting)
    except asyncio.CancelledError:
        await end(await starting)
        raise


async def end(process: asyncio.subprocess.Process) -> None:
    """Kill the program's whole group, if it has not ended, and wait for it."""
    if process.returncode is None:
        try:
            os.killpg(process.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
        await process.wait()
