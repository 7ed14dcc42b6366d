"""Planted bugs of the capture: each really loses, hides or misnames a revocation."""

from __future__ import annotations

import asyncio
import json
from types import SimpleNamespace
from typing import Any

import pytest
from multidict import CIMultiDict
from planting import PLANT

from sim.services import planted
from sim.services.capture import Capture
from sim.services.gate import Shed
from sim.services.grants import Found, Grants
from sim.services.queue import QueueDown
from sim.services.revocations import Asked, Intent
from sim.services.sealing import Recorded
from sim.services.upstream import Reply


class FakeQueue:
    """Stores what it is given, or is down."""

    def __init__(self, *, down: bool = False) -> None:
        self.down, self.stored = down, []  # type: ignore[var-annotated]

    async def publish(self, subject: str, data: bytes, *, id: str) -> int:
        await asyncio.sleep(0)
        if self.down:
            raise QueueDown("down")
        self.stored.append((subject, json.loads(data)))
        return len(self.stored)

    @property
    def intents(self) -> list[Any]:
        return [told for subject, told in self.stored if ".intent." in subject]


class FakeSide:
    """Knows one grant until Hydra is asked to end it."""

    def __init__(self, request_ids: list[str]) -> None:
        self.request_ids = request_ids

    async def resolve(self, asked: Asked) -> Found:
        return Found("refresh", list(self.request_ids), "c", "ann", 1.0)


async def revoked(queue: FakeQueue, *, side: Any = "blue", green: list[str] | None = None,
                  taken: list[Intent] | None = None) -> tuple[Reply, int | None]:
    blue = FakeSide(["r1"])

    async def forward() -> Reply:
        if side == "blue":
            blue.request_ids = []  # its rows are gone afterwards
        return Reply(200, CIMultiDict(), b"")

    async def take(intent: Intent) -> None:
        (taken if taken is not None else []).append(intent)

    sides: Any = {"blue": blue, "green": FakeSide(green or [])}
    taking: Any = SimpleNamespace(take=take)
    capture = Capture(queue, sides, taking, on_failure="fail_closed", seal=None)  # type: ignore[arg-type]
    capture.is_on, capture.direction = True, "forward" if side == "blue" else "back"
    async def over(whose: str | None) -> None:
        pass

    try:
        return await capture.revoke(Asked("token", "t", "c"), side, Recorded("POST", "", "", "", "", ""), forward, over)
    finally:
        await asyncio.sleep(0.01)
        await capture.close()


async def test_without_a_bug_a_capture_is_whole() -> None:
    queue, taken = FakeQueue(), []  # type: ignore[var-annotated]
    _, sequence = await revoked(queue)
    assert sequence == 1 and [i["request_ids"] for i in queue.intents] == [["r1"]] and len(queue.stored) == 2
    with pytest.raises(Shed):
        await revoked(FakeQueue(down=True))
    await revoked(FakeQueue(), side="green", taken=taken)
    assert [i.request_ids for i in taken] == [["r1"]]


async def test_lose_capture(plant: PLANT) -> None:
    plant("lose-capture")
    queue = FakeQueue()
    sequences = [(await revoked(queue))[1] for _ in range(6)]
    assert sequences.count(None) == 2 and len(queue.intents) == 4


async def test_acknowledge_early(plant: PLANT) -> None:
    plant("acknowledge-early")
    queue = FakeQueue(down=True)
    reply, sequence = await revoked(queue)
    assert reply.status == 200 and sequence is not None and not queue.stored, "told it is safe, and it is nowhere"
    well = FakeQueue()
    await revoked(well)
    assert len(well.stored) == 2, "a queue that is there loses nothing by it"


async def test_acknowledge_early_leaves_no_outcome_without_its_intent(plant: PLANT) -> None:
    """The replayer would refuse to end otherwise, and the run would roll back instead of showing the loss."""
    down, seen = True, []

    async def publish(subject: str, data: bytes, *, id: str) -> int:
        await asyncio.sleep(0)
        if down:
            raise QueueDown("down")
        seen.append(id)
        return 1

    early = planted.unawaited(publish)
    await early("s", b"", id="a")
    await asyncio.sleep(0.01)
    down = False
    await early("s", b"", id="a.outcome")
    await early("s", b"", id="b")
    await early("s", b"", id="b.outcome")
    await asyncio.sleep(0.01)
    assert seen == ["b", "b.outcome"]


async def test_fail_open(plant: PLANT) -> None:
    plant("fail-open")
    reply, sequence = await revoked(FakeQueue(down=True))
    assert (reply.status, sequence) == (200, None)


async def test_forward_first(plant: PLANT) -> None:
    plant("forward-first")
    queue = FakeQueue()
    reply, _ = await revoked(queue)
    assert reply.status == 200 and [i["request_ids"] for i in queue.intents] == [[]], "its rows were gone by then"


async def test_take_nothing(plant: PLANT) -> None:
    plant("take-nothing")
    taken: list[Intent] = []
    reply, _ = await revoked(FakeQueue(), side="green", taken=taken)
    assert reply.status == 200 and not taken


@pytest.mark.parametrize(("bug", "named"), [("", ["r1"]), ("resolve-access-only", [])])
async def test_resolve_access_only(plant: PLANT, bug: str, named: list[str]) -> None:
    plant(bug)
    grants = Grants("postgres://x", "blue")
    row = {"kind": "refresh", "request_id": "r1", "client_id": "c", "subject": "ann", "certain": True,
           "has_refresh": True}

    async def fetch(query: Any, *arguments: object) -> list[Any]:
        return [row]

    grants._fetch = fetch  # type: ignore[method-assign]
    assert (await grants.resolve(Asked("token", "a.b", "c"))).request_ids == named
