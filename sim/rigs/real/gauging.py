"""One second's figures of the stack: both Hydra, both Postgres, the edge, the machine."""

from __future__ import annotations

import asyncio
from typing import Any

import psutil

from sim.rigs.real.controls import AllControls
from sim.rigs.real.databases import database
from sim.rigs.real.engines.engine import Engine
from sim.rigs.real.hydra_api import HydraApi
from sim.rigs.real.secrets import Secrets
from sim.rigs.rig import Side

_BACKENDS = """
SELECT count(*) FILTER (WHERE usename = 'hydra') AS connections,
       count(*) FILTER (WHERE wait_event_type = 'Lock') AS waiting,
       coalesce(extract(epoch FROM max(now() - xact_start) FILTER (WHERE usename = 'hydra')), 0)::float8 AS oldest_s
FROM pg_stat_activity WHERE datname = 'hydra'
"""


class Gauging:
    """Reads what there is; a part that does not answer is left out of the figures."""

    def __init__(self, engine: Engine, secrets: Secrets, edge: AllControls, apis: dict[Side, HydraApi]) -> None:
        self._engine, self._secrets, self._edge, self._apis = engine, secrets, edge, apis

    async def read(self, *, green: bool) -> dict[str, Any]:
        """{route, blue: {…}, green: {…}, edge: {…}, host: {…}} of now."""
        edge = await self._or_nothing(self._edge.ask("GET", "/status"))
        blue, on_green = await asyncio.gather(self._side("blue"), self._side("green") if green else _nothing())
        memory = psutil.virtual_memory()
        return {"route": edge.get("route"), "edge": edge, "blue": blue, "green": on_green,
                "host": {"cpu": psutil.cpu_percent() / 100, "cores": psutil.cpu_count(),
                         "rss_bytes": psutil.Process().memory_info().rss, "free_bytes": memory.available}}

    async def _side(self, side: Side) -> dict[str, Any]:
        usage, metrics, backends, ready = await asyncio.gather(
            self._engine.usage(f"{side}-hydra"), self._or_nothing(self._apis[side].metrics()),
            self._or_nothing(self._backends(side)), self._or_nothing(self._ready(side)))
        told: dict[str, Any] = {"cpu_s": round(usage.cpu_s, 3), "rss_bytes": usage.rss_bytes, **metrics, **backends,
                                **ready}
        return told if usage.rss_bytes or metrics else {}

    async def _backends(self, side: Side) -> dict[str, Any]:
        async with database(self._engine, self._secrets, side, command_s=1.0) as connection:
            row = await connection.fetchrow(_BACKENDS)
        return {name: round(value, 3) if isinstance(value, float) else value for name, value in row.items()}

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
