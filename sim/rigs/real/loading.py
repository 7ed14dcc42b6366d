"""Bulk load of a population into an empty schema of a Hydra 1.x.

Sealing and signing is most of the work, so worker processes write COPY text and this process
only passes it on, a bounded number of pieces at a time. Indexes and constraints are dropped
first and made again at the end, which also proves every foreign key of what was written. All
of it is one transaction: a load that fails leaves nothing.
"""

from __future__ import annotations

import asyncio
import os
import signal
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from functools import partial
from io import BytesIO
from multiprocessing import get_context
from typing import Any, Final

from sim.rigs.real.rows import COLUMNS, Moment, Rows
from sim.rigs.rig import Client, Progress
from sim.traffic.minting import Minter, signature
from sim.traffic.population import Population

PIECE: Final = 1000
"""Grants a piece: some 8 MB of text. Measured with rows.py: 7.5 kB a grant."""
MOST_WORKERS: Final = 4
"""Assumption: Postgres itself takes no more than that many can write."""

_DEFINITIONS = """
SELECT 'constraint' AS what, conrelid::regclass::text AS table, conname AS name, contype::text AS type,
       pg_get_constraintdef(oid) AS definition
FROM pg_constraint WHERE conrelid = ANY($1::regclass[]) AND contype IN ('p', 'u', 'f')
UNION ALL
SELECT 'index', i.indrelid::regclass::text, c.relname, 'i', pg_get_indexdef(i.indexrelid)
FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid
WHERE i.indrelid = ANY($1::regclass[])
  AND NOT EXISTS (SELECT FROM pg_constraint WHERE conindid = i.indexrelid AND contype IN ('p', 'u'))"""


async def load(connection: Any, population: Population, minter: Minter, moment: Moment, *, hash_cost: int,
               progress: Progress) -> dict[str, Any]:
    """Replace everything by the population; returns {rows: {table: n}, copy_s, index_s, bytes}.

    `connection` is an asyncpg connection of the superuser. Raises asyncpg's errors.
    """
    began = time.monotonic()
    rows: dict[str, int] = {}
    size_bytes = 0
    async with connection.transaction():
        await connection.execute("SET LOCAL maintenance_work_mem = '256MB'")
        definitions = [dict(row) for row in await connection.fetch(_DEFINITIONS, list(COLUMNS))]
        for one in sorted(definitions, key=lambda one: one["type"] != "f"):
            await connection.execute(
                f'ALTER TABLE {one["table"]} DROP CONSTRAINT "{one["name"]}"' if one["what"] == "constraint"
                else f'DROP INDEX "{one["name"]}"')
        # New files for the tables: with wal_level = minimal what goes into them is not logged.
        await connection.execute(f"TRUNCATE {', '.join(COLUMNS)}")
        rows["hydra_client"] = await _load_clients(connection, population, minter, hash_cost, moment)
        async for done, pieces in _pieces(population, minter, moment):
            for table, text in pieces.items():
                tag = await connection.copy_to_table(
                    table, source=BytesIO(text), columns=COLUMNS[table].split(), format="text")
                rows[table] = rows.get(table, 0) + int(tag.split()[-1])
                size_bytes += len(text)
            progress({"now": "load", "done": done, "total": len(population.grants)})
        copied_s = time.monotonic() - began
        progress({"now": "indexes", "done": len(population.grants), "total": len(population.grants)})
        for one in sorted(definitions, key=lambda one: "puif".index(one["type"])):
            await connection.execute(
                f'ALTER TABLE {one["table"]} ADD CONSTRAINT "{one["name"]}" {one["definition"]}'
                if one["what"] == "constraint" else one["definition"])
    return {"rows": rows, "bytes": size_bytes, "copy_s": round(copied_s, 3),
            "index_s": round(time.monotonic() - began - copied_s, 3)}


async def _load_clients(connection: Any, population: Population, minter: Minter, hash_cost: int,
                        moment: Moment) -> int:
    hashes = await asyncio.to_thread(_hashes, population.clients, hash_cost)
    # The last one, of dynamic registration, came with 1.11.
    columns = _CLIENT_COLUMNS[:-1] if moment.is_early else _CLIENT_COLUMNS
    await connection.copy_records_to_table("hydra_client", columns=list(columns), records=[
        _client_row(client, hashed, minter)[:len(columns)]
        for client, hashed in zip(population.clients, hashes, strict=True)])
    return len(population.clients)


_CLIENT_COLUMNS = (
    "id", "client_name", "client_secret", "redirect_uris", "grant_types", "response_types", "scope", "owner",
    "policy_uri", "tos_uri", "client_uri", "logo_uri", "contacts", "sector_identifier_uri", "jwks", "jwks_uri",
    "request_uris", "token_endpoint_auth_method", "userinfo_signed_response_alg", "subject_type",
    "allowed_cors_origins", "audience", "metadata", "registration_access_token_signature")


def _client_row(client: Client, hashed: str, minter: Minter) -> tuple[str, ...]:
    service = client.kind == "service"
    return (client.client_id, f"{client.kind} {client.client_id}", hashed, client.redirect_uri,
            "client_credentials" if service else "authorization_code|refresh_token",
            "token" if service else "code", client.scope, "", "", "", "", "", "", "", "{}", "", "",
            "client_secret_basic" if client.secret else "none", "none", "public", "", "", "{}",
            signature(minter.token(f"registration|{client.client_id}")))


def _hashes(clients: list[Client], cost: int) -> list[str]:
    """bcrypt as Hydra 1.x stores it; a public client has the hash of a secret nobody knows."""
    import bcrypt

    return [bcrypt.hashpw((client.secret or os.urandom(16).hex()).encode(), bcrypt.gensalt(cost, b"2a")).decode()
            for client in clients]


async def _pieces(population: Population, minter: Minter, moment: Moment) -> Any:
    """(grants done, {table: COPY text}) of every piece, in order, made ahead by a few."""
    workers = min(os.cpu_count() or 1, MOST_WORKERS)
    pool = ProcessPoolExecutor(workers, mp_context=get_context("spawn"), initializer=_begin,
                               initargs=(population, minter, moment))
    ahead: list[tuple[int, Future[dict[str, bytes]]]] = []
    work = _work(population)
    try:
        while True:
            while len(ahead) <= workers and (task := next(work, None)) is not None:
                ahead.append((task[0], pool.submit(task[1])))
            if not ahead:
                return
            done, future = ahead.pop(0)
            yield done, await asyncio.wrap_future(future)
    finally:
        pool.shutdown(wait=False, cancel_futures=True)


def _work(population: Population) -> Iterator[tuple[int, Callable[[], dict[str, bytes]]]]:
    total = len(population.grants)
    for begin in range(0, total, PIECE):
        end = min(begin + PIECE, total)
        yield end, partial(_chunk, begin, end)
    for begin in range(0, population.service_tokens, PIECE):
        yield total, partial(_services, begin, min(begin + PIECE, population.service_tokens))


_rows: Rows | None = None
"""A worker's own; set once when it begins."""


def _begin(population: Population, minter: Minter, moment: Moment) -> None:
    global _rows
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the harness's, which ends its workers
    _rows = Rows(population, minter, moment)


def _chunk(begin: int, end: int) -> dict[str, bytes]:
    assert _rows is not None
    return _rows.chunk(begin, end)


def _services(begin: int, end: int) -> dict[str, bytes]:
    assert _rows is not None
    return _rows.services(begin, end)
