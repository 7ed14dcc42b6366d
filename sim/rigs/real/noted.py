"""Writes down exactly what is run: every job's command, secrets masked, before it runs.

It also knows which parts the rehearsal wants up, so that a healed fault starts nothing that the
runbook has stopped since.
"""

from __future__ import annotations

import shlex
from collections.abc import Callable, Mapping
from typing import Any

from sim.rigs.real.engines.engine import Engine, JobResult
from sim.rigs.real.secrets import Secrets

Note = Callable[[str, str], None]
"""(kind: exec | http | sql, the exact command)."""


class NotedEngine:
    """An engine whose jobs are noted; everything else is the engine's own."""

    def __init__(self, engine: Engine, secrets: Secrets, note: Note) -> None:
        self._engine, self._secrets, self._note = engine, secrets, note
        self.bare = engine
        """The engine itself: what a fault does to it is not what the rehearsal wants of it."""
        self.wanted: set[str] = set()
        """Services that were started and not stopped again, whatever a fault did to them."""

    def __getattr__(self, name: str) -> Any:
        return getattr(self._engine, name)

    async def start(self, *services: str, **more: Any) -> None:
        """See `Engine.start`."""
        self.wanted |= set(services)
        await self._engine.start(*services, **more)

    async def stop(self, service: str) -> None:
        """See `Engine.stop`."""
        self.wanted.discard(service)
        await self._engine.stop(service)

    async def job(self, service: str, command: list[str], *, environment: Mapping[str, str] | None = None,
                  on_line: Callable[[str], None] | None = None, deadline_s: float) -> JobResult:
        """See `Engine.job`."""
        self._note("exec", self._secrets.mask(f"[{service}] {shlex.join(command)}"))
        return await self._engine.job(service, command, environment=environment, on_line=on_line,
                                      deadline_s=deadline_s)
