"""A population of some dozen grants made by real authorizations, for tests of the traffic alone."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import Any

import aiohttp

from sim.rigs.real.sender import AUTHZ, INTERNAL, LOGIN, PUBLIC, Sender
from sim.rigs.rig import Browser, Client
from sim.traffic.minting import signature

SCOPE = "openid offline api.read"
REDIRECT = "https://app.rehearse.test/callback"


@dataclass(frozen=True)
class MadeGrant:
    """As the population's grants look to traffic."""

    name: str
    subject: str
    client_id: str
    kind: str
    state: str = "live"
    remembered: bool = True
    generations: int = 1


@dataclass
class Made:
    """Population and minter in one: what was made is remembered, nothing is derived."""

    clients: list[Client]
    grants: list[MadeGrant] = field(default_factory=list)
    tokens: dict[str, tuple[str, str]] = field(default_factory=dict)

    def access(self, grant: MadeGrant, generation: int) -> str:
        assert generation == 0
        return self.tokens[grant.name][0]

    def refresh(self, grant: MadeGrant, generation: int) -> str:
        assert generation == 0
        return self.tokens[grant.name][1]


def addresses(rig: Any) -> dict[str, tuple[str, int]]:
    """The clients' links of tests/support/services_rig.py (no Toxiproxy between)."""
    names = {PUBLIC: "edge-public", INTERNAL: "edge-internal", LOGIN: "login", AUTHZ: "authz"}
    return {link: ("127.0.0.1", rig.ports[name]) for link, name in names.items()}


def clients() -> list[Client]:
    """Two web clients, a cli, an mcp and a service."""
    kinds = [("web", True), ("web", True), ("cli", False), ("mcp", False), ("service", True)]
    return [Client(f"{kind}-{n}", kind, REDIRECT, f"secret-of-{kind}-{n}" if secret else None,
                   "api.read" if kind == "service" else SCOPE)
            for n, (kind, secret) in enumerate(kinds)]


async def register(rig: Any, client: Client) -> None:
    """On blue's admin API."""
    body = {"client_id": client.client_id, "scope": client.scope, "redirect_uris": [client.redirect_uri],
            "response_types": ["code"], "grant_types": ["authorization_code", "refresh_token", "client_credentials"],
            "token_endpoint_auth_method": "client_secret_basic" if client.secret else "none"}
    if client.secret:
        body["client_secret"] = client.secret
    async with aiohttp.ClientSession() as http, http.post(rig.url("blue-admin") + "/clients", json=body) as answer:
        assert answer.status == 201, await answer.text()


async def populate(rig: Any, sender: Sender, *, people: int) -> Made:
    """`people` subjects, each with a grant to two clients."""
    made = Made(clients())
    for client in made.clients:
        await register(rig, client)
    apps = [client for client in made.clients if client.kind != "service"]

    async def one(n: int) -> None:
        subject, browser = f"person-{n}", Browser(f"person-{n}")
        for client in (apps[n % len(apps)], apps[(n + 1) % len(apps)]):
            code = await sender.authorize(client, browser, scope=client.scope, prompt=None, timeout_s=10)
            assert "code" in code.body, code
            answer = await sender.exchange(client, code.body["code"], code.body["verifier"], timeout_s=10)
            assert answer.status == 200, answer
            got.append((answer.body["access_token"], answer.body["refresh_token"], subject, client))

    got: list[tuple[str, str, str, Client]] = []
    for n in range(people):
        await one(n)
    rows = await asyncio.to_thread(rig.sql, "blue", "SELECT signature, request_id FROM hydra_oauth2_refresh")
    names = dict(row.split("|") for row in rows.splitlines())
    for access, refresh, subject, client in got:
        name = names[signature(refresh)]
        made.tokens[name] = (access, refresh)
        made.grants.append(MadeGrant(name, subject, client.client_id, client.kind))
    return made
