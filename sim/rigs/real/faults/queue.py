"""The queue's own faults: its stream is full and refuses what is published, or holds everything twice."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import nats
import nats.errors
import nats.js.errors
from nats.js import JetStreamContext

from sim.errors import StepFailed
from sim.rigs.real.engines.engine import Engine
from sim.rigs.real.faults.maker import Told
from sim.rigs.real.queueing import STREAM

CONNECT_S = 2.0
FILLER = "revocation.filler"
"""A subject of the stream that nobody reads: intents and outcomes have three words."""
_NO_STREAM, _FULL = 10059, 10077
"""Source: NATS' error codes, JSStreamNotFoundErr and JSStreamStoreFailedF ("maximum messages exceeded")."""


class _OnStream:
    """Reaches the stream round every link."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    @asynccontextmanager
    async def _stream(self) -> AsyncIterator[JetStreamContext]:
        host, port = self._engine.direct("queue", "nats")
        try:
            client = await nats.connect(f"nats://{host}:{port}", connect_timeout=round(CONNECT_S),
                                        allow_reconnect=False)
            try:
                yield client.jetstream(timeout=CONNECT_S)
            finally:
                await client.close()
        except nats.js.errors.NotFoundError as error:
            raise StepFailed("there is no stream yet", where="queue", todo="capture makes it: act after it") from error
        except (nats.errors.Error, OSError, TimeoutError) as error:
            raise StepFailed("the queue does not do it", where="queue", seen=repr(error)[:200]) from error


class Duplicate(_OnStream):
    """`duplicate`: every message is there once more, newest first, without the id by which the server knows it.

    So does a publisher whose ids have left the server's window, or a consumer that redelivers: late and
    out of order. Nothing is taken back; whoever reads must cope.
    """

    def __init__(self, engine: Engine) -> None:
        super().__init__(engine)
        self._told: dict[str, tuple[int, int]] = {}
        """Fault → messages before and after."""

    async def make(self, fault: Told) -> None:
        """See `Maker.make`. Raises StepFailed if there is nothing yet."""
        async with self._stream() as stream:
            before = (await stream.stream_info(STREAM)).state
            if not before.messages:
                raise StepFailed("the queue holds nothing yet", where="queue", todo="act after the first revocation")
            copied = 0
            for sequence in range(before.last_seq, before.first_seq - 1, -1):
                message = await stream.get_msg(STREAM, sequence)
                await stream.publish(message.subject or FILLER, message.data or b"", timeout=CONNECT_S)
                copied += 1
        self._told[str(fault["name"])] = before.messages, before.messages + copied

    async def prove(self, fault: Told) -> dict[str, Any]:
        """See `Maker.prove`."""
        before, wanted = self._told[str(fault["name"])]
        async with self._stream() as stream:
            there = (await stream.stream_info(STREAM)).state.messages
        return {"proven": there >= wanted > before, "expected": f"at least {wanted} messages",
                "seen": f"{there} messages, {before} before"}

    async def heal(self, fault: Told) -> dict[str, Any]:
        """See `Maker.heal`: there is nothing to take off."""
        return {"seen": "the copies stay: a stream forgets nothing"}


class Full(_OnStream):
    """`full`: the stream's bound is lowered to what it holds, and filled."""

    async def make(self, fault: Told) -> None:
        """See `Maker.make`. Raises StepFailed if there is no stream yet."""
        async with self._stream() as stream:
            info = await stream.stream_info(STREAM)
            await stream.update_stream(info.config, max_msgs=info.state.messages + 1)
            await self._refuses(stream)

    async def prove(self, fault: Told) -> dict[str, Any]:
        """See `Maker.prove`."""
        async with self._stream() as stream:
            refused = await self._refuses(stream)
        return {"proven": bool(refused), "expected": "a message is refused", "seen": refused or "a message was stored"}

    async def heal(self, fault: Told) -> dict[str, Any]:
        """See `Maker.heal`: the bound goes, and so do our own messages."""
        async with self._stream() as stream:
            info = await stream.stream_info(STREAM)
            await stream.update_stream(info.config, max_msgs=-1)
            refused = await self._refuses(stream)
            await stream.purge_stream(STREAM, subject=FILLER)
        if refused:
            raise StepFailed("the stream still refuses messages", where="queue", seen=refused)
        return {"seen": "a message is stored"}

    async def _refuses(self, stream: JetStreamContext) -> str:
        """Publish one message of ours; '' if it was stored, else the server's word."""
        try:
            await stream.publish(FILLER, b"", timeout=CONNECT_S)
        except nats.js.errors.APIError as error:
            return f"{error.err_code}: {error.description}"
        return ""
