"""Capture tells whose token a revocation was, asks for it once, and before anybody hears the answer."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from multidict import CIMultiDict

from sim.services.capture import Capture
from sim.services.gate import Shed
from sim.services.grants import Found
from sim.services.queue import QueueDown
from sim.services.revocations import Asked, decode_intent
from sim.services.sealing import Recorded
from sim.services.upstream import Lost, Reply

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


async def test_a_captured_revocation_is_looked_up_once() -> None:
    stand = Stand(is_on=True)
    assert (await stand.revoke())[1] == 1
    assert stand.done == ["resolved", "stored", "forwarded", "closed", "over: ann", "answered"]
    assert decode_intent(stand.stored[0]).has_refresh is True


@pytest.mark.parametrize(("names", "looked_up"), [(True, ["asked whose"]), (False, [])])
async def test_without_capture_it_is_looked_up_only_if_somebody_wants_the_name(names: bool,
                                                                               looked_up: list[str]) -> None:
    stand = Stand(is_on=False)
    await stand.revoke(names=names)
    assert stand.done == [*looked_up, "forwarded", f"over: {'ann' if names else None}", "answered"]


async def test_whatever_came_of_it_it_is_told() -> None:
    stand = Stand(is_on=True, lost=Lost("no answer", late=True))
    with pytest.raises(Lost):
        await stand.revoke()
    assert stand.done[-1] == "over: ann"
    stand = Stand(is_on=True, queue_down=True)
    with pytest.raises(Shed):
        await stand.revoke()
    assert stand.done == ["resolved", "over: ann"], "it was never forwarded"


async def test_a_client_that_leaves_changes_nothing() -> None:
    stand = Stand(is_on=True)
    stand.hold = asyncio.Event()
    client = asyncio.ensure_future(stand.revoke())
    await asyncio.sleep(0.01)
    assert stand.done[-1] == "forwarded"
    client.cancel()
    with pytest.raises(asyncio.CancelledError):
        await client
    stand.hold.set()
    await asyncio.sleep(0.01)
    assert stand.done == ["resolved", "stored", "forwarded", "closed", "over: ann"]


async def test_nobody_waits_for_ever_on_a_defect() -> None:
    async with asyncio.timeout(5):
        with pytest.raises(RuntimeError, match="a defect"):
            await Stand(is_on=True, lost=RuntimeError("a defect")).revoke()
