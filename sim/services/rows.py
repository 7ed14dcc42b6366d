"""Revocation on rows: what Hydra does about a revoked grant, done by request_id.

By request_id and not by token, because the target knows other generations of the chain than
the source did. Everything here may be repeated, and in any order: it only takes away.

- 2.x: rows of the five token tables are deleted; a consent's flow row too.
- 1.x: access tokens are deleted, refresh tokens and codes made inactive, as 1.11.10 does; a
  consent's request row is deleted, which cascades.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import asyncpg
from asyncpg.exceptions import DeadlockDetectedError, SerializationError

from sim.services import planted
from sim.services.grants import Schema
from sim.services.revocations import Intent

_CONSENT_KINDS = ("consent", "subject")
_TRIES = 5
Taken = tuple[Intent, Sequence[str]]
"""A revocation, and those of its grants that it is to take away here."""
TOKEN_TABLES = ("hydra_oauth2_access", "hydra_oauth2_refresh", "hydra_oauth2_code", "hydra_oauth2_pkce",
                "hydra_oauth2_oidc")
"""Those that hold a chain's rows by request_id."""
_NETWORK = "nid = (SELECT id FROM networks ORDER BY created_at LIMIT 1)"  # one per database; 2.x serves the first

TAKE_TOKENS: dict[Schema, dict[str, str]] = {
    "2.x": {table: f"DELETE FROM {table} WHERE request_id = ANY($1) AND {_NETWORK} RETURNING request_id"
            for table in TOKEN_TABLES},
    "1.x": {
        "hydra_oauth2_access": "DELETE FROM hydra_oauth2_access WHERE request_id = ANY($1) RETURNING request_id",
        "hydra_oauth2_refresh": "UPDATE hydra_oauth2_refresh SET active = false WHERE request_id = ANY($1) AND active"
                                " RETURNING request_id",
        "hydra_oauth2_code": "UPDATE hydra_oauth2_code SET active = false WHERE request_id = ANY($1) AND active"
                                " RETURNING request_id",
        "hydra_oauth2_pkce": "DELETE FROM hydra_oauth2_pkce WHERE request_id = ANY($1) RETURNING request_id",
        "hydra_oauth2_oidc": "DELETE FROM hydra_oauth2_oidc WHERE request_id = ANY($1) RETURNING request_id",
    },
}
"""By schema and table: takes away the rows of grants ($1, text[]) and names them."""
_CONSENT: dict[Schema, dict[str, str]] = {
    "2.x": {"hydra_oauth2_flow": f"DELETE FROM hydra_oauth2_flow WHERE consent_challenge_id = ANY($1)"
                             f" AND {_NETWORK} RETURNING consent_challenge_id"},
    "1.x": {"hydra_oauth2_consent_request": "DELETE FROM hydra_oauth2_consent_request WHERE challenge = ANY($1)"
                                            " RETURNING challenge"},
}
_LOGIN_WHERE = "subject = $1 AND authenticated_at <= to_timestamp($2) AT TIME ZONE 'UTC'"
_LOGIN = f"DELETE FROM hydra_oauth2_authentication_session WHERE {_LOGIN_WHERE} RETURNING id"

_LIVE_TOKENS = """
    SELECT request_id FROM hydra_oauth2_access WHERE request_id = ANY($1) AND active
    UNION SELECT request_id FROM hydra_oauth2_refresh WHERE request_id = ANY($1) AND active"""
_REFRESHABLE = "SELECT DISTINCT request_id FROM hydra_oauth2_refresh WHERE request_id = ANY($1) AND active"
_LIVE_CODES = " UNION SELECT request_id FROM hydra_oauth2_code WHERE request_id = ANY($1) AND active"
_LIVE_CONSENTS: dict[Schema, str] = {
    "2.x": "SELECT consent_challenge_id FROM hydra_oauth2_flow WHERE consent_challenge_id = ANY($1)",
    "1.x": "SELECT challenge FROM hydra_oauth2_consent_request WHERE challenge = ANY($1)",
}


class Rows:
    """One side's token and consent rows; `open` it first. Safe for several tasks."""

    def __init__(self, pool: asyncpg.Pool, schema: Schema) -> None:
        self._pool, self.schema = pool, schema

    @classmethod
    async def open(cls, dsn: str, *, connections: int, writing: bool = False) -> Rows:
        """Connect and look which schema it is; raises OSError or asyncpg's errors.

        `writing` lifts a role's read-only default on these connections alone.
        """
        pool = await asyncpg.create_pool(
            dsn, min_size=1, max_size=connections, timeout=5, command_timeout=30,
            server_settings={"default_transaction_read_only": "off"} if writing else None)
        has_flow = await pool.fetchval("SELECT to_regclass('hydra_oauth2_flow') IS NOT NULL")
        return cls(pool, "2.x" if has_flow else "1.x")

    async def revoke(self, taken: Sequence[Taken]) -> dict[str, list[str]]:
        """Take away what several revocations mean; the grants (or '' for a login) changed, by table.

        All together in one transaction, because not every table has an index on request_id in 2.3:
        one by one each grant would cost a scan. A deadlock with live traffic is tried again, up to
        five times.
        """
        for attempt in range(1, _TRIES + 1):
            try:
                async with (
                    self._pool.acquire() as connection,
                    connection.transaction(),
                ):
                    return await self._once(connection, taken)
            except (DeadlockDetectedError, SerializationError):
                if attempt == _TRIES:
                    raise
                await asyncio.sleep(0.02 * attempt)
        raise AssertionError("unreachable")

    async def _once(self, connection: asyncpg.Connection, taken: Sequence[Taken]) -> dict[str, list[str]]:
        changed: dict[str, list[str]] = {}
        for intent, _ in taken:
            if intent.kind == "login":
                gone = await connection.fetch(_LOGIN, intent.subject, _until(intent))
                changed.setdefault("hydra_oauth2_authentication_session", []).extend("" for _ in gone)
        grants, consents = _split(taken)
        for statements, names in ((TAKE_TOKENS, grants), (_CONSENT, consents)):
            for table, statement in statements[self.schema].items() if names else ():
                changed.setdefault(table, []).extend(row[0] for row in await connection.fetch(statement, names))
        return {table: names for table, names in changed.items() if names}

    async def alive(self, taken: Sequence[Taken], *, codes: bool = False) -> set[str]:
        """Which grants of several revocations still live here.

        A consent lives while its row is there; a chain while a token of it is active (or, with `codes`,
        a code that was never redeemed). '' stands for a login whose browser session of then is there.
        """
        found: set[str] = set()
        for intent, _ in taken:
            if intent.kind == "login" and await self._pool.fetchval(
                    f"SELECT EXISTS (SELECT FROM hydra_oauth2_authentication_session WHERE {_LOGIN_WHERE})",
                    intent.subject, _until(intent)):
                found.add("")
        grants, consents = _split(taken)
        if grants:
            found |= {row[0] for row in await self._pool.fetch(_LIVE_TOKENS + (_LIVE_CODES if codes else ""), grants)}
        if consents:
            found |= {row[0] for row in await self._pool.fetch(_LIVE_CONSENTS[self.schema], consents)}
        return found

    async def refreshable(self, names: Sequence[str]) -> set[str]:
        """Which of these grants have a refresh token that is active here."""
        return {row[0] for row in await self._pool.fetch(_REFRESHABLE, list(names))}

    async def close(self) -> None:
        """Close the connections."""
        await self._pool.close()

    def terminate(self) -> None:
        """Drop the connections, at once."""
        self._pool.terminate()


def _until(intent: Intent) -> float:
    return intent.authenticated_before if intent.authenticated_before is not None else intent.at


def _split(taken: Sequence[Taken]) -> tuple[list[str], list[str]]:
    """(grants whose tokens go, those of them whose consent goes too), each sorted."""
    grants = {one for intent, names in taken if intent.kind != "login" for one in names}
    consents = {one for intent, names in taken if intent.kind in _CONSENT_KINDS for one in names}
    return sorted(grants), sorted(consents) if not planted.on("keep-consent") else []
