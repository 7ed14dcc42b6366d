"""Writes down exactly what is run: every job's command, secrets masked, before it runs.

It also knows which parts the rehearsal wants up, so that a healed fault starts nothing that the
runbook has stopped since.
"""

from __future__ import annotations

import asyncio
import shlex
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from sim.rigs.real.engines.engine import Engine, JobResult
from sim.rigs.real.secrets import Secrets

Note = Callable[[str, str], None]
"""(kind: exec | http | sql, the exact command)."""


@dataclass
class NextJob:
    """What a fault gives the next job of a service before that begins."""

    environment: Mapping[str, str]
    on_line: Callable[[str], None]
    """Hears every line of it, beside whoever runs it."""
    begun: bool = False
    ended: asyncio.Event = field(default_factory=asyncio.Event)


class NotedEngine:
    """An engine whose jobs are noted; everything else is the engine's own."""

    def __init__(self, engine: Engine, secrets: Secrets, note: Note) -> None:
        self._engine, self._secrets, self._note = engine, secrets, note
        self.bare = engine
        """The engine itself: what a fault does to it is not what the rehearsal wants of it."""
        self.wanted: set[str] = set()
        """Services that were started and not stopped again, whatever a fault did to them."""
        self.next_jobs: dict[str, NextJob] = {}
        self.at_work: Counter[str] = Counter()
        """Service → its jobs under way; without those there are none."""

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
        told = self.next_jobs.pop(service, None) or NextJob({}, lambda text: None)
        told.begun = True

        def line(text: str) -> None:
            told.on_line(text)
            if on_line is not None:
                on_line(text)

        self.at_work[service] += 1
        try:
            return await self._engine.job(service, command, environment={**(environment or {}), **told.environment},
                                          on_line=line, deadline_s=deadline_s)
        finally:
            self.at_work[service] -= 1
            self.at_work += Counter()  # drops what is zero
            told.ended.set()
