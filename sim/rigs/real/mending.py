"""The SQL that mends each class of odd rows, keeping what was there.

Lists are escaped so that the migration's text replacement yields exactly the old values; a
consent without a login of its own gets a stand-in login, answered and used, so that the merge
finds it; what nobody ever answered is set aside, for nothing can come of it any more.
"""

from __future__ import annotations

from sim.rigs.real.preflight import (
    CLIENT_COLUMNS,
    CONSENTS,
    FLOW_COLUMNS,
    JSON_COLUMNS,
    SHARED,
    Column,
    is_broken_json,
    is_unsafe_list,
)

SET_ASIDE = """
    CREATE TABLE IF NOT EXISTS rehearsal.rehearsal_set_aside (
        n bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, class text NOT NULL, table_name text NOT NULL,
        key text NOT NULL, action text NOT NULL CHECK (action IN ('mended', 'set_aside', 'stand_in')), before jsonb)"""
"""`before` is the row as it was; a stand-in had none."""

_KEEP = "INSERT INTO rehearsal.rehearsal_set_aside (class, table_name, key, action, before)"
_CONSENT = "hydra_oauth2_consent_request"
_LOGIN = "hydra_oauth2_authentication_request"
_ANSWER = "hydra_oauth2_authentication_request_handled"


def _set_aside(name: str, challenges: str) -> str:
    """Take unanswered consents out; `challenges` yields their keys."""
    return f"""WITH gone AS (DELETE FROM {_CONSENT} t WHERE t.challenge IN ({challenges}) RETURNING t.*)
        {_KEEP} SELECT '{name}', '{_CONSENT}', challenge, 'set_aside', to_jsonb(gone) FROM gone"""


def _answer(name: str, consents: str, login: str) -> list[str]:
    """Give logins an answer; `consents` yields consent keys, `login` is SQL of r for the login's key."""
    return [f"""WITH made AS (
            INSERT INTO {_ANSWER} (challenge, subject, remember, remember_for, error, acr, requested_at,
                                   authenticated_at, was_used, forced_subject_identifier, context, amr)
            SELECT {login}, r.subject, false, 0, '{{}}', coalesce(r.acr, ''), r.requested_at, r.authenticated_at, true,
                   coalesce(r.forced_subject_identifier, ''), '{{}}', r.amr
              FROM {_CONSENT} r WHERE r.challenge IN ({consents})
            ON CONFLICT (challenge) DO NOTHING RETURNING challenge)
        {_KEEP} SELECT '{name}', '{_ANSWER}', challenge, 'stand_in', NULL FROM made"""]


def _stand_in(name: str, consents: str) -> list[str]:
    """Give consents a login of their own, answered and used."""
    login = "md5('rehearsal login ' || r.challenge)"
    return [
        # The keys first: each statement below changes what the query would find.
        f"CREATE TEMP TABLE orphan ON COMMIT DROP AS {consents}",
        f"""WITH made AS (
            INSERT INTO {_LOGIN} (challenge, requested_scope, verifier, csrf, subject, request_url, skip, client_id,
                                  requested_at, authenticated_at, oidc_context, login_session_id,
                                  requested_at_audience)
            SELECT {login}, r.requested_scope, md5('rehearsal verifier ' || r.challenge),
                   md5('rehearsal csrf ' || r.challenge), r.subject, r.request_url, false, r.client_id,
                   r.requested_at, r.authenticated_at, r.oidc_context, r.login_session_id, r.requested_at_audience
              FROM {_CONSENT} r JOIN orphan USING (challenge) RETURNING challenge)
        {_KEEP} SELECT '{name}', '{_LOGIN}', challenge, 'stand_in', NULL FROM made""",
        *_answer(name, "SELECT challenge FROM orphan", login),
        f"{_KEEP} SELECT '{name}', '{_CONSENT}', challenge, 'mended', to_jsonb(r) FROM {_CONSENT} r "
        f"JOIN orphan USING (challenge)",
        f"UPDATE {_CONSENT} r SET login_challenge = {login} FROM orphan o WHERE o.challenge = r.challenge",
        "DROP TABLE orphan",
    ]


def _mend_columns(name: str, columns: tuple[Column, ...], wrong: dict[str, str], right: dict[str, str]) -> list[str]:
    """Replace `wrong` values (SQL conditions by column) by `right` ones, a table at a time."""
    statements = []
    for table in dict.fromkeys(c.table for c in columns):
        own = [c for c in columns if c.table == table]
        where = " OR ".join(f"({wrong[c.column]})" for c in own)
        values = ", ".join(f"{c.column} = CASE WHEN {wrong[c.column]} THEN {right[c.column]} ELSE {c.column} END"
                           for c in own)
        statements += [
            f"{_KEEP} SELECT '{name}', '{table}', {own[0].key}::text, 'mended', to_jsonb(t) "
            f"FROM {table} t WHERE {where}",
            f"UPDATE {table} SET {values} WHERE {where}"]
    return statements


def _escape(name: str, columns: tuple[Column, ...]) -> list[str]:
    return _mend_columns(name, columns, {c.column: is_unsafe_list(c) for c in columns},
                         {c.column: f"rehearsal.escaped({c.column})" for c in columns})


MENDING: dict[str, list[str]] = {
    "unanswered_consent": [_set_aside(
        "unanswered_consent", f"""SELECT r.challenge FROM {CONSENTS}
         WHERE a.challenge IS NOT NULL AND l.challenge IS NULL AND h.challenge IS NULL""")],
    "unanswered_login": _answer(
        "unanswered_login", f"""SELECT DISTINCT ON (a.challenge) r.challenge FROM {CONSENTS}
         WHERE a.challenge IS NOT NULL AND l.challenge IS NULL AND h.error = '{{}}'
         ORDER BY a.challenge, h.was_used DESC""", "r.login_challenge"),
    "shared_login": [
        _set_aside("shared_login", f"SELECT challenge FROM ({SHARED}) s WHERE place > 1 AND NOT answered"),
        *_stand_in("shared_login", f"SELECT challenge FROM ({SHARED}) s WHERE place > 1")],
    "lost_login": _stand_in(
        "lost_login", f"SELECT r.challenge FROM {CONSENTS} WHERE a.challenge IS NULL AND h.challenge IS NOT NULL"),
    "broken_json": _mend_columns("broken_json", JSON_COLUMNS, {c.column: is_broken_json(c) for c in JSON_COLUMNS},
                                 {c.column: "'{}'" for c in JSON_COLUMNS}),
    "client_list": _escape("client_list", CLIENT_COLUMNS),
    "flow_list": _escape("flow_list", FLOW_COLUMNS),
}
"""Class → statements, to be run in one transaction after `preflight.FUNCTIONS` and `SET_ASIDE`."""
