"""One second's figures of the stack: both Hydra, both Postgres, the edge, the machine."""

from __future__ import annotations

import asyncio
from typing import Any

import psutil

from sim.rigs.real.controls import AllControls
from sim.rigs.real.engines.engine import Engine
from sim.rigs.real.hydra_api import HydraApi
from sim.rigs.real.postgres_gauge import PostgresGauge
from sim.rigs.real.secrets import Secrets
from sim.rigs.rig import Side

BACKENDS = ("connections", "waiting", "oldest_s")
"""What stands beside each Hydra's own figures too."""


class Gauging:
    """Reads what there is; a part that does not answer is left out of the figures."""

    def __init__(self, engine: Engine, secrets: Secrets, edge: AllControls, apis: dict[Side, HydraApi]) -> None:
        self._engine, self._edge, self._apis = engine, edge, apis
        self._postgres = PostgresGauge(engine, secrets)

    async def read(self, *, green: bool) -> dict[str, Any]:
        """{route, blue: {…}, green: {…}, databases: {side: {…}}, edge: {…}, host: {…}} of now.

        Green's Postgres is looked at from the beginning: it is copied to and migrated before its Hydra runs.
        Where both use one it stands under blue.
        """
        edge, databases = await asyncio.gather(self._or_nothing(self._edge.ask("GET", "/status")), self._databases())
        blue, on_green = await asyncio.gather(self._side("blue", databases),
                                              self._side("green", databases) if green else _nothing())
        memory = psutil.virtual_memory()
        return {"route": edge.get("route"), "edge": edge, "blue": blue, "green": on_green, "databases": databases,
                "host": {"cpu": psutil.cpu_percent() / 100, "cores": psutil.cpu_count(),
                         "rss_bytes": psutil.Process().memory_info().rss, "free_bytes": memory.available}}

    async def _databases(self) -> dict[str, Any]:
        sides: list[Side] = ["blue"] if self._shared else ["blue", "green"]
        told = await asyncio.gather(*(self._or_nothing(self._postgres.read(side)) for side in sides))
        return {side: its for side, its in zip(sides, told, strict=True) if its}

    @property
    def _shared(self) -> bool:
        return self._engine.database("green") == self._engine.database("blue")

    async def _side(self, side: Side, databases: dict[str, Any]) -> dict[str, Any]:
        usage, metrics, ready = await asyncio.gather(
            self._engine.usage(f"{side}-hydra"), self._or_nothing(self._apis[side].metrics()),
            self._or_nothing(self._ready(side)))
        its = databases.get("blue" if self._shared else side) or {}
        told: dict[str, Any] = {"cpu_s": round(usage.cpu_s, 3), "rss_bytes": usage.rss_bytes, **metrics,
                                **{key: its[key] for key in BACKENDS if key in its}, **ready}
        return told if usage.rss_bytes or metrics else {}

    async def _ready(self, side: Side) -> dict[str, Any]:
        """What /health/ready says, to stand beside what clients meet: the two need not agree."""
        return {"ready": await self._apis[side].ready()}

    async def _or_nothing(self, asked: Any) -> dict[str, Any]:
        try:
            async with asyncio.timeout(2.0):
                told: dict[str, Any] = await asked
                return told
        except Exception:  # a gauge must never end a run; what is missing is seen as missing
            return {}


async def _nothing() -> dict[str, Any]:
    return {}
