"""The control listeners of our own services: edge, login-consent, authz."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import aiohttp

from sim.errors import StepFailed

DEADLINE_S = 10.0
"""Assumption: everything but a drain and a barrier is instant; those have their own bounds."""


class Controls:
    """A client of one service's control listener (bearer token, loopback)."""

    def __init__(self, part: str, address: tuple[str, int], token: str,
                 note: Callable[[str, str], None] | None = None) -> None:
        self._part, self._note = part, note
        self._base = f"http://{address[0]}:{address[1]}"
        self._headers = {"Authorization": f"Bearer {token}"}
        self._session: aiohttp.ClientSession | None = None

    async def ask(self, method: str, path: str, body: dict[str, Any] | None = None, *,
                  deadline_s: float = DEADLINE_S, quiet: bool = False) -> dict[str, Any]:
        """One call; the JSON answer. `quiet` calls are not noted: their bodies name people.

        Raises StepFailed if the service does not answer or refuses.
        """
        if self._note is not None and method != "GET" and path != "/probe" and not quiet:
            self._note("http", f"{method} {self._part}{path} {json.dumps(body)}")
        if self._session is None:
            self._session = aiohttp.ClientSession(headers=self._headers)
        try:
            async with self._session.request(method, self._base + path, json=body,
                                             timeout=aiohttp.ClientTimeout(total=deadline_s)) as response:
                answer = await response.json(content_type=None)
                if response.status >= 400:
                    raise StepFailed(f"{self._part} refused {method} {path}", where=self._part,
                                     seen=f"{response.status} {answer}"[:300])
        except (aiohttp.ClientError, TimeoutError, ValueError) as error:
            raise StepFailed(f"{self._part} does not answer {method} {path}", where=self._part,
                             seen=repr(error)[:200]) from error
        return answer if isinstance(answer, dict) else {}

    async def close(self) -> None:
        """Close the connection."""
        if self._session is not None:
            await self._session.close()
