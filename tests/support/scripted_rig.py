"""A rig whose acts are scripted: for the runner's own logic, not for what Hydra would do."""

from __future__ import annotations

import asyncio
from typing import Any

from sim.errors import StepFailed


def _which(only: int | None) -> str:
    return "" if only is None else f" {only + 1}"


class ScriptedOperations:
    """Every act is noted in `done`; those named in `failing` fail, those in `hanging` never end."""

    def __init__(self, failing: set[str] | None = None, hanging: set[str] | None = None) -> None:
        self.failing, self.hanging = failing or set(), hanging or set()
        self.done: list[str] = []

    async def _act(self, name: str) -> dict[str, Any]:
        if name in self.hanging:
            await asyncio.sleep(3600)
        if name in self.failing:
            raise StepFailed(f"{name} failed on purpose")
        self.done.append(name)
        return {}

    async def set_lifetime(self, access_s: float | None) -> dict[str, Any]:
        return await self._act("lifetime back" if access_s is None else "lifetime")

    async def capture(self, on: bool, *, direction: str, only: int | None = None) -> dict[str, Any]:
        return await self._act(f"capture {'on' if on else 'off'} {direction}{_which(only)}")

    async def upgrade_database(self, *, progress: Any) -> dict[str, Any]:
        return await self._act("upgrade database")

    async def exchange_blue(self) -> dict[str, Any]:
        return await self._act("exchange blue")

    async def preflight(self, *, rows: str, progress: Any) -> dict[str, Any]:
        return await self._act(f"preflight {rows}")

    async def copy(self, *, jobs: int, on_snapshot: Any, progress: Any) -> dict[str, Any]:
        on_snapshot()
        return await self._act("copy")

    async def drop_copy(self) -> dict[str, Any]:
        return await self._act("drop copy")

    async def cleanup(self, *, rows: str, progress: Any) -> dict[str, Any]:
        return await self._act("cleanup")

    async def migrate(self, *, by: str, analyze: bool, progress: Any) -> dict[str, Any]:
        progress({"done": 1, "total": 2})
        return await self._act("migrate")

    async def repair(self, *, marks: list[str], progress: Any) -> dict[str, Any]:
        return await self._act("repair")

    async def janitor(self, *, what: list[str]) -> dict[str, Any]:
        return await self._act("janitor")

    async def keep_grants(self) -> dict[str, Any]:
        return await self._act("keep grants")

    async def restore_grants(self) -> dict[str, Any]:
        return await self._act("restore grants")

    async def index_grants(self) -> dict[str, Any]:
        return await self._act("index grants")

    async def drop_grant_indexes(self) -> dict[str, Any]:
        return await self._act("drop grant indexes")

    async def start_green(self) -> dict[str, Any]:
        return await self._act("start green")

    async def make_way_for_green(self) -> dict[str, Any]:
        return await self._act("make way for green")

    async def stop_green(self) -> dict[str, Any]:
        return await self._act("stop green")

    async def buffer(self, on: bool, *, only: int | None = None) -> dict[str, Any]:
        return await self._act(("buffer" if on else "release") + _which(only))

    async def writes(self, allowed: bool) -> dict[str, Any]:
        return await self._act(f"writes {'allowed' if allowed else 'refused'}")

    async def drain(self, side: str, *, deadline_s: float, only: int | None = None) -> dict[str, Any]:
        return await self._act(f"drain {side}{_which(only)}")

    async def fence(self, side: str, on: bool) -> dict[str, Any]:
        return await self._act(f"{'fence' if on else 'unfence'} {side}")

    async def switch(self, what: str, to: str, *, share: float = 1.0, only: int | None = None) -> dict[str, Any]:
        return await self._act(f"{what}{_which(only)} to {to}")

    async def replay(self, *, direction: str, by: str, workers: int, progress: Any) -> dict[str, Any]:
        return await self._act(f"replay {direction}")

    async def start_blue(self) -> dict[str, Any]:
        return await self._act("start blue")

    async def end_superseded(self) -> dict[str, Any]:
        return await self._act("end superseded")

    async def stop_blue(self) -> dict[str, Any]:
        return await self._act("stop blue")

    async def prove_well(self, side: str) -> dict[str, Any]:
        return await self._act(f"prove {side}")

    async def gauges(self) -> dict[str, Any]:
        return {}

    async def measure(self, question: str, arguments: Any) -> dict[str, Any]:
        return await self._act(f"measure {question}")


class ScriptedRig:
    """Only its acts are there."""

    def __init__(self, operations: ScriptedOperations) -> None:
        self.operations = operations
        self.clients = self.faults = None
