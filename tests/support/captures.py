"""Capture and replay without their parts: a capture on fakes, and rows that say what a test wants."""

from __future__ import annotations

import asyncio
from typing import Any

from multidict import CIMultiDict

from sim.services.capture import Capture
from sim.services.grants import Found
from sim.services.queue import QueueDown
from sim.services.revocations import Asked
from sim.services.sealing import Recorded
from sim.services.upstream import Reply

RECORDED = Recorded("POST", "", "", "", "", "")


class Stand:
    """A capture on fakes that writes down what happens, in order."""

    def __init__(self, *, is_on: bool, queue_down: bool = False, lost: Exception | None = None) -> None:
        self.done: list[str] = []
        self.stored: list[bytes] = []
        self.queue_down, self.lost = queue_down, lost
        any_self: Any = self
        self.capture = Capture(any_self, {"blue": any_self, "green": any_self}, any_self, on_failure="fail_closed",
                               seal=None)
        self.capture.is_on = is_on
        self.hold: asyncio.Event | None = None

    async def publish(self, subject: str, data: bytes, *, id: str) -> int:
        if self.queue_down:
            raise QueueDown("gone")
        self.done.append("stored" if ".intent." in subject else "closed")
        self.stored.append(data)
        return 1

    async def resolve(self, asked: Asked) -> Found:
        self.done.append("resolved")
        return Found("refresh", ["r1"], "c", "ann", 1.0, has_refresh=True)

    async def subject_of(self, token: str) -> str | None:
        self.done.append("asked whose")
        return "ann"

    async def forward(self) -> Reply:
        self.done.append("forwarded")
        if self.hold is not None:
            await self.hold.wait()
        if self.lost is not None:
            raise self.lost
        return Reply(200, CIMultiDict(), b"")

    async def over(self, whose: str | None) -> None:
        self.done.append(f"over: {whose}")

    async def revoke(self, *, names: bool = True) -> Any:
        answer = await self.capture.revoke(Asked("token", "t", "c"), "blue", RECORDED, self.forward, self.over,
                                           names=names)
        self.done.append("answered")
        return answer


class Side:
    """Rows that say what a test wants, and write down what was taken."""

    def __init__(self, alive: set[str] | None = None, refreshable: set[str] | None = None) -> None:
        self._alive, self._refreshable = alive or set(), refreshable or set()
        self.taken: list[str] = []

    async def alive(self, taken: Any, *, codes: bool = False) -> set[str]:
        return self._alive & {name for _, names in taken for name in names}

    async def refreshable(self, names: Any) -> set[str]:
        return self._refreshable & set(names)

    async def revoke(self, taken: Any) -> dict[str, list[str]]:
        self.taken += [name for _, names in taken for name in names]
        return {"hydra_oauth2_refresh": self.taken}
