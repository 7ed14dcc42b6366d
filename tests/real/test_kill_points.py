"""`kill` at a named point, on real parts: dead just there, proven by queue and rows, back as it stood."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
import pytest
from real_faults import faults_on
from rigs import BASE, OURS, start_blue

from sim.errors import StepFailed
from sim.rigs.real.engines import Engine
from sim.rigs.real.faulting import RealFaults
from sim.services.queue import Queue, intent_subject, outcome_subject
from sim.services.revocations import Intent, Outcome, encode

pytestmark = pytest.mark.timeout(240)
UP = (*BASE, "blue-hydra", *OURS)
CLIENT, SECRET = "points", "secret-of-points"


class Hydra:
    """Blue's Hydra, asked directly, and the edge in front of it."""

    def __init__(self, engine: Engine, http: aiohttp.ClientSession) -> None:
        self._engine, self._http = engine, http
        self._headers = {"Authorization": aiohttp.encode_basic_auth(CLIENT, SECRET)}

    def url(self, part: str, port: str) -> str:
        host, number = self._engine.direct(part, port)
        return f"http://{host}:{number}"

    async def begin(self) -> None:
        async with self._http.post(self.url("blue-hydra", "admin") + "/clients", json={
            "client_id": CLIENT, "client_secret": SECRET, "grant_types": ["client_credentials"],
        }) as answer:
            assert answer.status == 201, await answer.text()

    async def token(self) -> str:
        async with self._http.post(self.url("blue-hydra", "public") + "/oauth2/token", headers=self._headers,
                                   data={"grant_type": "client_credentials"}) as answer:
            return str((await answer.json())["access_token"])

    async def is_active(self, token: str) -> bool:
        async with self._http.post(self.url("blue-hydra", "admin") + "/oauth2/introspect",
                                   data={"token": token}) as answer:
            return bool((await answer.json())["active"])

    async def revoke(self, token: str) -> int | None:
        """Through the edge; None if it died over it."""
        try:
            async with self._http.post(self.url("edge", "public") + "/oauth2/revoke", headers=self._headers,
                                       data={"token": token}) as answer:
                return answer.status
        except aiohttp.ClientError:
            return None


@asynccontextmanager
async def capturing(engine: Engine) -> AsyncIterator[tuple[RealFaults, Hydra]]:
    await start_blue(engine)
    timeout = aiohttp.ClientTimeout(total=10)
    async with faults_on(engine, *UP) as (faults, standing, controls), aiohttp.ClientSession(timeout=timeout) as http:
        hydra = Hydra(engine, http)
        await hydra.begin()
        await controls["edge"].ask("PUT", "/capture", {"on": True, "direction": "forward"})
        standing.edges[0].capture = "forward"
        yield faults, hydra


async def ordered(faults: RealFaults, fault: dict[str, Any]) -> asyncio.Task[None]:
    """The fault waits for its point."""
    making = asyncio.create_task(faults.make(fault))
    await asyncio.sleep(0.3)
    assert not making.done()
    return making


async def test_an_edge_dies_at_the_point_and_only_there(engine: Engine) -> None:
    async with capturing(engine) as (faults, hydra):
        for point in ("intent", "forward"):
            token, kept = await hydra.token(), await hydra.token()
            making = await ordered(faults, {"name": point, "fault": "kill", "part": "edge", "after": point})
            assert await hydra.revoke("nobody.s") == 200, "a revocation of nothing comes to no point"
            assert await hydra.revoke(token) is None
            await making
            proof = await faults.prove(point)
            assert proof["proven"], proof
            assert await engine.incarnation("edge") == ""
            assert await hydra.is_active(token) is (point == "intent")
            healed = await faults.heal(point)
            assert healed["restored"]["capture"] == "forward"
            assert healed["lost"]["open_intents"] == 1, healed
            assert await hydra.revoke(token) == 200 and not await hydra.is_active(token)
            assert await hydra.is_active(kept)


async def test_what_waits_is_called_off_and_the_edge_serves_on(engine: Engine) -> None:
    async with capturing(engine) as (faults, hydra):
        before = await engine.incarnation("edge")
        making = await ordered(faults, {"name": "off", "fault": "kill", "part": "edge", "after": "intent"})
        began = time.monotonic()
        assert (await faults.heal("off"))["seen"] == "it was never made"
        assert time.monotonic() - began < 1, "nobody waits for a revocation that may never come"
        with pytest.raises(StepFailed, match="healed before a captured revocation"):
            await making
        token = await hydra.token()
        assert await hydra.revoke(token) == 200 and not await hydra.is_active(token)
        assert await engine.incarnation("edge") == before

        making = await ordered(faults, {"name": "replaced", "fault": "kill", "part": "edge", "after": "intent"})
        await engine.restart("edge")
        with pytest.raises(StepFailed, match=r"started again|does not answer"):
            await making


async def test_the_replayer_dies_after_its_message_and_not_when_it_is_too_late(engine: Engine) -> None:
    await engine.start(*BASE)
    for side, job in (("blue", "blue-hydra"), ("green", "migrator")):
        done = await engine.job(job, ["migrate", "sql", "-e", "--yes"], deadline_s=120)
        assert done.exit_code == 0, (side, done.tail)
    host, port = engine.direct("queue", "nats")
    queue = Queue(f"nats://{host}:{port}")
    await queue.ensure()
    for n in range(3):
        intent = Intent(f"{n}", "access", [f"g{n}"], "c", "ann", float(n), owner="c")
        await queue.publish(intent_subject("forward"), encode(intent), id=f"{n}")
        await queue.publish(outcome_subject("forward"), encode(Outcome(f"{n}", "confirmed")), id=f"{n}.outcome")
    await queue.close()
    command = ["python", "-m", "sim.services.replayer", "--direction", "forward", "--workers", "2"]
    async with faults_on(engine, *BASE) as (faults, _, _):
        for message in range(4):
            fault = {"name": f"dies-{message}", "fault": "kill", "part": "replayer", "message": message}
            making = await ordered(faults, fault)
            said: list[str] = []
            result = await faults.engine.job("replayer", command, on_line=said.append, deadline_s=60)
            assert result.exit_code in (-9, 137), result
            assert any(f'"halted","message":{message}' in line for line in said), said
            assert not any('"done",' in line for line in said[-1:]), said
            await making
            proof = await faults.prove(fault["name"])
            assert proof["proven"] and f"SIGKILL after message {message}" in proof["seen"], proof
            await faults.heal(fault["name"])
        making = await ordered(faults, {"name": "beyond", "fault": "kill", "part": "replayer", "message": 4})
        assert (await faults.engine.job("replayer", command, deadline_s=60)).exit_code == 0
        with pytest.raises(StepFailed, match="ended before message 4"):
            await making
        await faults.heal("beyond")
        making = await ordered(faults, {"name": "off", "fault": "kill", "part": "replayer", "message": 1})
        await faults.heal("off")
        with pytest.raises(StepFailed, match="healed before the replayer began"):
            await making
        under_way = asyncio.create_task(faults.engine.job("replayer", command, deadline_s=60))
        await asyncio.sleep(0)
        with pytest.raises(StepFailed, match="at work already"):
            await faults.make({"name": "late", "fault": "kill", "part": "replayer", "message": 1})
        assert (await under_way).exit_code == 0
