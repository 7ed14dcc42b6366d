"""Forms are read in one way only, and revocations are recognised."""

from __future__ import annotations

import base64
from urllib.parse import urlencode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sim.services.forms import BadForm, asking_client, is_form, parse_form
from sim.services.grants import signatures
from sim.services.revocations import (
    KINDS,
    Asked,
    BadMessage,
    Intent,
    Outcome,
    asked,
    decode_intent,
    decode_outcome,
    encode,
    said,
)
from sim.services.sealing import Recorded, Seal, Unsealable


@given(st.dictionaries(st.text(min_size=1), st.text()))
def test_what_was_encoded_is_read_back(fields: dict[str, str]) -> None:
    assert parse_form(urlencode(fields, errors="surrogatepass").encode()) == fields


@pytest.mark.parametrize("form", [b"token=a&token=b", b"a=1&a=1", b"a;b=1", b"token=%zz", b"token=%4", b"token=%ff",
                                  b"to%6ben=a&token=b"])
def test_what_parsers_read_differently_is_refused(form: bytes) -> None:
    with pytest.raises(BadForm):
        parse_form(form)


def test_content_types() -> None:
    assert is_form("application/x-www-form-urlencoded; charset=utf-8") and is_form("Application/X-WWW-Form-Urlencoded")
    assert not is_form("multipart/form-data; boundary=x") and not is_form(None) and not is_form("application/json")


def test_who_asks() -> None:
    basic = "Basic " + base64.b64encode(b"a%20b:secret").decode()
    assert asking_client(basic, {"client_id": "other"}) == "a b"
    assert asking_client(None, {"client_id": "c"}) == "c"
    assert asking_client("Basic !!!", {}) == asking_client("Basic " + base64.b64encode(b"x").decode(), {}) == ""
    assert asking_client("Bearer x", {"client_id": "c"}) == "c"


def test_which_requests_are_revocations() -> None:
    assert asked("POST", "/oauth2/revoke", "", None, b"token=t&client_id=c") == Asked("token", token="t", client="c")
    path = "/oauth2/auth/sessions/"
    assert asked("DELETE", path + "consent", "?subject=s&client=c", None, b"") == \
        Asked("consent", client="c", subject="s")
    assert asked("DELETE", path + "consent", "?subject=s&all=true", None, b"") == Asked("subject", subject="s")
    assert asked("DELETE", path + "login", "?subject=s", None, b"") == Asked("login", subject="s")
    for other in (("POST", "/oauth2/token"), ("GET", "/oauth2/sessions/logout"), ("POST", "/oauth2/introspect")):
        assert asked(*other, "", None, b"token=t") is None


@pytest.mark.parametrize("query", ["", "?", "?subject=", "?subject=a&subject=b", "?subject=a;client=b"])
def test_a_delete_must_name_one_subject(query: str) -> None:
    with pytest.raises(BadForm):
        asked("DELETE", "/oauth2/auth/sessions/consent", query, None, b"")


@pytest.mark.parametrize(("status", "word"), [
    (200, "confirmed"), (204, "confirmed"), (400, "refused"), (401, "refused"), (404, "refused"), (302, "unknown"),
    (500, "unknown"), (503, "unknown")])
def test_what_a_status_says(status: int, word: str) -> None:
    assert said(status) == word


@given(st.builds(Intent, id=st.text(min_size=1), kind=st.sampled_from(KINDS),
                 request_ids=st.lists(st.text()), client=st.text(), subject=st.text(), at=st.floats(0, 2e9),
                 owner=st.text(), authenticated_before=st.none() | st.floats(0, 2e9),
                 has_refresh=st.booleans(), sealed=st.none() | st.text(min_size=1)))
def test_an_intent_survives_the_queue(intent: Intent) -> None:
    assert decode_intent(encode(intent)) == intent


def test_an_intent_that_says_nothing_of_a_refresh_token_is_read() -> None:
    """As an edge stored it that did not say so yet, and as one stores it today for a grant without."""
    without = encode(Intent("1", "access", ["g"], "c", "ann", 0.0, owner="c"))
    assert b"has_refresh" not in without and b'"at":0.0' in without
    assert decode_intent(without).has_refresh is False
    for odd in (b'"yes"', b"1", b"null"):
        with pytest.raises(BadMessage):
            decode_intent(without[:-1] + b',"has_refresh":' + odd + b"}")


def test_foreign_messages_are_recognised() -> None:
    assert decode_outcome(encode(Outcome("1", "refused"))) == Outcome("1", "refused")
    for data in (b"", b"[]", b"{}", b"null", b'{"id": "1", "kind": "other", "request_ids": [], "at": 1}'):
        with pytest.raises(BadMessage):
            decode_intent(data)
    for data in (b"", b"[]", b"{}", b'{"id": "1", "outcome": "maybe"}', b'{"id": "1", "outcome": []}'):
        with pytest.raises(BadMessage):
            decode_outcome(data)


def test_signatures_of_every_version() -> None:
    raw, hashed = signatures("ory_at_random.sig")
    assert raw == "sig" and len(hashed) == 96
    assert signatures("a.b.jwt-signature")[0] == "jwt-signature"
    assert signatures("") == []


def test_a_seal_opens_with_its_key_and_intent_only() -> None:
    record = Recorded("POST", "/oauth2/revoke", "", "Basic x", "application/x-www-form-urlencoded", "token=t")
    seal = Seal("11" * 32)
    sealed = seal.close(record, "1")
    assert seal.open(sealed, "1") == record and "token" not in sealed
    for other, id in ((Seal("22" * 32), "1"), (seal, "2")):
        with pytest.raises(Unsealable):
            other.open(sealed, id)
    with pytest.raises(Unsealable):
        Seal("short")
