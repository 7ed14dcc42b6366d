"""`wrong_secret`: a Hydra that runs with another system secret than its data was written with.

Where it starts at all it says it is ready and answers 200: every token it knows is inactive, its
keys can't be decrypted. The proof reads the keys through its admin API.
"""

from __future__ import annotations

import contextlib
import secrets as randomness
from collections.abc import Callable
from typing import Any

import aiohttp

from sim.errors import NotReady, StepFailed
from sim.rigs.real.engines.engine import Engine
from sim.rigs.real.faults.answers import Answers
from sim.rigs.real.faults.maker import Told, looked_for

SEEN_WITHIN_S = 5.0
ANSWER_S = 3.0
KEYS = "/keys/hydra.openid.id-token"
"""The keys every Hydra here has: it made them when blue first started, and they came with the copy."""


class WrongSecret:
    """Starts a Hydra again with a random secret, and with the right one at the heal."""

    def __init__(self, engine: Engine, answers: Answers, wanted: Callable[[], set[str]]) -> None:
        self._engine, self._answers, self._wanted = engine, answers, wanted

    async def make(self, fault: Told) -> None:
        """See `Maker.make`. Raises StepFailed if it does not run."""
        part = str(fault["part"])
        if part not in self._wanted() or not await self._engine.incarnation(part):
            raise StepFailed(f"{part} does not run now", where=part, todo="green's Hydra runs from the repair on")
        await self._engine.stop(part)
        with contextlib.suppress(NotReady):  # one that does not start with it is out of order too
            await self._engine.start(part, environment={"SECRETS_SYSTEM": randomness.token_hex(16)})

    async def prove(self, fault: Told) -> dict[str, Any]:
        """See `Maker.prove`."""

        async def look() -> dict[str, Any]:
            status = await self._keys(str(fault["part"]))
            gone = not await self._engine.incarnation(str(fault["part"]))
            seen = "it does not start with that secret" if gone else f"its keys: status {status}"
            return {"proven": gone or status >= 500, "expected": "its keys can't be read", "seen": seen}

        return await looked_for(look, SEEN_WITHIN_S)

    async def heal(self, fault: Told) -> dict[str, Any]:
        """See `Maker.heal`."""
        part = str(fault["part"])
        if part not in self._wanted():
            return {"seen": "the runbook has stopped this part meanwhile"}
        await self._engine.stop(part)
        await self._engine.start(part)
        await self._answers.well(part)
        status = await self._keys(part)
        if status != 200:
            raise StepFailed(f"{part}'s keys can't be read", where=part, seen=str(status))
        return {"seen": "its keys can be read"}

    async def _keys(self, part: str) -> int:
        host, port = self._engine.direct(part, "admin")
        prefix = "/admin" if part.startswith("green") else ""
        try:
            async with (
                aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=ANSWER_S)) as session,
                session.get(f"http://{host}:{port}{prefix}{KEYS}") as response,
            ):
                return response.status
        except (OSError, aiohttp.ClientError, TimeoutError):
            return 0
