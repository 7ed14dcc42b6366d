"""The revocation queue: one JetStream stream on file, and how the edge and the replayer use it.

Client-side buffering is off: a message that waits in our own memory for a reconnection is one
we told nobody about, and it would arrive at a time of its own choosing.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass

import nats
import nats.errors
import nats.js.errors
from nats.aio.client import Client
from nats.js import JetStreamContext, api

from sim.services.settings import Direction

STREAM = "REVOCATIONS"
PUBLISH_S = 1.0
"""Assumption: an fsync and two hops take milliseconds; a second is a dead queue."""
DUPLICATES_S = 600.0
"""Assumption: nobody publishes the same id again after ten minutes; the replayer copes if so."""
_BATCH = 256
_FETCH_S = 5.0
"""Assumption: messages that are there come within milliseconds; five seconds is a dead queue."""
_POLL_S = 0.02


class QueueDown(Exception):
    """Not stored for certain, or nobody knows: it may still arrive later."""


@dataclass(frozen=True, slots=True)
class Message:
    """One stored message."""

    sequence: int
    subject: str
    data: bytes


def intent_subject(direction: Direction) -> str:
    """Where intents of `direction` are published."""
    return f"revocation.intent.{direction}"


def outcome_subject(direction: Direction) -> str:
    """Where outcomes of `direction` are published."""
    return f"revocation.outcome.{direction}"


class Queue:
    """One connection to the stream; it reconnects by itself and never buffers."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._client: Client | None = None
        self._stream: JetStreamContext | None = None
        self._connecting = asyncio.Lock()

    @property
    def is_connected(self) -> bool:
        """True if a message could be sent now, as far as the client knows."""
        return self._client is not None and self._client.is_connected

    async def ensure(self) -> None:
        """Connect and make the stream if it is not there; raises QueueDown."""
        try:
            async with asyncio.timeout(2 * PUBLISH_S):
                _, stream = await self.connected()
                await stream.add_stream(api.StreamConfig(
                    name=STREAM, subjects=["revocation.>"], storage=api.StorageType.FILE,
                    retention=api.RetentionPolicy.LIMITS, discard=api.DiscardPolicy.NEW,
                    duplicate_window=DUPLICATES_S, allow_direct=True,
                ))
        except (nats.errors.Error, OSError, TimeoutError) as error:
            raise QueueDown(type(error).__name__) from error

    async def publish(self, subject: str, data: bytes, *, id: str) -> int:
        """Store one message; returns its sequence once it is on the server's disk.

        Raises QueueDown; after a timeout the message may still arrive.
        """
        try:
            async with asyncio.timeout(PUBLISH_S):
                _, stream = await self.connected()
                stored = await stream.publish(subject, data, timeout=PUBLISH_S, stream=STREAM,
                                              headers={api.Header.MSG_ID.value: id})
        except (nats.errors.Error, OSError, TimeoutError) as error:
            raise QueueDown(type(error).__name__) from error
        return int(stored.seq)

    async def read(self, direction: Direction, *, idle_s: float) -> AsyncIterator[Message]:
        """Every message of `direction` from the first on, until none came for `idle_s`.

        Reads with a consumer of its own each time: nothing is taken off, a replay is repeatable.
        Raises QueueDown.
        """
        try:
            _, stream = await self.connected()
            pull = await stream.pull_subscribe(
                f"revocation.*.{direction}", stream=STREAM, config=api.ConsumerConfig(
                    ack_policy=api.AckPolicy.NONE, deliver_policy=api.DeliverPolicy.ALL, inactive_threshold=60.0))
            came_s = time.monotonic()
            while True:
                pending = (await pull.consumer_info()).num_pending
                if pending:  # ask for no more than is there: a pull that waits for the rest is slow
                    for message in await pull.fetch(min(pending, _BATCH), timeout=_FETCH_S):
                        yield Message(message.metadata.sequence.stream, message.subject, message.data)
                    came_s = time.monotonic()
                elif time.monotonic() - came_s >= idle_s:
                    return
                else:
                    await asyncio.sleep(_POLL_S)
        except (nats.errors.Error, OSError, TimeoutError) as error:
            raise QueueDown(type(error).__name__) from error

    async def ping(self) -> None:
        """One round trip to the server that leaves nothing behind; raises QueueDown."""
        try:
            async with asyncio.timeout(PUBLISH_S):
                client, _ = await self.connected()
                if not client.is_connected:  # between two connections a flush has nothing to wait for
                    raise QueueDown("Disconnected")
                await client.flush(timeout=1)
                if not client.is_connected:
                    raise QueueDown("Disconnected")
        except (nats.errors.Error, OSError, TimeoutError) as error:
            raise QueueDown(type(error).__name__) from error

    async def close(self) -> None:
        """Close the connection; nothing is flushed, nothing waits."""
        if self._client is not None:
            with contextlib.suppress(nats.errors.Error, OSError):
                await self._client.close()

    async def connected(self) -> tuple[Client, JetStreamContext]:
        """The connection, opened if there is none; it may be broken just now. Raises nats' errors and OSError."""
        if self._stream is not None and self._client is not None and not self._client.is_closed:
            return self._client, self._stream
        async with self._connecting:
            if self._stream is None or self._client is None or self._client.is_closed:
                self._client = await nats.connect(
                    self._url, allow_reconnect=True, max_reconnect_attempts=-1, reconnect_time_wait=0.2,
                    connect_timeout=1, pending_size=0, ping_interval=2, max_outstanding_pings=2,
                    error_cb=_ignored)
                self._stream = self._client.jetstream(timeout=PUBLISH_S)
            return self._client, self._stream


async def _ignored(error: Exception) -> None:
    """A cut shows as QueueDown at the next publish; the client's own report adds nothing."""
