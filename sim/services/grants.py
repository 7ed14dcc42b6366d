"""Which grants a revocation would kill, read from the side's own rows before it is asked.

Afterwards the rows are gone and introspection never told a request_id, so this must come
first. The queries follow what Hydra itself selects, 1.x (consent tables) and 2.x (flow);
which of the two a database holds is looked up once, and again after a migration. The role
`edge` may only read.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, replace
from hashlib import sha384
from typing import Literal

import asyncpg
from asyncpg.exceptions import (
    InterfaceError,
    InvalidCachedStatementError,
    PostgresError,
    UndefinedColumnError,
    UndefinedTableError,
)

from sim.services import clock, planted
from sim.services.revocations import Asked, Kind
from sim.services.settings import Side

DEADLINE_S = 1.0
"""Assumption: reads by index take a millisecond; a second is a dead database."""

Schema = Literal["1.x", "2.x"]

_HAS_REFRESH = """EXISTS (SELECT FROM hydra_oauth2_refresh r
                           WHERE r.request_id = t.request_id AND r.active) AS has_refresh"""
_TOKEN: dict[Schema, str] = {
    # An inactive refresh token revokes nothing in 1.x.
    "1.x": f"""
        SELECT 'refresh' AS kind, request_id, client_id, subject, active AS certain, true AS has_refresh
          FROM hydra_oauth2_refresh WHERE signature = ANY($1) AND active
        UNION ALL
        SELECT 'access', request_id, client_id, subject, true, {_HAS_REFRESH}
          FROM hydra_oauth2_access t WHERE signature = ANY($1) AND active""",
    # In 2.3 a used one still does inside the grace period, whose upper bound is five minutes.
    "2.x": f"""
        SELECT 'refresh' AS kind, request_id, client_id, subject, active AS certain, {_HAS_REFRESH}
          FROM hydra_oauth2_refresh t
         WHERE signature = ANY($1)
           AND (active OR first_used_at > (now() AT TIME ZONE 'UTC') - interval '5 minutes')
        UNION ALL
        SELECT 'access', request_id, client_id, subject, true, {_HAS_REFRESH}
          FROM hydra_oauth2_access t WHERE signature = ANY($1) AND active""",
}
_CONSENTS: dict[Schema, str] = {
    "1.x": """
        SELECT r.challenge FROM hydra_oauth2_consent_request r
          JOIN hydra_oauth2_consent_request_handled h ON h.challenge = r.challenge
         WHERE r.subject = $1 AND ($2::text IS NULL OR r.client_id = $2)""",
    "2.x": """
        SELECT consent_challenge_id FROM hydra_oauth2_flow
         WHERE consent_challenge_id IS NOT NULL AND subject = $1 AND ($2::text IS NULL OR client_id = $2)""",
}
_ALIVE = """
    SELECT EXISTS (SELECT FROM hydra_oauth2_refresh WHERE request_id = ANY($1) AND active)
        OR EXISTS (SELECT FROM hydra_oauth2_access WHERE request_id = ANY($1) AND active)"""


_LOGINS: dict[Schema, str] = dict.fromkeys(("1.x", "2.x"), """
    SELECT extract(epoch FROM coalesce(max(authenticated_at) AT TIME ZONE 'UTC', now()))::float8
      FROM hydra_oauth2_authentication_session WHERE subject = $1""")
"""Not by our own clock: it may be wrong, and these rows are compared with rows."""
ROUNDED_S = 0.001
"""More than what a float of the epoch loses of a microsecond."""


class CannotResolve(Exception):
    """The side's Postgres did not answer in time: nobody knows what would be revoked."""


@dataclass(frozen=True, slots=True)
class Found:
    """What a revocation is about."""

    kind: Kind
    request_ids: list[str]
    owner: str
    subject: str
    at: float
    """Unix seconds, just before it was looked up."""
    is_certain: bool = True
    """False: whether Hydra acts on it depends on its grace period; look again afterwards."""
    authenticated_before: float | None = None
    """Of a login: Unix seconds up to which its browser sessions were begun, by the side's own rows and clock."""
    is_elsewhere: bool = False
    """True: a token that only the other side knows; this side's Hydra will answer 200 and do nothing."""
    has_refresh: bool = False
    """Of a token: its grant has an active refresh token on this side."""

    def joined(self, other: Found) -> Found:
        """What both sides know; where only the other one knows a token, what it knows."""
        if self.kind in ("consent", "subject"):
            return replace(self, request_ids=sorted({*self.request_ids, *other.request_ids}))
        if self.request_ids or not other.request_ids:
            return self
        return replace(other, at=self.at, is_elsewhere=True, has_refresh=False)  # said of this side, which knows none


def signatures(token: str) -> list[str]:
    """How a token may stand in a signature column.

    Raw is the part behind the last dot (refresh tokens of all versions, opaque access tokens of 1.x);
    its SHA-384 in hex is what 2.1+ stores for access tokens and 1.x for JWTs.
    """
    signature = token.rpartition(".")[2]
    return [signature, sha384(signature.encode()).hexdigest()] if signature else []


class Grants:
    """Reads one side's Postgres. Connects on first use."""

    def __init__(self, dsn: str, side: Side) -> None:
        self._dsn, self._side = dsn, side
        self._pool: asyncpg.Pool | None = None
        self._schema: Schema | None = None

    async def resolve(self, asked: Asked) -> Found:
        """What `asked` would revoke now; raises CannotResolve."""
        at = clock.now()
        if asked.kind == "login":
            until = float((await self._fetch(_LOGINS, asked.subject))[0][0])
            return Found("login", [], "", asked.subject, at, authenticated_before=until + ROUNDED_S)
        if asked.kind == "token":
            rows = await self._fetch(_TOKEN, signatures(asked.token))
            if planted.on("resolve-access-only"):
                rows = [row for row in rows if row["kind"] == "access"]
            if not rows:
                return Found("access", [], "", "", at)
            row = rows[0]
            return Found(row["kind"], [row["request_id"]], row["client_id"], row["subject"], at, row["certain"],
                         has_refresh=row["has_refresh"])
        rows = await self._fetch(_CONSENTS, asked.subject, asked.client or None)
        return Found(asked.kind, [row[0] for row in rows], "", asked.subject, at)

    async def subject_of(self, token: str) -> str | None:
        """Whose token it is; None if it is unknown here, or nobody can say just now."""
        try:
            rows = await self._fetch(_TOKEN, signatures(token))
        except CannotResolve:
            return None
        return str(rows[0]["subject"]) if rows else None

    async def is_alive(self, request_ids: list[str]) -> bool:
        """True if any token row of these grants is active; raises CannotResolve."""
        return bool((await self._fetch({"1.x": _ALIVE, "2.x": _ALIVE}, request_ids))[0][0])

    async def ping(self) -> None:
        """Ask for nothing, to see how long it takes; raises CannotResolve."""
        await self._fetch({"1.x": "SELECT 1", "2.x": "SELECT 1"})

    async def _fetch(self, query: dict[Schema, str], *arguments: object) -> list[asyncpg.Record]:
        try:
            async with asyncio.timeout(DEADLINE_S):
                try:
                    return await self._once(query, *arguments)
                except (UndefinedTableError, UndefinedColumnError, InvalidCachedStatementError):
                    self._schema = None  # migrated since we looked
                    return await self._once(query, *arguments)
        except (PostgresError, InterfaceError, OSError, TimeoutError) as error:
            raise CannotResolve(f"{self._side}: {type(error).__name__}") from error

    async def _once(self, query: dict[Schema, str], *arguments: object) -> list[asyncpg.Record]:
        if self._pool is None:
            self._pool = await asyncpg.create_pool(
                self._dsn, min_size=0, max_size=4, timeout=DEADLINE_S, command_timeout=DEADLINE_S,
                max_inactive_connection_lifetime=60)
        async with self._pool.acquire() as connection:
            if self._schema is None:
                has_flow = await connection.fetchval("SELECT to_regclass('hydra_oauth2_flow') IS NOT NULL")
                self._schema = "2.x" if has_flow else "1.x"
            rows: list[asyncpg.Record] = await connection.fetch(query[self._schema], *arguments)
            return rows

    async def close(self) -> None:
        """Close the connections, at once."""
        if self._pool is not None:
            self._pool.terminate()
