"""Toxiproxy's API, with a deadline on every call.

`toxiproxy-python` is the client, repaired here: it is blocking and has no timeouts (a call can
hang for as long as the server does), it keeps one address for the whole process, takes a 500 or
503 for success, and has no way to change a toxic. So its calls run in a thread with a deadline,
its consumer is bound to this server, the status is looked at, and the update is made through the
same consumer. `POST /reset` is never used: one link that hangs would hang it for all.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from typing import Any
from urllib.parse import quote

import requests
from toxiproxy import exceptions
from toxiproxy.api import APIConsumer

from sim.errors import StepFailed

# Made at run time there, so a type checker does not know that they are exceptions.
NotFound: type[Exception] = exceptions.NotFound
ProxyExists: type[Exception] = exceptions.ProxyExists
InvalidToxic: type[Exception] = exceptions.InvalidToxic

DEADLINE_S = 2.0
"""Assumption: the API answers in milliseconds; a server that hangs longer is out of order."""


class Toxiproxy:
    """One Toxiproxy server."""

    def __init__(self, host: str, port: int) -> None:
        self._consumer = _consumer(host, port)

    async def proxies(self) -> dict[str, Any]:
        """Every proxy by name, as the server tells it."""
        answer: dict[str, Any] = (await self._call("GET", "/proxies")).json()
        return answer

    async def make(self, name: str, listen: str, upstream: str) -> None:
        """Make a proxy. Raises StepFailed if its port is taken."""
        await self._call("POST", "/proxies", {"name": name, "listen": listen, "upstream": upstream, "enabled": True})

    async def make_all(self, wanted: Iterable[tuple[str, str, str]]) -> None:
        """Make a proxy of each (name, listen, upstream) and see that every one is there and on.

        Raises StepFailed with the names that are missing.
        """
        made = list(wanted)
        for name, listen, upstream in made:
            await self.make(name, listen, upstream)
        there = await self.proxies()
        missing = [name for name, _, _ in made if not there.get(name, {}).get("enabled")]
        if missing:
            raise StepFailed("Toxiproxy did not make every link", where="toxiproxy", seen=", ".join(missing))

    async def add(self, link: str, *, name: str, toxic: str, stream: str, attributes: dict[str, int]) -> None:
        """Put a toxic on a link; toxicity is always 1 (a smaller one is drawn without a seed)."""
        await self._call("POST", f"/proxies/{_path(link)}/toxics", {
            "name": name, "type": toxic, "stream": stream, "toxicity": 1.0, "attributes": attributes})

    async def change(self, link: str, name: str, attributes: dict[str, int]) -> None:
        """Give a toxic new attributes."""
        await self._call("POST", f"/proxies/{_path(link)}/toxics/{name}", {"attributes": attributes})

    async def remove(self, link: str, name: str) -> None:
        """Take a toxic off; none there is well too."""
        await self._call("DELETE", f"/proxies/{_path(link)}/toxics/{name}", missing_ok=True)

    async def enable(self, link: str, on: bool) -> None:
        """Let connections through, or refuse new ones and close the old."""
        await self._call("POST", f"/proxies/{_path(link)}", {"enabled": on})

    async def _call(self, method: str, path: str, body: dict[str, Any] | None = None, *,
                    missing_ok: bool = False) -> Any:
        # A proxy of the environment is for the world outside, not for loopback.
        options: dict[str, Any] = {"timeout": DEADLINE_S, "proxies": {"no_proxy": self._consumer.host}}

        def call() -> Any:
            if method == "GET":
                return self._consumer.get(path, **options)
            if method == "DELETE":
                return self._consumer.delete(path, **options)
            return self._consumer.post(path, json=body, **options)

        try:
            answer = await asyncio.wait_for(asyncio.to_thread(call), DEADLINE_S + 0.5)
            if answer.status_code >= 400:
                raise StepFailed("Toxiproxy refused", where=f"{method} {path}",
                                 seen=f"{answer.status_code} {answer.text}"[:300])
            return answer
        except NotFound as error:
            if missing_ok:
                return None
            raise StepFailed("Toxiproxy knows no such thing", where=f"{method} {path}") from error
        except (ProxyExists, InvalidToxic) as error:
            raise StepFailed("Toxiproxy refused", where=f"{method} {path}", seen=str(error)[:300]) from error
        except (requests.RequestException, TimeoutError) as error:
            raise StepFailed("Toxiproxy does not answer", where=f"{method} {path}", seen=repr(error)[:200],
                             todo="its log is logs/toxiproxy.log in the run folder") from error


def _path(link: str) -> str:
    return quote(link, safe="")


def _consumer(host: str, port: int) -> type[APIConsumer]:
    class Bound(APIConsumer):
        pass

    Bound.host, Bound.port = host, port
    return Bound
