"""Revocation on rows: what Hydra does about a revoked grant, done by request_id.

By request_id and not by token, because the target knows other generations of the chain than
the source did. Everything here may be repeated, and in any order: it only takes away.

- 2.x: rows of the five token tables are deleted; a consent's flow row too.
- 1.x: access tokens are deleted, refresh tokens and codes made inactive, as 1.11.10 does; a
  consent's request row is deleted, which cascades.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Sequence

import asyncpg
from asyncpg.exceptions import DeadlockDetectedError, SerializationError

from sim.services.grants import Schema
from sim.services.revocations import Intent

_CONSENT_KINDS = ("consent", "subject")
_TRIES = 5
_TOKEN_TABLES = ("hydra_oauth2_access", "hydra_oauth2_refresh", "hydra_oauth2_code", "hydra_oauth2_pkce",
                 "hydra_oauth2_oidc")
_NETWORK = "nid = (SELECT id FROM networks ORDER BY created_at LIMIT 1)"  # one per database; 2.x serves the first

_TOKENS: dict[Schema, dict[str, str]] = {
    "2.x": {table: f"DELETE FROM {table} WHERE request_id = ANY($1) AND {_NETWORK}" for table in _TOKEN_TABLES},
    "1.x": {
        "hydra_oauth2_access": "DELETE FROM hydra_oauth2_access WHERE request_id = ANY($1)",
        "hydra_oauth2_refresh": "UPDATE hydra_oauth2_refresh SET active = false WHERE request_id = ANY($1) AND active",
        "hydra_oauth2_code": "UPDATE hydra_oauth2_code SET active = false WHERE request_id = ANY($1) AND active",
        "hydra_oauth2_pkce": "DELETE FROM hydra_oauth2_pkce WHERE request_id = ANY($1)",
        "hydra_oauth2_oidc": "DELETE FROM hydra_oauth2_oidc WHERE request_id = ANY($1)",
    },
}
_CONSENT: dict[Schema, dict[str, str]] = {
    "2.x": {"hydra_oauth2_flow": f"DELETE FROM hydra_oauth2_flow WHERE consent_challenge_id = ANY($1) AND {_NETWORK}"},
    "1.x": {"hydra_oauth2_consent_request": "DELETE FROM hydra_oauth2_consent_request WHERE challenge = ANY($1)"},
}
_LOGIN_WHERE = "subject = $1 AND authenticated_at <= to_timestamp($2) AT TIME ZONE 'UTC'"
_LOGIN = f"DELETE FROM hydra_oauth2_authentication_session WHERE {_LOGIN_WHERE}"

_LIVE_TOKENS = """
    SELECT request_id FROM hydra_oauth2_access WHERE request_id = ANY($1) AND active
    UNION SELECT request_id FROM hydra_oauth2_refresh WHERE request_id = ANY($1) AND active"""
_LIVE_CODES = " UNION SELECT request_id FROM hydra_oauth2_code WHERE request_id = ANY($1) AND active"
_LIVE_CONSENTS: dict[Schema, str] = {
    "2.x": " UNION SELECT consent_challenge_id FROM hydra_oauth2_flow WHERE consent_challenge_id = ANY($1)",
    "1.x": " UNION SELECT challenge FROM hydra_oauth2_consent_request WHERE challenge = ANY($1)",
}


class Rows:
    """One side's token and consent rows; `open` it first. Safe for several tasks."""

    def __init__(self, pool: asyncpg.Pool, schema: Schema) -> None:
        self._pool, self.schema = pool, schema

    @classmethod
    async def open(cls, dsn: str, *, connections: int) -> Rows:
        """Connect and look which schema it is; raises OSError or asyncpg's errors."""
        pool = await asyncpg.create_pool(
            dsn, min_size=1, max_size=connections, timeout=5, command_timeout=30)
        has_flow = await pool.fetchval("SELECT to_regclass('hydra_oauth2_flow') IS NOT NULL")
        return cls(pool, "2.x" if has_flow else "1.x")

    async def revoke(self, intent: Intent, request_ids: Sequence[str]) -> Counter[str]:
        """Take away what `intent` revokes, of `request_ids` only; rows changed by table.

        One transaction; a deadlock with live traffic is tried again, up to five times.
        """
        for attempt in range(1, _TRIES + 1):
            try:
                async with (
                    self._pool.acquire() as connection,
                    connection.transaction(),
                ):
                    return await self._once(connection, intent, sorted(request_ids))
            except (DeadlockDetectedError, SerializationError):
                if attempt == _TRIES:
                    raise
                await asyncio.sleep(0.02 * attempt)
        raise AssertionError("unreachable")

    async def _once(self, connection: asyncpg.Connection, intent: Intent, request_ids: list[str]) -> Counter[str]:
        changed: Counter[str] = Counter()
        if intent.kind == "login":
            until = intent.authenticated_before if intent.authenticated_before is not None else intent.at
            tag = await connection.execute(_LOGIN, intent.subject, until)
            changed["hydra_oauth2_authentication_session"] += _count(tag)
            return +changed
        if not request_ids:
            return changed
        statements = dict(_TOKENS[self.schema])
        if intent.kind in _CONSENT_KINDS:
            statements |= _CONSENT[self.schema]
        for table, statement in statements.items():
            changed[table] += _count(await connection.execute(statement, request_ids))
        return +changed

    async def alive(self, intent: Intent, request_ids: Sequence[str], *, codes: bool = False) -> set[str]:
        """Which of `request_ids` still live here as far as `intent` is concerned.

        A consent lives while its row is there; a chain while a token of it is active (or, with `codes`,
        a code that was never redeemed). For a login: {''} while a browser session of then is there.
        """
        if intent.kind == "login":
            until = intent.authenticated_before if intent.authenticated_before is not None else intent.at
            has_any = await self._pool.fetchval(
                f"SELECT EXISTS (SELECT FROM hydra_oauth2_authentication_session WHERE {_LOGIN_WHERE})",
                intent.subject, until)
            return {""} if has_any else set()
        query = _LIVE_TOKENS + (_LIVE_CODES if codes else "")
        if intent.kind in _CONSENT_KINDS:
            query += _LIVE_CONSENTS[self.schema]
        return {row[0] for row in await self._pool.fetch(query, list(request_ids))}

    async def close(self) -> None:
        """Close the connections."""
        await self._pool.close()


def _count(tag: str) -> int:
    """`DELETE 3` → 3."""
    return int(tag.rpartition(" ")[2])
