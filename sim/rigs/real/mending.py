"""The SQL that mends each class of odd rows, keeping what was there.

Lists are escaped so that the migration's text replacement yields exactly the old values; a
consent without a login of its own gets a stand-in login, answered and used, so that the merge
finds it; what nobody ever answered is set aside, for nothing can come of it any more.
"""

from __future__ import annotations

from collections.abc import Callable

from sim.rigs.real.preflight import (
    CLIENT_COLUMNS,
    CONSENTS,
    FLOW_COLUMNS,
    JSON_COLUMNS,
    SHARED,
    Column,
    is_broken_json,
    is_unmended_list,
    is_unsafe_list,
)

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


def _mend_columns(name: str, columns: tuple[Column, ...], find: Callable[[Column], str],
                  is_wrong: Callable[[Column], str], right: str) -> list[str]:
    """Replace wrong values by `right` (SQL; @ is the column), a table at a time; `find` is for rows not mended."""
    statements = []
    for table in dict.fromkeys(c.table for c in columns):
        own = [c for c in columns if c.table == table]
        where = " OR ".join(f"({find(c)})" for c in own)
        values = ", ".join(f"{c.column} = CASE WHEN {is_wrong(c)} THEN {right.replace('@', c.column)} "
                           f"ELSE {c.column} END" for c in own)
        # In one statement: what is kept is what is changed.
        statements.append(f"""WITH kept AS ({_KEEP}
                SELECT '{name}', '{table}', {own[0].key}::text, 'mended', to_jsonb({table}.*) FROM {table} WHERE {where}
                RETURNING key)
            UPDATE {table} SET {values} WHERE {own[0].key}::text IN (SELECT key FROM kept)""")
    return statements


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
    "forgotten_consent": [_set_aside(
        "forgotten_consent",
        f"SELECT r.challenge FROM {CONSENTS} WHERE a.challenge IS NULL AND h.challenge IS NULL")],
    "broken_json": _mend_columns("broken_json", JSON_COLUMNS, is_broken_json, is_broken_json, "'{}'"),
    "client_list": _mend_columns("client_list", CLIENT_COLUMNS, is_unmended_list, is_unsafe_list,
                                 "rehearsal.escaped(@)"),
    "flow_list": _mend_columns("flow_list", FLOW_COLUMNS, is_unmended_list, is_unsafe_list,
                               "rehearsal.escaped(@)"),
}
"""Class → statements, to be run in one transaction after `preflight.PREPARE`."""
