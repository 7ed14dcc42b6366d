"""Capture tells whose token a revocation was, asks for it once, and before anybody hears the answer."""

from __future__ import annotations

import asyncio

import pytest
from captures import Stand

from sim.services.gate import Shed
from sim.services.revocations import decode_intent
from sim.services.upstream import Lost


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
