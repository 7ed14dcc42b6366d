"""A harness to be killed: `python held_stack.py KIND FOLDER` starts a part of the stack and holds it.

Prints the run's id once it stands, with one service frozen so that it can't go by itself.
"""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

from rigs import opened


async def _hold(kind: str, folder: Path) -> None:
    engine = await opened("docker" if kind == "docker" else "process", folder)
    await engine.start("blue-postgres", "toxiproxy", "queue")
    await engine.pause("blue-postgres")
    print(engine.run_id, flush=True)
    await asyncio.sleep(600)


if __name__ == "__main__":
    asyncio.run(_hold(sys.argv[1], Path(sys.argv[2])))
