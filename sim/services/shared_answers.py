"""Refresh answers that several edges share: sealed, in the memory of the queue's key-value store.

A load balancer sends a retry to any edge, so an answer kept by one of them alone helps half of
the retries. Whoever creates a key asks Hydra; the others wait for the answer put under it. A
store that can't be reached costs the sharing, never the refresh.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import time
import uuid
from collections.abc import Awaitable, Callable
from typing import Any

import nats.errors
import nats.js.errors
from multidict import CIMultiDict
from nats.aio.msg import Msg
from nats.js import JetStreamContext, api
from nats.js.kv import KeyValue

from sim.services import clock
from sim.services.queue import Queue
from sim.services.sealing import Seal, Unsealable
from sim.services.upstream import Lost, Reply

BUCKET = "ANSWERS"
VOID = "answers.void"
"""The subject on which edges tell each other what is void; nothing of it is stored."""
UNDER_WAY = b"under way"
MOST_BYTES = 12 << 20
"""Assumption: 400 refreshes/s kept for 10 s at 3 kB; the queue's memory is 16 MB. Beyond it nothing is shared."""
STORE_S = 0.5
"""Assumption: a round trip to the store takes a millisecond; what takes longer must not hold up a refresh."""
THEIRS_S = 6.0
"""Assumption: clients wait 5 s; whoever asks Hydra for that long and says nothing has died."""
AGAIN_S = 1.0
"""Assumption: a queue comes back within seconds; asked more often it would cost every refresh."""
POLL_S = 0.02
"""Assumption: a refresh takes 10 ms and more, a look at the store one."""

_DOWN = (nats.errors.Error, OSError, TimeoutError)


class SharedAnswers:
    """One edge's view of the store; `on_void` is called with what another edge tells, and says which keys that ends."""

    def __init__(self, queue: Queue, seal: Seal, *, keep_s: float) -> None:
        self._queue, self._seal, self._keep_s = queue, seal, keep_s
        self._store: KeyValue | None = None
        self._opening = asyncio.Lock()
        self._again_at_s = 0.0
        """When it may be tried to open the store again (monotonic)."""
        self._name = uuid.uuid4().hex
        self.on_void: Callable[[dict[str, str]], Awaitable[list[bytes]]] = _nothing
        self.unshared = 0
        """Exchanges that went on without the store."""

    async def once(self, key: bytes, exchange: Callable[[], Awaitable[Reply]]) -> tuple[Reply, float | None]:
        """The answer to `key`, and its age in seconds if another edge's exchange gave it; None if this one's did.

        Raises what `exchange` raises, and Lost if another edge asked and its answer does not come.
        """
        name = key.hex()
        try:
            async with asyncio.timeout(STORE_S):
                store = await self._opened()
                await store.create(name, UNDER_WAY)
        except nats.js.errors.KeyWrongLastSequenceError:
            theirs = await self._theirs(store, name)
            return theirs if theirs is not None else (await exchange(), None)
        except _DOWN:
            self.unshared += 1
            return await exchange(), None
        try:
            reply = await exchange()
        except BaseException:
            await asyncio.shield(self.forget(key))
            raise
        if reply.status == 200:
            with contextlib.suppress(*_DOWN):
                async with asyncio.timeout(STORE_S):
                    await store.put(name, self._seal.wrap(_packed(reply), name))
        return reply, None

    async def forget(self, key: bytes) -> None:
        """Nobody gets this answer any more; what can't be deleted now ends with its time."""
        with contextlib.suppress(*_DOWN):
            async with asyncio.timeout(STORE_S):
                await (await self._opened()).delete(key.hex())

    async def void(self, what: dict[str, str], dropped: list[bytes]) -> None:
        """Tell the other edges what is void, and forget the answers that this one had."""
        with contextlib.suppress(*_DOWN):
            async with asyncio.timeout(STORE_S):
                await self._opened()
                client, _ = await self._queue.connected()
                await client.publish(VOID, json.dumps({**what, "by": self._name}).encode())
        for key in dropped:
            await self.forget(key)

    async def _theirs(self, store: KeyValue, name: str) -> tuple[Reply, float] | None:
        """What the edge that asks got, and how old it is in seconds; None if it gave up or was refused."""
        give_up_s = time.monotonic() + THEIRS_S
        while time.monotonic() < give_up_s:
            try:
                async with asyncio.timeout(STORE_S):
                    value = (await store.get(name)).value or b""
                if value != UNDER_WAY:
                    return _unpacked(self._seal.unwrap(value, name))
            except nats.js.errors.KeyNotFoundError:
                return None
            except (*_DOWN, Unsealable) as error:
                raise Lost(f"another edge asks, and its answer can't be read: {type(error).__name__}",
                           late=False) from error
            await asyncio.sleep(POLL_S)
        raise Lost("another edge asked and said nothing", late=True)

    async def _opened(self) -> KeyValue:
        """The store, made by whichever edge comes first; raises nats' errors and OSError."""
        if self._store is None:
            async with self._opening:
                if self._store is None:
                    if time.monotonic() < self._again_at_s:
                        raise nats.errors.ConnectionClosedError
                    self._again_at_s = time.monotonic() + AGAIN_S
                    client, stream = await self._queue.connected()
                    store = await self._find_or_make(stream)
                    await client.subscribe(VOID, cb=self._heard)
                    self._store = store
        return self._store

    async def _find_or_make(self, stream: JetStreamContext) -> KeyValue:
        """Found first: the server reserves a store's bytes again for whoever asks to make it, though it is there."""
        try:
            return await stream.key_value(BUCKET)
        except nats.js.errors.BucketNotFoundError:
            pass
        try:
            return await stream.create_key_value(bucket=BUCKET, ttl=self._keep_s, storage=api.StorageType.MEMORY,
                                                 max_bytes=MOST_BYTES, direct=True)
        except nats.js.errors.APIError:
            return await stream.key_value(BUCKET)  # another edge was quicker

    async def _heard(self, message: Msg) -> None:
        told = json.loads(message.data)
        if told.pop("by") != self._name:
            for key in await self.on_void(told):
                await self.forget(key)


async def _nothing(_: dict[str, str]) -> list[bytes]:
    return []


def _packed(reply: Reply) -> bytes:
    return json.dumps([clock.now(), reply.status, list(reply.headers.items()), reply.body.decode("latin-1")]).encode()


def _unpacked(raw: bytes) -> tuple[Reply, float]:
    at, status, headers, body = json.loads(raw)
    found: CIMultiDict[Any] = CIMultiDict((name, value) for name, value in headers)
    return Reply(int(status), found, body.encode("latin-1")), max(0.0, clock.now() - at)
