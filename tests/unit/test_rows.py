"""Rows of a population: every kind of grant leaves what it must and nothing else."""

from __future__ import annotations

from collections import defaultdict
from typing import Any

import msgspec
import pytest

from sim.rigs.real.rows import COLUMNS, Moment, Rows
from sim.traffic.minting import Minter, signature
from sim.traffic.population import Grant, Population

NOW_S, ACCESS_S, REFRESH_S = 1_800_000_000.0, 3600.0, 720 * 3600.0
POPULATION = Population.draw(6, 1500, {"web": 2, "cli": 1, "service": 1})
MINTER = Minter("a-system-secret-of-a-test", 6)
ROWS = Rows(POPULATION, MINTER, Moment(NOW_S, ACCESS_S, REFRESH_S, "http://issuer.test/"))


def read(text: bytes, table: str) -> list[dict[str, Any]]:
    """COPY text as dicts; backslashes and NULLs undone as Postgres does."""
    def value(raw: str) -> str | None:
        return None if raw == "\\N" else raw.replace("\\\\", "\\")
    names = COLUMNS[table].split()
    return [dict(zip(names, map(value, line.split("\t")), strict=True)) for line in text.decode().splitlines()]


WRITTEN = {table: read(text, table) for table, text in ROWS.chunk(0, 1500).items()}


def by_grant(table: str) -> dict[str, list[dict[str, Any]]]:
    found: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for row in WRITTEN[table]:
        found[row.get("request_id") or row["challenge"]].append(row)
    return found


def some(**wanted: Any) -> list[Grant]:
    fitting = [grant for grant in POPULATION.grants
               if all(getattr(grant, name) == value for name, value in wanted.items())]
    assert fitting, wanted
    return fitting


def test_pieces_add_up_to_the_whole() -> None:
    whole = {table: len(text.splitlines()) for table, text in ROWS.chunk(0, 1500).items()}
    pieces: dict[str, int] = defaultdict(int)
    for begin in range(0, 1500, 400):
        for table, text in ROWS.chunk(begin, min(1500, begin + 400)).items():
            pieces[table] += len(text.splitlines())
    assert pieces == whole


def test_a_live_grant_has_one_active_refresh_token_and_its_access_token() -> None:
    access, refresh = by_grant("hydra_oauth2_access"), by_grant("hydra_oauth2_refresh")
    for grant in some(state="live"):
        rows = refresh[grant.name]
        assert [row["signature"] for row in rows] == [
            signature(MINTER.refresh(grant, n)) for n in range(grant.generations)]
        assert [row["active"] for row in rows] == ["f"] * (grant.generations - 1) + ["t"]
        assert [row["signature"] for row in access[grant.name]] == [
            signature(MINTER.access(grant, grant.generations - 1))]


def test_sessions_tell_what_the_rows_tell_and_expire_as_the_state_says() -> None:
    refresh = by_grant("hydra_oauth2_refresh")
    for grant in some(state="live")[:50] + some(state="expired")[:50]:
        row = refresh[grant.name][-1]
        session = MINTER.unseal(row["session_data"])
        assert session["consent_challenge"] == row["challenge_id"] == grant.name
        assert session["id_token"]["subject"] == row["subject"] == grant.subject
        assert session["client_id"] == row["client_id"] == grant.client_id
        until = session["id_token"]["expires_at"]
        assert (until["refresh_token"] > zulu(NOW_S)) == (grant.state == "live")
        assert (until["access_token"] > zulu(NOW_S)) == grant.in_use


def test_a_code_waits_with_its_challenge() -> None:
    code, pkce, oidc = (by_grant(f"hydra_oauth2_{name}") for name in ("code", "pkce", "oidc"))
    for grant in some(state="code"):
        assert [row["active"] for row in code[grant.name]] == ["t"]
        assert code[grant.name][0]["signature"] == pkce[grant.name][0]["signature"] == signature(MINTER.code(grant))
        assert [row["signature"] for row in oidc[grant.name]] == ([MINTER.code(grant)] if grant.openid else [])
        assert not by_grant("hydra_oauth2_refresh")[grant.name]
    assert {row["active"] for grant in some(state="live") for row in code[grant.name]} == {"f"}


def test_what_was_revoked_is_dead() -> None:
    access, refresh = by_grant("hydra_oauth2_access"), by_grant("hydra_oauth2_refresh")
    consents = by_grant("hydra_oauth2_consent_request")
    for grant in some(revoked_by="token"):
        assert {row["active"] for row in refresh[grant.name]} == {"f"}
        assert not access[grant.name]
        assert consents[grant.name]
    for grant in some(revoked_by="consent"):
        assert not (refresh[grant.name] or access[grant.name] or consents[grant.name])


def test_the_abandoned_stop_where_they_left() -> None:
    handled = by_grant("hydra_oauth2_consent_request_handled")
    consents = by_grant("hydra_oauth2_consent_request")
    logins = {row["challenge"] for row in WRITTEN["hydra_oauth2_authentication_request"]}
    decided = {row["challenge"] for row in WRITTEN["hydra_oauth2_authentication_request_handled"]}
    assert len(logins - decided) == len(some(left_at="login"))
    for grant in some(left_at="login"):
        assert not consents[grant.name]
    for grant in some(left_at="consent"):
        assert consents[grant.name] and not handled[grant.name]
    for grant in some(left_at="return"):
        assert [row["was_used"] for row in handled[grant.name]] == ["f"]


def test_who_was_logged_out_has_a_consent_without_a_login() -> None:
    consents = by_grant("hydra_oauth2_consent_request")
    lost = {row["challenge"] for row in WRITTEN["hydra_oauth2_consent_request"] if row["login_challenge"] is None}
    assert lost == {grant.name for grant in some(logged_out=True) if consents[grant.name]}
    assert len(lost) >= 20


def test_every_consent_and_login_has_what_it_points_at() -> None:
    sessions = {row["id"] for row in WRITTEN["hydra_oauth2_authentication_session"]}
    logins = {row["challenge"] for row in WRITTEN["hydra_oauth2_authentication_request"]}
    assert all(row["login_session_id"] in sessions for row in WRITTEN["hydra_oauth2_authentication_request"])
    assert all(row["login_challenge"] in logins for row in WRITTEN["hydra_oauth2_consent_request"]
               if row["login_challenge"] is not None)


def test_the_subject_of_a_login_stands_only_where_it_was_skipped() -> None:
    for row in WRITTEN["hydra_oauth2_authentication_request"]:
        assert (row["subject"] != "") == (row["skip"] == "t")


def test_claims_are_json_whatever_the_name() -> None:
    told = [msgspec.json.decode(row["session_id_token"]) for row in WRITTEN["hydra_oauth2_consent_request_handled"]]
    names = {claims["name"] for claims in told if claims}
    assert any(not name.isascii() for name in names)


def test_a_name_with_quotes_and_backslashes_survives(monkeypatch: pytest.MonkeyPatch) -> None:
    from sim.traffic.identities import Identity

    odd = Identity("odd", 'O\'N "the\\\\one" \u00e9', "odd@example.org")
    monkeypatch.setattr(type(POPULATION.grants), "identity", lambda self, n: odd)
    grant = next(grant for grant in some(state="live") if grant.openid)
    row = read(ROWS.chunk(grant.index, grant.index + 1)["hydra_oauth2_consent_request_handled"],
               "hydra_oauth2_consent_request_handled")[0]
    assert msgspec.json.decode(row["session_id_token"])["name"] == odd.name


def test_services_have_tokens_of_their_own() -> None:
    rows = read(ROWS.services(0, POPULATION.service_tokens)["hydra_oauth2_access"], "hydra_oauth2_access")
    assert len(rows) == POPULATION.service_tokens == 75
    assert {row["challenge_id"] for row in rows} == {None}
    assert {row["subject"] for row in rows} == {"service-1"}


EARLY = Rows(POPULATION, MINTER, Moment(NOW_S, ACCESS_S, REFRESH_S, "http://issuer.test/", "1.8.5"))


def test_early_versions_keep_only_the_newest_tokens_of_what_lives() -> None:
    text = EARLY.chunk(0, len(POPULATION.grants))
    for table in ("hydra_oauth2_access", "hydra_oauth2_refresh"):
        rows = read(text[table], table)
        ids = [row["request_id"] for row in rows]
        assert len(set(ids)) == len(ids)  # unique there
        assert {row["active"] for row in rows} == {"t"}
    assert all(row["authenticated_at"] for row in read(text["hydra_oauth2_authentication_session"],
                                                       "hydra_oauth2_authentication_session"))  # NOT NULL there
    dead = {grant.name for grant in some(state="revoked")}
    assert dead and not dead & {row["request_id"] for row in read(text["hydra_oauth2_refresh"], "hydra_oauth2_refresh")}


def test_early_versions_spell_the_session_the_go_way() -> None:
    grant = next(grant for grant in some(state="live") if grant.in_use and grant.openid)
    row = read(EARLY.chunk(grant.index, grant.index + 1)["hydra_oauth2_access"], "hydra_oauth2_access")[0]
    session = MINTER.unseal(row["session_data"])
    assert set(session) == {"idToken", "extra", "KID", "ClientID", "ConsentChallenge"}
    assert set(session["idToken"]) == {"Claims", "Headers", "ExpiresAt", "Username", "Subject"}
    assert session["ClientID"] == grant.client_id and session["ConsentChallenge"] == grant.name
    assert session["idToken"]["Claims"]["Subject"] == session["idToken"]["Subject"] == grant.subject
    assert session["idToken"]["Claims"]["AuthenticationMethodsReference"] == ""
    issued_s = EARLY.issued_s(grant, grant.generations - 1)
    assert session["idToken"]["ExpiresAt"]["access_token"] == zulu(issued_s + ACCESS_S)
    service = read(EARLY.services(0, 1)["hydra_oauth2_access"], "hydra_oauth2_access")[0]
    assert MINTER.unseal(service["session_data"])["idToken"]["Subject"] == "service-1"


def zulu(at_s: float) -> str:
    from sim.rigs.real.sessions import zulu as write

    return write(at_s)
