"""A connection that comes while there is no room even to wait: answered in one write.

A storm of new connections costs more than its requests: making each one ready took so long that
the edge came to nobody's request for seconds. Whoever comes then is told so before anything is made for it.
"""

from __future__ import annotations

import asyncio
from typing import cast

SILENT_S = 5.0
"""Assumption: whoever has not asked by then has given up (a client's own limit)."""
LINGER_S = 1.0
"""Assumption: a client that was told `Connection: close` does so at once; a reset could take the answer from it."""


class TurnedAway(asyncio.Protocol):
    """Says the same to whatever comes first, then waits for the other side to close."""

    def __init__(self, answer: bytes) -> None:
        self._answer = answer

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """It may stay for a while without a word."""
        self._transport = cast(asyncio.Transport, transport)  # uvloop's is no subclass of it
        self._end_in(SILENT_S)

    def data_received(self, data: bytes) -> None:
        """The first of it is answered; the rest is read and dropped."""
        if self._answer:
            self._transport.write(self._answer)
            self._answer = b""
            self._ending.cancel()
            self._end_in(LINGER_S)

    def connection_lost(self, exc: Exception | None) -> None:
        """It is gone."""
        self._ending.cancel()

    def _end_in(self, seconds: float) -> None:
        self._ending = asyncio.get_running_loop().call_later(seconds, self._transport.abort)
