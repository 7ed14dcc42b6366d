"""A revocation stands still at the point that was ordered, once, and nothing of it goes on."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest
from captures import Side, Stand
from multidict import CIMultiDict

from sim.services.edge_control import EdgeControl
from sim.services.grants import Found
from sim.services.replayer import Replay
from sim.services.replaying import Collected
from sim.services.revocations import Asked, Intent, decode_intent
from sim.services.upstream import Reply

BEFORE = {"intent": ["resolved", "stored"], "forward": ["resolved", "stored", "forwarded"]}
WHOLE = ["resolved", "stored", "forwarded", "closed", "over: ann", "answered"]


def control(stand: Stand) -> EdgeControl:
    edge: Any = stand
    return EdgeControl(edge)


@pytest.mark.parametrize("point", ["intent", "forward"])
async def test_a_revocation_stands_at_its_point_and_goes_on_when_called_off(point: str) -> None:
    stand = Stand(is_on=True)
    ask = control(stand).call
    assert await ask("PUT", "/halt", {"after": point}) == (200, {})
    assert await ask("POST", "/halted", {"within_s": 0.01}) == (200, {"ordered": True, "id": "", "direction": ""})
    told = asyncio.ensure_future(ask("POST", "/halted", {"within_s": 5}))
    revoking = asyncio.ensure_future(stand.revoke())
    id = decode_intent((await told, stand.stored[0])[1]).id
    assert told.result() == (200, {"ordered": True, "id": id, "direction": "forward"})
    await asyncio.sleep(0.02)
    assert stand.done == BEFORE[point] and not revoking.done()
    await stand.revoke()
    assert stand.done == [*BEFORE[point], *WHOLE], "an order counts once"
    stand.done = stand.done[:len(BEFORE[point])]
    await ask("PUT", "/halt", {"after": None})
    await revoking
    assert stand.done == WHOLE
    assert await ask("POST", "/halted", {"within_s": 5}) == (200, {"ordered": False, "id": "", "direction": ""})


async def test_whoever_waits_hears_that_it_was_called_off() -> None:
    ask = control(Stand(is_on=True)).call
    await ask("PUT", "/halt", {"after": "intent"})
    waiting = asyncio.ensure_future(ask("POST", "/halted", {"within_s": 60}))
    await asyncio.sleep(0.01)
    await ask("PUT", "/halt", {"after": None})
    async with asyncio.timeout(1):
        assert (await waiting)[1]["ordered"] is False


@pytest.mark.parametrize("found", [Found("access", [], "", "", 1.0), Found("access", ["r1"], "another", "ann", 1.0)])
async def test_what_would_show_nothing_on_the_rows_does_not_stand(found: Found, monkeypatch: Any) -> None:
    async def resolve(self: Stand, asked: Asked) -> Found:
        return found

    monkeypatch.setattr(Stand, "resolve", resolve)
    for point in ("intent", "forward"):
        stand = Stand(is_on=True)
        await control(stand).call("PUT", "/halt", {"after": point})
        async with asyncio.timeout(1):
            await stand.revoke()


async def test_what_hydra_refused_does_not_stand_behind_it(monkeypatch: Any) -> None:
    async def refuse(self: Stand) -> Reply:
        return Reply(401, CIMultiDict(), b"")

    monkeypatch.setattr(Stand, "forward", refuse)
    stand = Stand(is_on=True)
    await control(stand).call("PUT", "/halt", {"after": "forward"})
    async with asyncio.timeout(1):
        await stand.revoke()


@pytest.mark.parametrize("word", ["forwards", "", 3])
async def test_a_point_that_is_none_is_refused(word: Any) -> None:
    with pytest.raises(ValueError, match="intent, forward or null"):
        await control(Stand(is_on=True)).call("PUT", "/halt", {"after": word})


@pytest.mark.parametrize("message", range(6))
async def test_a_replayer_stands_after_so_many_messages(message: int, capsys: pytest.CaptureFixture[str]) -> None:
    """The oldest first, whatever the batches; one more than there are is never reached."""
    collected, target = Collected(), Side()
    for n in range(5):
        collected.intents[f"{n}"] = Intent(f"{n}", "refresh", [f"g{n}"], "c", "ann", float(n), owner="c")
        collected.outcomes[f"{n}"] = "confirmed"
    any_target: Any = target
    replay = asyncio.ensure_future(Replay(collected, any_target, any_target).run(2, halt_after=message))
    await asyncio.sleep(0.05)
    assert not replay.done()
    assert sorted(target.taken) == [f"g{n}" for n in range(message)]
    assert json.loads(capsys.readouterr().out.splitlines()[-1]) == {"event": "halted", "message": message}
    replay.cancel()


async def test_a_replayer_with_fewer_messages_goes_through() -> None:
    collected, target = Collected(), Side()
    any_target: Any = target
    async with asyncio.timeout(1):
        assert await Replay(collected, any_target, any_target).run(2, halt_after=1) == []
