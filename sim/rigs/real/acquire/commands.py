"""Runs one program to its end: deadline, last output, and nothing left when we are cancelled."""

from __future__ import annotations

import asyncio
import os
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import msgspec

from sim.starting import end, start

TAIL_LINES = 40


class Ended(msgspec.Struct, frozen=True):
    """How a program ended: its exit code and the last lines of what it wrote (both streams)."""

    exit_code: int
    tail: str


async def run(
    argv: Sequence[str | Path],
    *,
    deadline_s: float,
    cwd: Path | None = None,
    environment: Mapping[str, str] | None = None,
    on_line: Callable[[str], None] | None = None,
    tail_lines: int = TAIL_LINES,
) -> Ended:
    """Run `argv` with `environment` over ours and wait for it.

    Raises TimeoutError after `deadline_s` and FileNotFoundError if there is no such program; in
    both cases, and when cancelled, its whole process group is gone on return.
    """
    process = await start(
        *map(str, argv),
        cwd=cwd,
        env={**os.environ, **(environment or {})},
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
        limit=1 << 20,
    )
    tail: deque[str] = deque(maxlen=tail_lines)
    try:
        async with asyncio.timeout(deadline_s):
            assert process.stdout is not None
            async for raw in process.stdout:
                line = raw.decode(errors="replace").rstrip()
                tail.append(line)
                if on_line is not None and line:
                    on_line(line)
            return Ended(await process.wait(), "\n".join(tail))
    finally:
        await end(process)
