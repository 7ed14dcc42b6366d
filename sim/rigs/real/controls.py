"""The control listeners of our own services: edge, login-consent, authz."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Sequence
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


class AllControls:
    """The control listeners of a service that stands more than once, asked as one."""

    def __init__(self, each: Sequence[Controls]) -> None:
        self._each = list(each)

    async def ask(self, method: str, path: str, body: dict[str, Any] | None = None, *,
                  deadline_s: float = DEADLINE_S, only: int | None = None) -> dict[str, Any]:
        """Ask all at once, or the `only`th (counted from 0); their answers as one (see `merged`).

        Raises StepFailed if one of them does not answer or refuses.
        """
        asked = self._each if only is None else [self._each[only]]
        answers = await asyncio.gather(*(one.ask(method, path, body, deadline_s=deadline_s) for one in asked))
        return merged(answers)


LARGEST = ("epoch", "share", "barrier_s", "buffered_s")
"""Figures that are not added up."""


def merged(answers: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Several answers as one: numbers added up (`LARGEST` apart), what is said by all once, else `a | b`."""
    if len(answers) == 1:
        return answers[0]
    told: dict[str, Any] = {}
    for key in dict.fromkeys(key for answer in answers for key in answer):
        values = [answer[key] for answer in answers if key in answer]
        if all(isinstance(value, dict) for value in values):
            told[key] = merged(values)
        elif all(value == values[0] for value in values) and not _counts(key, values[0]):
            told[key] = values[0]
        elif all(isinstance(value, int | float) for value in values):
            told[key] = sum(values) if _counts(key, values[0]) else max(values)
        else:
            told[key] = " | ".join(dict.fromkeys(str(value) for value in values))
    return told


def _counts(key: str, value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and key not in LARGEST
