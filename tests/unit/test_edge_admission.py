"""Which requests pass the edge's listeners, and with which headers."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from multidict import CIMultiDict, CIMultiDictProxy

from sim.services.admission import Admitted, ListenerName, Refused, admit
from sim.services.headers import BadFraming, answer_headers, check_framing, request_headers

PUBLIC = [("GET", "/oauth2/auth"), ("POST", "/oauth2/token"), ("POST", "/oauth2/revoke"), ("GET", "/userinfo"),
          ("GET", "/oauth2/sessions/logout"), ("GET", "/.well-known/jwks.json"), ("GET", "/health/ready"),
          ("GET", "/.well-known/openid-configuration"), ("GET", "/oauth2/fallbacks/logout/callback")]
INTERNAL = [("POST", "/oauth2/introspect"), ("DELETE", "/oauth2/auth/sessions/consent"),
            ("DELETE", "/oauth2/auth/sessions/login")]
ADMIN = ["/clients", "/clients/x", "/keys/set", "/oauth2/introspect", "/oauth2/flush", "/oauth2/tokens",
         "/oauth2/auth/requests/login", "/oauth2/auth/sessions/consent", "/oauth2/auth/sessions/login", "/admin",
         "/admin/clients", "/metrics/prometheus", "/version", "/health/alive"]
TRICKS = ["/oauth2%2ftoken", "/oauth2/%74oken", "/oauth2/token/..", "/oauth2/../clients", "/./oauth2/token",
          "/.well-known/../clients", "/.well-known/./x", "//oauth2/token", "//admin/clients", "/.well-known//x",
          "/oauth2\\token", "/oauth2/token;x=1", "/oauth2/token#x", "/oauth2/token\t", "/oauth2/token\x00", "", "*",
          "oauth2/token", "http://auth.rehearse.test/oauth2/token", "//evil.test/oauth2/token", "/oauth2/tökén",
          "/.well-known/%2e%2e/clients", "/oauth2/token?a=b#c", "/oauth2/auth?x=\n", "/oauth2/auth?x= y"]
CASES = ["/OAuth2/token", "/oauth2/Token", "/OAUTH2/INTROSPECT", "/oauth2/token/", "/oauth2/tokenx", "/Health/ready",
         "/oauth2/fallbacks/", "/.well-known/"]


@pytest.mark.parametrize(("method", "path"), PUBLIC)
def test_public_paths_pass_exactly_as_sent(method: str, path: str) -> None:
    assert admit("public", method, path + "?a=%2F&b=c+d") == Admitted(path, "?a=%2F&b=c+d")


@pytest.mark.parametrize(("method", "path"), INTERNAL)
def test_internal_paths_pass_inside_only(method: str, path: str) -> None:
    assert isinstance(admit("internal", method, path), Admitted)
    assert admit("public", method, path) == Refused(404, "nothing here")


@pytest.mark.parametrize("path", ADMIN)
@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "PATCH", "DELETE"])
def test_no_admin_path_on_the_public_listener(method: str, path: str) -> None:
    assert admit("public", method, path) == Refused(404, "nothing here")


@pytest.mark.parametrize("target", TRICKS)
@pytest.mark.parametrize("listener", ["public", "internal"])
def test_tricks_are_refused_and_not_resolved(listener: ListenerName, target: str) -> None:
    refused = admit(listener, "POST", target)
    assert isinstance(refused, Refused) and refused.status == 400


@pytest.mark.parametrize("target", CASES)
def test_other_case_and_other_ends_are_other_paths(target: str) -> None:
    assert admit("public", "POST", target) == Refused(404, "nothing here")


def test_other_methods_are_refused() -> None:
    for method in ("HEAD", "PUT", "DELETE", "TRACE", "CONNECT", "get"):
        assert isinstance(admit("public", method, "/oauth2/auth"), Refused)


@given(st.text(max_size=30))
def test_whatever_passes_is_a_path_of_the_list(tail: str) -> None:
    for listener in ("public", "internal"):
        passed = admit(listener, "POST", "/oauth2/" + tail)  # type: ignore[arg-type]
        if isinstance(passed, Admitted):
            assert passed.path in {p for _, p in (*PUBLIC, *INTERNAL)}
            assert passed.path + passed.query == "/oauth2/" + tail


def _headers(*pairs: tuple[str, str]) -> CIMultiDictProxy[str]:
    return CIMultiDictProxy(CIMultiDict([("Host", "auth.rehearse.test"), *pairs]))


@pytest.mark.parametrize("pairs", [
    [("Content-Length", "5"), ("Transfer-Encoding", "chunked")],
    [("Content-Length", "5"), ("Content-Length", "6")],
    [("Content-Length", "+5")], [("Content-Length", "5, 5")], [("Content-Length", "0x5")], [("Content-Length", "٥")],
    [("Transfer-Encoding", "chunked"), ("Transfer-Encoding", "identity")],
    [("Transfer-Encoding", "xchunked")], [("Transfer-Encoding", "gzip, chunked")], [("Transfer-Encoding", "identity")],
    [("Host", "other.test")], [("Upgrade", "h2c"), ("Connection", "upgrade")], [("Content-Encoding", "gzip")],
    [("Content-Type", "a/b"), ("Content-Type", "c/d")], [("Authorization", "Basic a"), ("Authorization", "Basic b")],
])
def test_ambiguous_framing_is_refused(pairs: list[tuple[str, str]]) -> None:
    with pytest.raises(BadFraming):
        check_framing(_headers(*pairs))


def test_plain_framing_passes() -> None:
    check_framing(_headers(("Content-Length", "5")))
    check_framing(_headers(("Transfer-Encoding", "chunked")))
    with pytest.raises(BadFraming):
        check_framing(CIMultiDictProxy(CIMultiDict()))


def test_hop_by_hop_and_named_headers_stop() -> None:
    sent = request_headers(_headers(
        ("Connection", "close, X-Secret"), ("X-Secret", "1"), ("Keep-Alive", "5"), ("TE", "trailers"), ("Trailer", "X"),
        ("Transfer-Encoding", "chunked"), ("Proxy-Authorization", "x"), ("Content-Length", "3"), ("Expect", "y"),
        ("Accept", "a"), ("Authorization", "Basic eDp5"), ("Cookie", "c=1")), peer="10.0.0.9")
    assert set(sent) == {"Host", "Accept", "Authorization", "Cookie", "X-Forwarded-For", "X-Forwarded-Proto",
                         "X-Forwarded-Host"}


def test_host_goes_on_and_claims_about_it_do_not() -> None:
    sent = request_headers(_headers(
        ("Connection", "host, authorization"), ("X-Forwarded-For", "1.2.3.4"), ("X-Forwarded-Host", "evil.test"),
        ("X-Forwarded-Proto", "https"), ("Forwarded", "for=1.2.3.4"), ("X-Real-IP", "1.2.3.4"),
        ("X-HTTP-Method-Override", "DELETE"), ("Rehearse-Route", "green")), peer="10.0.0.9")
    assert sent.getall("Host") == ["auth.rehearse.test"]
    assert sent.getall("X-Forwarded-For") == ["10.0.0.9"]
    assert sent.getall("X-Forwarded-Host") == ["auth.rehearse.test"]
    assert not {"Forwarded", "X-Real-IP", "X-HTTP-Method-Override", "Rehearse-Route"} & set(sent)


def test_answers_keep_every_cookie_and_lose_the_connection() -> None:
    kept = answer_headers(_headers(("Set-Cookie", "a=1"), ("Set-Cookie", "b=2"), ("Connection", "close"),
                                   ("Transfer-Encoding", "chunked"), ("Content-Length", "9"), ("Location", "http://x")))
    assert kept.getall("Set-Cookie") == ["a=1", "b=2"] and kept["Location"] == "http://x"
    assert not {"Connection", "Transfer-Encoding", "Content-Length"} & set(kept)
