"""The verify step's questions, answered by key in SQL on both databases.

Rows are read in bulk and compared as sets, so that 200,000 grants take a second, not an hour.
Names in the answers are the history's: a request_id for what was seeded, `n-…` for what was made
in the run; lists of names end at 1,000, counts never. `alive` is a grant with an active refresh,
access or code row.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Mapping
from contextlib import AsyncExitStack
from typing import Any

from sim.errors import StepFailed
from sim.rigs.real.copying import Copying
from sim.rigs.real.databases import Connection, database, has_table
from sim.rigs.real.engines.engine import Engine
from sim.rigs.real.migration import Migration
from sim.rigs.real.queueing import count_messages
from sim.rigs.real.remembering import COUNTERS
from sim.rigs.real.repair import USABLE
from sim.rigs.real.secrets import Secrets

NAMED = 1000

_TOKENS = ("refresh", "access", "code")
_ALIVE = " UNION ".join(f"SELECT request_id FROM hydra_oauth2_{t} WHERE active" for t in _TOKENS)
_KNOWN = " UNION ALL ".join(f"SELECT request_id FROM hydra_oauth2_{t} WHERE request_id = ANY($1)" for t in _TOKENS)
_OF_GRANTS = " UNION ALL ".join(
    f"SELECT '{t}' AS kind, request_id FROM hydra_oauth2_{t} WHERE active AND request_id = ANY($1)" for t in _TOKENS)
# A service's own token has no consent, hence no challenge; an unredeemed code is a login in flight.
_GRANTED = " UNION ".join(f"SELECT request_id FROM hydra_oauth2_{t} WHERE active AND challenge_id IS NOT NULL"
                          for t in ("refresh", "access"))
_NAMED_BLUE = " UNION ALL ".join(f"SELECT signature, request_id FROM hydra_oauth2_{t} WHERE signature = ANY($1)"
                                 for t in ("refresh", "access"))
_NAMED_GREEN = "SELECT signature, request_id FROM hydra_oauth2_refresh WHERE signature = ANY($1)"
_NAMED_COPY = "SELECT signature, request_id FROM rehearsal.chain WHERE signature = ANY($1)"
_CONSENTS = f"""
    SELECT c.challenge, coalesce({USABLE} AND f.consent_remember
             AND f.granted_scope = to_jsonb(string_to_array(c.granted_scope, '|')), false) AS usable
      FROM rehearsal.consent c LEFT JOIN hydra_oauth2_flow f ON f.consent_challenge_id = c.challenge
     WHERE c.remembered"""

Answer = dict[str, Any]


_WITH_OTHERS = """
    SELECT challenge FROM rehearsal.consent
     WHERE challenge = ANY($1) AND (subject = ANY($4)
           OR EXISTS (SELECT FROM unnest($2::text[], $3::text[]) AS o(subject, client)
                       WHERE o.subject = consent.subject AND o.client = consent.client_id))"""


class Verification:
    """Answers `measure`; `copying` holds the comparison of the copy, if ours made it."""

    def __init__(self, engine: Engine, secrets: Secrets, copying: Copying | None = None) -> None:
        self._engine, self._secrets = engine, secrets
        self._copying = copying or Copying(engine, secrets)
        self._migration = Migration(engine, secrets)
        self._names: dict[str, str] = {}
        """request_id → the history's name, of grants made in the run."""

    async def measure(self, question: str, arguments: Mapping[str, Any]) -> Answer:
        """One question of COMMON's verify ops, by name. Raises StepFailed if it can't be answered.

        equality {} → {tables, keys, different} · migrations {} → {expected, applied, missing, unexpected}
        oracle {when, signatures} → {gone: [grant], inactive: [grant], gone_count, inactive_count, alive}
        revoked_rows {grants, consents, signatures} → {checked, alive: {grant: [table…]}, alive_count}
        lost_grants {signatures} → {count, grants, service_tokens, codes}
        lost_chains {signatures} → {count, total, grants}
        consents {revoked, owners: [(subject, client)], subjects}
            → {at_snapshot, revoked, present, missing_count, missing}
        database {} → {rows_updated, rows_inserted, rows_deleted, temp_bytes, commits, size_bytes}
        browser_sessions {} → {count} · queue {} → {messages, intents, outcomes}
        """
        answers: dict[str, Callable[[Mapping[str, Any]], Awaitable[Answer]]] = {
            "equality": self._equality, "migrations": self._migrations, "oracle": self._oracle,
            "revoked_rows": self._revoked_rows, "lost_grants": self._lost_grants,
            "lost_chains": self._lost_chains, "consents": self._consents, "database": self._database,
            "browser_sessions": self._browser_sessions, "queue": self._queue}
        if question not in answers:
            raise StepFailed(f"nobody knows how to measure {question!r}", where="verify", seen=", ".join(answers))
        return await answers[question](arguments)

    async def named(self, answer: Answer, arguments: Mapping[str, Any]) -> Answer:
        """An answer whose `grants` are request_ids, with the history's names instead."""
        async with AsyncExitStack() as stack:
            blue, green = await self._both(stack)
            await self._learn(blue, green, arguments)
        return {**answer, "grants": self._cut(answer["grants"])}

    async def _equality(self, _: Mapping[str, Any]) -> Answer:
        return self._copying.equality()

    async def _migrations(self, _: Mapping[str, Any]) -> Answer:
        return await self._migration.listed()

    async def _oracle(self, arguments: Mapping[str, Any]) -> Answer:
        """Alive on green, from the copy, and dead on blue: what a replay has to end, and its proof."""
        async with AsyncExitStack() as stack:
            blue, green = await self._both(stack)
            await self._learn(blue, green, arguments)
            copied = "SELECT a.request_id FROM ({}) a JOIN rehearsal.grant g USING (request_id)"
            remembered = await has_table(green, "rehearsal.grant")
            alive = await _ids(green, copied.format(_ALIVE) if remembered else _ALIVE)
            dead = alive - await _ids(blue, _ALIVE)
            inactive = await _ids(blue, _KNOWN, list(dead)) if dead else set()
        gone = dead - inactive
        return {"gone": self._cut(gone), "inactive": self._cut(inactive), "gone_count": len(gone),
                "inactive_count": len(inactive), "alive": len(alive)}

    async def _revoked_rows(self, arguments: Mapping[str, Any]) -> Answer:
        """Which acknowledged revocations have an active row left on green."""
        grants, consents = list(arguments.get("grants", ())), list(arguments.get("consents", ()))
        alive: dict[str, set[str]] = {}
        async with AsyncExitStack() as stack:
            blue, green = await self._both(stack)
            await self._learn(blue, green, arguments)
            for kind, request_id in await green.fetch(_OF_GRANTS, self._ids_of(grants)):
                alive.setdefault(self._name(request_id), set()).add(kind)
            for (request_id,) in await green.fetch(await _standing(green), self._ids_of(consents)):
                alive.setdefault(self._name(request_id), set()).add("flow")
        named = {grant: sorted(alive[grant]) for grant in sorted(alive)[:NAMED]}
        return {"checked": len({*grants, *consents}), "alive": named, "alive_count": len(alive)}

    async def _lost_grants(self, arguments: Mapping[str, Any]) -> Answer:
        """Alive on blue, never on green. Services' tokens and unredeemed codes are counted apart."""
        async with AsyncExitStack() as stack:
            blue, green = await self._both(stack)
            await self._learn(blue, green, arguments)
            known = await self._copied(green)
            granted, alive = await _ids(blue, _GRANTED), await _ids(blue, _ALIVE)
            services = await _ids(
                blue, "SELECT request_id FROM hydra_oauth2_access WHERE active AND challenge_id IS NULL")
        lost = granted - known
        codes = alive - granted - services - known
        return {"count": len(lost), "grants": self._cut(lost), "service_tokens": len(services - known),
                "codes": len(codes)}

    async def _lost_chains(self, arguments: Mapping[str, Any]) -> Answer:
        """Alive on blue, copied, but with a refresh token that the copy does not hold."""
        async with AsyncExitStack() as stack:
            blue, green = await self._both(stack)
            await self._learn(blue, green, arguments)
            known = await self._copied(green)
            table = "rehearsal.chain" if await has_table(green, "rehearsal.chain") else "hydra_oauth2_refresh"
            signatures = await _ids(green, f"SELECT signature FROM {table}")
            live = await blue.fetch("SELECT signature, request_id FROM hydra_oauth2_refresh WHERE active")
        lost = {request_id for signature, request_id in live if signature not in signatures} & known
        return {"count": len(lost), "total": len({request_id for _, request_id in live}), "grants": self._cut(lost)}

    async def _consents(self, arguments: Mapping[str, Any]) -> Answer:
        """Remembered consents of the copy: usable on green, revoked since, or missing."""
        revoked = set(self._ids_of(arguments.get("revoked", ())))
        async with AsyncExitStack() as stack:
            blue, green = await self._both(stack)
            if not await has_table(green, "rehearsal.consent"):
                raise StepFailed("the consents of the copy were not written down", where="verify",
                                 todo="the built-in copy, cleanup and migrate write them down")
            rows = await green.fetch(_CONSENTS)
            usable = {challenge for challenge, good in rows if good} - revoked
            missing = {challenge for challenge, good in rows if not good} - revoked
            # Taken back on blue by whatever way: then green must not have it either.
            there = missing
            if missing and await has_table(blue, "hydra_oauth2_consent_request_handled"):
                there = await _ids(blue, "SELECT challenge FROM hydra_oauth2_consent_request_handled "
                                         "WHERE challenge = ANY($1)", list(missing))
            # Taken back on green with everything of that client, or of that subject: also what no revocation
            # names, such as the consent of a grant whose token had been revoked before.
            gone = await _ids(green, _WITH_OTHERS, list(missing), [s for s, _ in arguments.get("owners", ())],
                              [c for _, c in arguments.get("owners", ())], list(arguments.get("subjects", ())))
        missing = (missing & there) - gone
        return {"at_snapshot": len(rows), "revoked": len(rows) - len(usable) - len(missing),
                "present": len(usable), "missing_count": len(missing), "missing": self._cut(missing)}

    async def _database(self, _: Mapping[str, Any]) -> Answer:
        """What green's database did since it was copied."""
        async with database(self._engine, self._secrets, "green") as green:
            now = dict(await green.fetchrow(COUNTERS))
            then: dict[str, Any] = {}
            if await has_table(green, "rehearsal.before"):
                then = dict(await green.fetchrow("SELECT * FROM rehearsal.before"))
            size = int(await green.fetchval("SELECT pg_database_size(current_database())"))
        return {**{key: int(value) - int(then.get(key, 0)) for key, value in now.items()}, "size_bytes": size}

    async def _browser_sessions(self, _: Mapping[str, Any]) -> Answer:
        """Remembered login sessions on blue: each is a cookie that green does not know."""
        async with database(self._engine, self._secrets, "blue") as blue:
            count = await blue.fetchval("SELECT count(*) FROM hydra_oauth2_authentication_session WHERE remember")
        return {"count": int(count)}

    async def _queue(self, _: Mapping[str, Any]) -> Answer:
        return await count_messages(*self._engine.direct("queue", "nats"))

    async def _both(self, stack: AsyncExitStack) -> tuple[Connection, Connection]:
        blue = await stack.enter_async_context(database(self._engine, self._secrets, "blue"))
        return blue, await stack.enter_async_context(database(self._engine, self._secrets, "green"))

    async def _learn(self, blue: Connection, green: Connection, arguments: Mapping[str, Any]) -> None:
        """Which request_ids the grants made in the run have; they are known by their tokens' signatures."""
        signatures: Mapping[str, str] = arguments.get("signatures") or {}
        if not signatures:
            return
        asked = list(signatures)
        rows = [*await blue.fetch(_NAMED_BLUE, asked), *await green.fetch(_NAMED_GREEN, asked)]
        if await has_table(green, "rehearsal.chain"):
            rows += await green.fetch(_NAMED_COPY, asked)
        self._names.update((request_id, signatures[signature]) for signature, request_id in rows)

    async def _copied(self, green: Connection) -> set[str]:
        """request_ids that the copy held."""
        if await has_table(green, "rehearsal.grant"):
            return await _ids(green, "SELECT request_id FROM rehearsal.grant")
        return await _ids(green, " UNION ".join(f"SELECT request_id FROM hydra_oauth2_{t}" for t in _TOKENS))

    def _name(self, request_id: str) -> str:
        return self._names.get(request_id, request_id)

    def _ids_of(self, names: Iterable[str]) -> list[str]:
        wanted = set(names)
        made = {request_id for request_id, name in self._names.items() if name in wanted}
        return list(made | wanted)

    def _cut(self, request_ids: Iterable[str]) -> list[str]:
        return sorted(map(self._name, request_ids))[:NAMED]


async def _standing(green: Connection) -> str:
    """The query of consents that stand, in the words of green's own version."""
    if await has_table(green, "hydra_oauth2_flow"):
        return ("SELECT consent_challenge_id FROM hydra_oauth2_flow WHERE state = 6 "
                "AND consent_challenge_id = ANY($1)")
    return "SELECT challenge FROM hydra_oauth2_consent_request_handled WHERE challenge = ANY($1)"


async def _ids(connection: Connection, query: str, *arguments: Any) -> set[str]:
    return {row[0] for row in await connection.fetch(query, *arguments)}
