"""Does a part answer? One functional question to each kind, round every link, that changes nothing."""

from __future__ import annotations

import asyncio
import time

import aiohttp

from sim.errors import RehearsalError, StepFailed
from sim.rigs.real.databases import database
from sim.rigs.real.engines.engine import Engine
from sim.rigs.real.engines.readiness import ask
from sim.rigs.real.secrets import Secrets

ANSWER_S = 1.0
"""Assumption: every part here answers in milliseconds; one that has not within a second does not."""
WELL_S = 10.0
"""Assumption: a part that goes on answers at once, one that was cut dials anew within seconds."""
AGAIN_S = 0.05


class Answers:
    """Asks the parts of one stack."""

    def __init__(self, engine: Engine, secrets: Secrets) -> None:
        self._engine, self._secrets = engine, secrets

    async def asked(self, part: str) -> str:
        """'' if it answers within `ANSWER_S`, else what was seen instead."""
        try:
            async with asyncio.timeout(ANSWER_S):
                await self._ask(part)
        except TimeoutError:
            return f"no answer in {ANSWER_S:g} s"
        except (OSError, aiohttp.ClientError, RehearsalError, ValueError) as error:
            return f"{type(error).__name__}: {error}".splitlines()[0][:160]
        except Exception as error:  # drivers raise their own trees when a server goes away under them
            return repr(error)[:160]
        return ""

    async def well(self, part: str) -> float:
        """Seconds until it answers. Raises StepFailed if it does not within `WELL_S`."""
        began, seen = time.monotonic(), ""
        while time.monotonic() - began < WELL_S:
            seen = await self.asked(part)
            if not seen:
                return time.monotonic() - began
            await asyncio.sleep(AGAIN_S)
        raise StepFailed(f"{part} does not answer again", where=part, seen=seen,
                         todo=f"its log is logs/{part}.log in the run folder")

    async def _ask(self, part: str) -> None:
        if part.endswith("-postgres"):
            async with database(self._engine, self._secrets, part.split("-")[0], name="postgres",  # type: ignore[arg-type]
                                command_s=ANSWER_S) as connection:
                await connection.fetchval("SELECT 1")
            return
        await ask(self._engine, part, self._secrets)
