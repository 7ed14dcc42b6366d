"""Hydra's admin API as the harness itself needs it: clients, introspection, readiness, metrics.

Direct, round every link: it measures, sets lifetimes and proves; traffic never comes this way.
Paths are 1.x's; 2.x has them under the prefix `/admin`, except health and version.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from types import TracebackType
from typing import Any, Final, Literal
from urllib.parse import parse_qsl, quote, urlsplit

import aiohttp

from sim.errors import StepFailed

DEADLINE_S: Final = 5.0
"""Assumption: everything here takes milliseconds; five seconds is a dead Hydra."""
PAGE: Final = 500
"""Source: the most clients that both versions give at once."""

Method = Literal["GET", "POST", "PUT", "DELETE"]


class HydraApi:
    """One Hydra's admin port; `prefix` is '' for 1.x and '/admin' for 2.x.

    Every method raises StepFailed if Hydra does not answer in time or not as it should.
    """

    def __init__(self, address: tuple[str, int], *, prefix: str = "") -> None:
        self._where = f"{address[0]}:{address[1]}"
        self._prefix = prefix
        self._session: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> HydraApi:
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None,
                        trace: TracebackType | None) -> None:
        await self.close()

    async def close(self) -> None:
        """Close the connections."""
        if self._session is not None:
            await self._session.close()

    async def ready(self) -> bool:
        """What /health/ready says; Hydra says yes on a schema that is too new for it."""
        return (await self._send("GET", "/health/ready"))[0] == 200

    async def version(self) -> str:
        """What it calls itself; a Hydra built from source says `master`."""
        return str((await self._asked("GET", "/version")).get("version", ""))

    async def introspect(self, token: str) -> dict[str, Any]:
        """Hydra's answer; {"active": false} also stands for every storage error."""
        return await self._asked("POST", f"{self._prefix}/oauth2/introspect", form={"token": token})

    async def clients(self) -> AsyncIterator[dict[str, Any]]:
        """Every client, page by page."""
        query = {"limit": str(PAGE), "offset": "0"} if not self._prefix else {"page_size": str(PAGE)}
        while True:
            status, answer, links = await self._send("GET", f"{self._prefix}/clients", query=query)
            if status != 200 or not isinstance(answer, list):
                raise self._wrong("GET", "/clients", status, answer)
            for client in answer:
                yield client
            following = links.get("next")
            if not following or not answer:
                return
            query = dict(parse_qsl(urlsplit(following).query))

    async def client(self, client_id: str) -> dict[str, Any]:
        """One client, without its secret."""
        return await self._asked("GET", f"{self._prefix}/clients/{quote(client_id, safe='')}")

    async def put_lifespans(self, client_id: str, lifespans: dict[str, str | None]) -> dict[str, Any]:
        """Set a client's own lifetimes ({name: Go duration or None}); those not named become None."""
        return await self._asked("PUT", f"{self._prefix}/clients/{quote(client_id, safe='')}/lifespans",
                                 json={name: value for name, value in lifespans.items() if value is not None})

    async def signing_key(self) -> str:
        """The `kid` of the public key that ID tokens are verified by."""
        keys = (await self._asked("GET", f"{self._prefix}/keys/hydra.openid.id-token")).get("keys", [])
        kids = [str(key.get("kid")) for key in keys if str(key.get("kid")).startswith("public:")]
        if not kids:
            raise StepFailed("Hydra has no key to sign ID tokens with", where=self._where)
        return kids[0]

    async def metrics(self) -> dict[str, float]:
        """{heap_bytes, goroutines} of the Go runtime."""
        status, text, _ = await self._send("GET", f"{self._prefix}/metrics/prometheus")
        if status != 200 or not isinstance(text, str):
            raise self._wrong("GET", "/metrics/prometheus", status, text)
        return parse_metrics(text)

    async def _asked(self, method: Method, path: str, *, form: dict[str, str] | None = None,
                     json: Any = None) -> dict[str, Any]:
        status, answer, _ = await self._send(method, path, form=form, json=json)
        if status >= 300 or not isinstance(answer, dict):
            raise self._wrong(method, path, status, answer)
        return answer

    async def _send(self, method: Method, path: str, *, form: dict[str, str] | None = None, json: Any = None,
                    query: dict[str, str] | None = None) -> tuple[int, Any, dict[str, str]]:
        """(status, JSON or text, {rel: link})."""
        if self._session is None:
            self._session = aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=DEADLINE_S))
        try:
            async with self._session.request(method, f"http://{self._where}{path}", data=form, json=json,
                                             params=query) as response:
                links = {rel: str(link["url"]) for rel, link in response.links.items()}
                if "json" in response.headers.get("Content-Type", ""):
                    return response.status, await response.json(), links
                return response.status, await response.text(), links
        except (aiohttp.ClientError, TimeoutError, ValueError) as error:
            raise StepFailed(f"Hydra does not answer {method} {path}", where=self._where,
                             seen=f"{type(error).__name__}: {error}"[:200]) from error

    def _wrong(self, method: Method, path: str, status: int, answer: Any) -> StepFailed:
        told = answer.get("error", "") if isinstance(answer, dict) else str(answer)[:100]
        return StepFailed(f"Hydra refused {method} {path}", where=self._where, seen=f"status {status} {told}")


def admin_prefix(version: str) -> str:
    """Where a Hydra of this version has its admin paths: '' for 1.x, '/admin' from 2.0 on."""
    return "" if version.startswith("1.") else "/admin"


def parse_metrics(text: str) -> dict[str, float]:
    """{heap_bytes, goroutines} from Prometheus text; what is not there is left out."""
    wanted = {"go_memstats_heap_inuse_bytes": "heap_bytes", "go_goroutines": "goroutines"}
    found: dict[str, float] = {}
    for line in text.splitlines():
        name, _, value = line.partition(" ")
        if name in wanted:
            found[wanted[name]] = float(value)
    return found
