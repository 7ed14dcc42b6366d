"""Tokens of a client of a benchmark's own, and the requests that ask about them or revoke them."""

from __future__ import annotations

import asyncio
import urllib.parse

from sim.cli.bench_load import Address, request

HOST = "auth.rehearse.test"
CLIENT, SECRET = "bench", "bench-only-secret"
AT_ONCE = 8


async def minted(admin: Address, public: Address, count: int) -> list[str]:
    """So many live access tokens, from Hydra itself; the client is made with the first."""
    import aiohttp

    client = {"client_id": CLIENT, "client_secret": SECRET, "grant_types": ["client_credentials"],
              "token_endpoint_auth_method": "client_secret_post"}
    places = asyncio.Semaphore(AT_ONCE)
    async with aiohttp.ClientSession() as session:
        async with session.post(f"http://{admin[0]}:{admin[1]}/clients", json=client):
            pass  # 409 from the second time on

        async def mint() -> str:
            form = {"grant_type": "client_credentials", "client_id": CLIENT, "client_secret": SECRET}
            async with places, session.post(f"http://{public[0]}:{public[1]}/oauth2/token", data=form) as answer:
                return str((await answer.json())["access_token"])

        return list(await asyncio.gather(*(mint() for _ in range(count))))


def introspection(token: str) -> bytes:
    """As a resource server asks."""
    return _form("/oauth2/introspect", token=token)


def revocation(token: str) -> bytes:
    """As its client asks."""
    return _form("/oauth2/revoke", token=token, client_id=CLIENT, client_secret=SECRET)


def _form(target: str, **fields: str) -> bytes:
    return request("POST", target, host=HOST, body=urllib.parse.urlencode(fields).encode())
