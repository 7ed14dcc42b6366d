"""What the copy held, kept on green in a schema of our own before anything changes it.

The migration drops the tables that know a consent's subject, the traffic goes on, the replay
deletes rows: what was copied can be told afterwards only if it was written down. The schema
`rehearsal` goes with green's database.

    rehearsal.consent  challenge, subject, client_id, granted_scope, remembered:
                       consents that were answered with yes, used and free of error
    rehearsal.grant    request_id, owned (it belongs to a consent), alive (an active refresh,
                       access or code row)
    rehearsal.chain    signature, request_id: refresh tokens, of every generation
    rehearsal.before   the database's counters when the copy was done
    rehearsal.copied   tab, key: every row of the copy (`key_of` says by which columns)
    rehearsal.object   name, definition: tables, columns, indexes and constraints
"""

from __future__ import annotations

from sim.rigs.real.accounting import remember_keys
from sim.rigs.real.databases import Connection, has_table
from sim.rigs.real.fresh import remember_objects

SCHEMA = "rehearsal"

_SCHEMA_1X = "hydra_oauth2_consent_request"

_CONSENTS = """
    CREATE TABLE rehearsal.consent AS
    SELECT r.challenge, r.subject, r.client_id, h.granted_scope, h.remember AND NOT r.skip AS remembered
      FROM hydra_oauth2_consent_request r
      JOIN hydra_oauth2_consent_request_handled h ON h.challenge = r.challenge
     WHERE h.was_used AND h.error = '{}'"""

_GRANTS = """
    CREATE TABLE rehearsal.grant AS
    SELECT request_id, bool_or(challenge_id IS NOT NULL) AS owned, bool_or(active) AS alive
      FROM (SELECT request_id, challenge_id, active FROM hydra_oauth2_refresh
            UNION ALL SELECT request_id, challenge_id, active FROM hydra_oauth2_access
            UNION ALL SELECT request_id, challenge_id, active FROM hydra_oauth2_code) rows
     GROUP BY request_id"""

_CHAINS = "CREATE TABLE rehearsal.chain AS SELECT signature, request_id FROM hydra_oauth2_refresh"

COUNTERS = """
    SELECT tup_updated AS rows_updated, tup_inserted AS rows_inserted, tup_deleted AS rows_deleted,
           temp_bytes, xact_commit AS commits
      FROM pg_stat_database WHERE datname = current_database()"""
"""The database's counters since its creation."""


async def remember_copy(connection: Connection) -> bool:
    """Write down what green's database holds, once, before the migration.

    `connection` is a superuser's on green. Returns False if it was written down before;
    False too, and nothing is written, if the tables of 1.x are gone already.
    """
    if await has_table(connection, "rehearsal.consent") or not await has_table(connection, _SCHEMA_1X):
        return False
    async with connection.transaction():
        await connection.execute(f"CREATE SCHEMA IF NOT EXISTS {SCHEMA}")
        await connection.execute(_CONSENTS)
        await connection.execute(_GRANTS)
        await connection.execute(_CHAINS)
        await connection.execute("ALTER TABLE rehearsal.consent ADD PRIMARY KEY (challenge)")
        await connection.execute("ALTER TABLE rehearsal.grant ADD PRIMARY KEY (request_id)")
        await connection.execute("ALTER TABLE rehearsal.chain ADD PRIMARY KEY (signature)")
        await remember_keys(connection)
        await remember_objects(connection)
        await connection.execute(f"CREATE TABLE rehearsal.before AS {COUNTERS}")
    for table in ("consent", "grant", "chain"):
        await connection.execute(f"ANALYZE rehearsal.{table}")
    return True
