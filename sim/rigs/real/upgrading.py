"""Blue's own upgrade within 1.x, before the rest: its database online, then its Hydra exchanged.

Blue begins as an older version that reads explicit columns. The new version's migrator runs as
a job of blue's Hydra, which has the database's address already; the running one is not touched.
"""

from __future__ import annotations

import time
from typing import Any

from sim.rigs.real.databases import database
from sim.rigs.real.engines.engine import Engine
from sim.rigs.real.explicit import SCHEMA, drop_columns
from sim.rigs.real.locks import Waits, watching_locks
from sim.rigs.real.migrator import ask_list
from sim.rigs.real.online import Online
from sim.rigs.real.secrets import Secrets
from sim.rigs.rig import Progress

BLUE_HYDRA = "blue-hydra"


class Upgrading:
    """The two acts of the step; `version` is what blue becomes."""

    def __init__(self, engine: Engine, secrets: Secrets, version: str) -> None:
        self._engine, self._secrets, self._version = engine, secrets, version

    async def migrate(self, progress: Progress) -> dict[str, Any]:
        """Migrate blue's database while the old Hydra serves from it.

        Returns {files, locks, elapsed_s} and what `Online.apply` returns. Raises StepFailed as it does.
        """
        began = time.monotonic()
        self._be_new()
        listed = await ask_list(self._engine, BLUE_HYDRA)
        waits = Waits()
        async with watching_locks(self._engine, self._secrets, "blue", waits, progress):
            told = await Online(self._engine, self._secrets, side="blue", job=BLUE_HYDRA).apply(listed, progress)
        return {"files": len(set(listed.names) - listed.applied), **told, "locks": waits.figures(),
                "elapsed_s": round(time.monotonic() - began, 3)}

    async def take_up(self) -> None:
        """After a kill: blue's next start is the new version if the views that the old one read through are gone."""
        async with database(self._engine, self._secrets, "blue") as blue:
            if not await blue.fetchval("SELECT to_regnamespace($1) IS NOT NULL", SCHEMA):
                self._be_new()

    def _be_new(self) -> None:
        """From here on jobs and the next start of blue's Hydra are the new version, on the tables themselves."""
        self._engine.vary({"PROGRAM_BLUE_HYDRA": f"hydra-{self._version}", "BLUE_DSN_END": ""})

    async def exchange(self) -> dict[str, Any]:
        """Stop the old Hydra, start the new one, drop the old one's views; nothing may be under way to it.

        Returns {version, stood_still_s}.
        """
        began = time.monotonic()
        await self._engine.stop(BLUE_HYDRA)
        await self._engine.start(BLUE_HYDRA)
        stood_still_s = round(time.monotonic() - began, 3)
        await drop_columns(self._engine, self._secrets)
        return {"version": self._engine.program(BLUE_HYDRA), "stood_still_s": stood_still_s}
