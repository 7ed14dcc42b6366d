"""One target of the edge: a pool of kept-alive connections to one listener of one Hydra.

aiohttp sends an idempotent request a second time, silently, when a pooled connection turns
out to be gone. Behind an edge that counts and captures, a request must be sent once or not at
all, so this is off here (`tests/unit/test_upstream.py` holds it).
"""

from __future__ import annotations

import asyncio
import socket
from dataclasses import dataclass

import aiohttp
from multidict import CIMultiDict
from yarl import URL

from sim.services.headers import answer_headers
from sim.services.serving import FIELD_BYTES

DEADLINE_S = 10.0
"""Assumption: twice the clients' 5 s, so an exchange outlives the client that asked for it."""
CONNECTIONS = 256
"""Assumption: far above what one Hydra with its database pool works on at once."""


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer that was read to its end."""

    status: int
    headers: CIMultiDict[str]
    body: bytes


class NotSent(Exception):
    """No connection could be opened: the target never saw the request."""


class Lost(Exception):
    """The request may have been sent and no whole answer came: nobody knows."""

    def __init__(self, why: str, *, late: bool) -> None:
        super().__init__(why)
        self.late = late
        """True if the deadline passed, False if the connection broke."""


def client_session(*, own_headers: tuple[str, ...] = ()) -> aiohttp.ClientSession:
    """A session that keeps no cookies, follows nothing and never sends a request twice.

    `own_headers` names the headers that aiohttp may add by itself.
    """
    session = aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(limit=CONNECTIONS, family=socket.AF_INET, ttl_dns_cache=300,
                                       keepalive_timeout=30.0),
        cookie_jar=aiohttp.DummyCookieJar(), auto_decompress=False, trust_env=False,
        timeout=aiohttp.ClientTimeout(total=DEADLINE_S), max_line_size=FIELD_BYTES, max_field_size=FIELD_BYTES,
        skip_auto_headers={"User-Agent", "Accept", "Accept-Encoding", "Content-Type"} - set(own_headers),
    )
    session._retry_connection = False  # no public switch in aiohttp 3; the test fails if it moves
    return session


class Upstream:
    """One listener of one Hydra. Must be made and closed inside the loop."""

    def __init__(self, base_url: str, *, prefix: str = "") -> None:
        self._base = base_url + prefix
        self._session = client_session()

    async def ask(self, method: str, target: str, headers: CIMultiDict[str], body: bytes) -> Reply:
        """Send once and read the answer to its end.

        `target` is the path with its query, exactly as it is to be sent. Raises NotSent or Lost.
        """
        try:
            async with self._session.request(
                method, URL(self._base + target, encoded=True), headers=headers, data=body or None,
                allow_redirects=False,
            ) as response:
                return Reply(response.status, answer_headers(response.headers), await response.read())
        except aiohttp.ClientConnectorError as error:
            raise NotSent(type(error).__name__) from error
        except TimeoutError as error:
            raise Lost("no answer in time", late=True) from error
        except (aiohttp.ClientError, OSError, ValueError) as error:
            raise Lost(type(error).__name__, late=False) from error

    async def close(self) -> None:
        """Close every connection."""
        await self._session.close()
        await asyncio.sleep(0)
