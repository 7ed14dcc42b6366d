"""What looks like a credential never reaches a document."""

from __future__ import annotations

import pytest

from sim.report.masking import masked, masked_value

OPAQUE = "Zm9vYmFyYmF6cXV4Zm9vYmFyYmF6cXV4Zm9vYmFyYmF6.QmFyYmF6cXV4Zm9vYmFyYmF6cXV4Zm9vYmFyYmF6cXV4"


@pytest.mark.parametrize("secret", [
    "ory_at_Zm9vYmFy.QmF6", "ory_rt_abc-def_ghi.jkl", "ory_ac_1234", OPAQUE,
    "eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiIxIn0.c2lnbmF0dXJl"])
def test_tokens_are_masked_wherever_they_stand(secret: str) -> None:
    assert masked(f"the token {secret} was refused") == "the token *** was refused"


@pytest.mark.parametrize(("text", "secret"), [
    ("POST /oauth2/revoke token=abc123&client_id=web", "abc123"), ('{"client_secret": "s3cr3t"}', "s3cr3t"),
    ("POST /token?code=abcdefgh123 of somebody", "abcdefgh123"), ("PGPASSWORD=hunter2hunter2 psql", "hunter2"),
    ("Authorization: Bearer abcdefghij", "abcdefghij"), ("Basic d2ViOnNlY3JldA==", "d2ViOnNlY3JldA"),
    ("postgres://hydra:pa55word@127.0.0.1:5432/hydra", "pa55word"), ("SECRETS_SYSTEM=averylongsecret", "averylong")])
def test_secrets_are_masked_and_the_rest_is_left(text: str, secret: str) -> None:
    assert secret in text and secret not in masked(text) and "***" in masked(text)


@pytest.mark.parametrize("text", [
    "hydra_oauth2_authentication_request_handled.challenge_id", "20220513000001000006 string_slice_json",
    "9f9c636f0df12ab8dd9bc2c16ae40c76", "grant_type=refresh_token", "[migrator] migrate sql -e --yes"])
def test_words_of_the_trade_stay(text: str) -> None:
    assert masked(text) == text


def test_control_characters_go() -> None:
    assert "\x1b" not in masked("\x1b[31mred\x00") and "red" in masked("\x1b[31mred")


def test_values_are_masked_at_any_depth_keys_too() -> None:
    assert masked_value({"a": [{"b": "ory_at_x"}], "ory_rt_y": 3}) == {"a": [{"b": "***"}], "***": 3}
