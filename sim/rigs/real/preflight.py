"""Rows of 1.x that the migration to 2.x trips on, by class: how each is found, and what it would do.

Found before the migration they can be mended; after a failure the same queries name the culprits.
Every class but three aborts a file; the three lose consents without a word.
"""

from __future__ import annotations

from collections.abc import Callable

import msgspec

from sim.rigs.real.databases import Connection, has_table

MERGE = "20211019000001000001"
"""The file that merges four consent tables into hydra_oauth2_flow."""
MERGE_KEYS = "20211019000001000002"
"""The file that builds its unique keys."""
CLIENT_LISTS = "20220513000001000002"
FLOW_LISTS = "20220513000001000007"
"""The files that make `a|b` a JSON array by replacing text."""

PREPARE = r"""
    CREATE SCHEMA IF NOT EXISTS rehearsal;
    CREATE TABLE IF NOT EXISTS rehearsal.rehearsal_set_aside (
        n bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, class text NOT NULL, table_name text NOT NULL,
        key text NOT NULL, action text NOT NULL CHECK (action IN ('mended', 'set_aside', 'stand_in')), before jsonb);
    CREATE OR REPLACE FUNCTION rehearsal.is_json(text) RETURNS boolean LANGUAGE plpgsql IMMUTABLE AS $$
    BEGIN PERFORM $1::jsonb; RETURN true; EXCEPTION WHEN OTHERS THEN RETURN false; END $$;
    CREATE OR REPLACE FUNCTION rehearsal.escaped(text) RETURNS text LANGUAGE sql IMMUTABLE AS $$
    SELECT substr(j, 2, length(j) - 2) FROM to_json($1) AS t(v), LATERAL (SELECT v::text AS j) s $$;"""
"""What was changed is kept in rehearsal_set_aside: `before` is the row as it was, a stand-in had none.
`escaped` is a text as it stands between the quotes of a JSON string; `|` stays. What is nested too deep
for the parser is no JSON to the migration either, so every error counts."""


class Column(msgspec.Struct, frozen=True):
    """A text column of a table, and the table's key."""

    table: str
    key: str
    column: str


class Row(msgspec.Struct, frozen=True):
    """One odd row."""

    table: str
    key: str
    why: str


class OddRows(msgspec.Struct, frozen=True):
    """A class of odd rows; `find` is SQL that yields (table_name, key, why), of rows not mended yet."""

    name: str
    find: str
    version: str | None
    """The migration that aborts because of it; None: it goes through and loses the consent."""
    sqlstate: str
    aborts: str = ""
    """The narrower SQL for those that would still abort (a list may only come out changed); "" = `find`."""


CONSENTS = """hydra_oauth2_consent_request r
      LEFT JOIN hydra_oauth2_consent_request_handled h ON h.challenge = r.challenge
      LEFT JOIN hydra_oauth2_authentication_request a ON a.challenge = r.login_challenge
      LEFT JOIN hydra_oauth2_authentication_request_handled l ON l.challenge = a.challenge"""
"""Consent, its answer, its login, the login's answer."""

SHARED = """SELECT r.challenge, h.challenge IS NOT NULL AS answered, row_number() OVER (
           PARTITION BY r.login_challenge
           ORDER BY h.was_used DESC NULLS LAST, h.challenge IS NULL, r.requested_at, r.challenge) AS place
      FROM hydra_oauth2_consent_request r
      LEFT JOIN hydra_oauth2_consent_request_handled h ON h.challenge = r.challenge
     WHERE r.login_challenge IN (SELECT login_challenge FROM hydra_oauth2_consent_request
                                  WHERE login_challenge IS NOT NULL GROUP BY 1 HAVING count(*) > 1)"""
"""Consents that share a login; place 1 keeps it: the one that was used."""

JSON_COLUMNS = (
    Column("hydra_oauth2_authentication_request", "challenge", "oidc_context"),
    Column("hydra_oauth2_authentication_request_handled", "challenge", "context"),
    Column("hydra_oauth2_consent_request_handled", "challenge", "session_access_token"),
    Column("hydra_oauth2_consent_request_handled", "challenge", "session_id_token"),
)
CLIENT_COLUMNS = tuple(Column("hydra_client", "id", name) for name in (
    "redirect_uris", "grant_types", "response_types", "audience", "allowed_cors_origins", "contacts", "request_uris",
    "post_logout_redirect_uris"))
FLOW_COLUMNS = (
    Column("hydra_oauth2_authentication_request", "challenge", "requested_scope"),
    Column("hydra_oauth2_authentication_request", "challenge", "requested_at_audience"),
    Column("hydra_oauth2_authentication_request_handled", "challenge", "amr"),
    Column("hydra_oauth2_consent_request_handled", "challenge", "granted_scope"),
    Column("hydra_oauth2_consent_request_handled", "challenge", "granted_at_audience"),
)
_MERGED_COLUMNS = tuple(Column("hydra_oauth2_flow", "login_challenge", c.column) for c in FLOW_COLUMNS)


def is_broken_json(column: Column) -> str:
    """SQL: the column can not be cast to jsonb."""
    # '{}' is what nearly every row has; only the rest is worth a call.
    return f"{column.column} <> '{{}}' AND NOT rehearsal.is_json({column.column})"


def is_unsafe_list(column: Column) -> str:
    """SQL: the text has a character that would break or change the JSON array made of it."""
    return column.column + r""" ~ '["\\\u0001-\u001f]'"""


def is_unmended_list(column: Column) -> str:
    """SQL: such a list, and not mended by us."""
    # A mended list has such characters too, escaped; mended again it would be wrong.
    return (f"{is_unsafe_list(column)} AND NOT EXISTS (SELECT FROM rehearsal.rehearsal_set_aside s "
            f"WHERE s.action = 'mended' AND s.class IN ('client_list', 'flow_list') "
            f"AND s.table_name = '{column.table}' AND s.key = {column.key}::text)")


def _aborting(column: Column) -> str:
    return (f"{is_unsafe_list(column)} AND NOT rehearsal.is_json("
            f"""'["' || replace({column.column}, '|', '","') || '"]')""")


def _lists(columns: tuple[Column, ...], condition: Callable[[Column], str]) -> str:
    return " UNION ALL ".join(
        f"SELECT '{c.table}', {c.key}::text, '{c.column} holds a quote, a backslash or a control character' "
        f"FROM {c.table} WHERE {condition(c)}" for c in columns)


UNANSWERED_CONSENT = OddRows(
    "unanswered_consent",
    f"""SELECT 'hydra_oauth2_consent_request', r.challenge, 'neither it nor its login was answered' FROM {CONSENTS}
         WHERE a.challenge IS NOT NULL AND l.challenge IS NULL AND h.challenge IS NULL""", MERGE, "23514")
UNANSWERED_LOGIN = OddRows(
    "unanswered_login",
    f"""SELECT 'hydra_oauth2_consent_request', r.challenge, 'granted, but the answer to its login is gone'
          FROM {CONSENTS}
         WHERE a.challenge IS NOT NULL AND l.challenge IS NULL AND h.error = '{{}}'""", None, "")
SHARED_LOGIN = OddRows(
    "shared_login",
    f"""SELECT 'hydra_oauth2_consent_request', challenge, 'another consent has the same login'
          FROM ({SHARED}) s WHERE place > 1""", MERGE_KEYS, "23505")
LOST_LOGIN = OddRows(
    "lost_login",
    f"""SELECT 'hydra_oauth2_consent_request', r.challenge, 'its login was deleted (logout, revocation)'
          FROM {CONSENTS} WHERE a.challenge IS NULL AND h.challenge IS NOT NULL""", None, "")
FORGOTTEN_CONSENT = OddRows(
    "forgotten_consent",
    f"""SELECT 'hydra_oauth2_consent_request', r.challenge, 'nobody answered it, and its login was deleted'
          FROM {CONSENTS} WHERE a.challenge IS NULL AND h.challenge IS NULL""", None, "")
BROKEN_JSON = OddRows(
    "broken_json",
    " UNION ALL ".join(f"SELECT '{c.table}', {c.key}::text, '{c.column} is empty or no JSON' FROM {c.table} "
                       f"WHERE {is_broken_json(c)}" for c in JSON_COLUMNS), MERGE, "22P02")
CLIENT_LIST = OddRows("client_list", _lists(CLIENT_COLUMNS, is_unmended_list), CLIENT_LISTS, "22P02",
                      _lists(CLIENT_COLUMNS, _aborting))
FLOW_LIST = OddRows("flow_list", _lists(FLOW_COLUMNS, is_unmended_list), FLOW_LISTS, "22P02",
                    _lists(FLOW_COLUMNS, _aborting))

CLASSES = (UNANSWERED_CONSENT, UNANSWERED_LOGIN, SHARED_LOGIN, LOST_LOGIN, FORGOTTEN_CONSENT, BROKEN_JSON,
           CLIENT_LIST, FLOW_LIST)
"""In the order in which they are mended: stand-in logins come before what reads logins."""


async def find(connection: Connection, odd: OddRows) -> list[Row]:
    """The rows of one class that are not mended yet, on a database of 1.x; `PREPARE` must have run."""
    return [Row(*found) for found in await connection.fetch(odd.find)]


async def find_left(connection: Connection, odd: OddRows) -> list[Row]:
    """The rows of one class that would still break the migration, whoever mended the others."""
    return [Row(*found) for found in await connection.fetch(odd.aborts or odd.find)]


async def find_culprits(connection: Connection, version: str) -> list[Row]:
    """Rows that make the migration `version` abort, on a green where it just did; [] if none is known."""
    await connection.execute(PREPARE)
    rows: list[Row] = []
    for odd in CLASSES:
        if odd.version != version:
            continue
        merged = odd is FLOW_LIST and not await has_table(connection, "hydra_oauth2_consent_request")
        query = _lists(_MERGED_COLUMNS, _aborting) if merged else odd.aborts or odd.find
        rows += [Row(*found) for found in await connection.fetch(query)]
    return rows
