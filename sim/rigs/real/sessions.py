"""The session JSON that a Hydra 1.x seals into a token's session_data.

Source: sessions of real flows on 1.8.5 and 1.11.10, unsealed. 1.11.9 and later spell the keys in
snake_case; older versions the Go way, and they hold the authentication methods as one string.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final

import msgspec

NEVER: Final = "0001-01-01T00:00:00Z"
"""Go's zero time."""

_encode = msgspec.json.Encoder().encode


class PersonSession:
    """The session of one grant; only the expiries differ from token to token."""

    def __init__(self, *, issuer: str, subject: str, client_id: str, consent: str, requested_s: float,
                 authenticated_s: float, issued_s: float, claims: Mapping[str, str], sid: str, kid: str) -> None:
        self._expires_at: dict[str, str] = {}
        self._session: dict[str, Any] = {
            "id_token": {
                "id_token_claims": {
                    "jti": "", "iss": issuer, "sub": subject, "aud": [client_id], "nonce": "", "exp": NEVER,
                    "iat": zulu(issued_s), "rat": zulu(requested_s), "auth_time": zulu(authenticated_s), "at_hash": "",
                    "acr": "", "amr": [], "c_hash": "", "ext": {**claims, "sid": sid}},
                "headers": {"extra": {"kid": kid}},
                "expires_at": self._expires_at, "username": "", "subject": subject},
            "extra": {}, "kid": "", "client_id": client_id, "consent_challenge": consent,
            "exclude_not_before_claim": False, "allowed_top_level_claims": []}

    def go_spelled(self) -> PersonSession:
        """The same as versions before 1.11.9 write it; returns itself."""
        self._session = _go_spelled(self._session, self._expires_at)
        return self

    def json(self, **expires_s: float) -> bytes:
        """The JSON with `expires_s` = {authorize_code, access_token, refresh_token: Unix seconds}."""
        self._expires_at.clear()
        self._expires_at.update((kind, zulu(at_s)) for kind, at_s in expires_s.items())
        return _encode(self._session)


def service_session(*, issuer: str, client_id: str, issued_s: float, expires_s: float,
                    go_spelled: bool = False) -> bytes:
    """The session of client_credentials: nobody logged in, nobody agreed."""
    session: dict[str, Any] = {
        "id_token": {
            "id_token_claims": {
                "jti": "", "iss": issuer, "sub": "", "aud": None, "nonce": "", "exp": NEVER, "iat": zulu(issued_s),
                "rat": NEVER, "auth_time": NEVER, "at_hash": "", "acr": "", "amr": None, "c_hash": "", "ext": None},
            "headers": {"extra": None}, "expires_at": {"access_token": zulu(expires_s)}, "username": "",
            "subject": client_id},
        "extra": {}, "kid": "", "client_id": client_id, "consent_challenge": "", "exclude_not_before_claim": False,
        "allowed_top_level_claims": []}
    return _encode(_go_spelled(session, session["id_token"]["expires_at"]) if go_spelled else session)


def _go_spelled(session: Mapping[str, Any], expires_at: dict[str, str]) -> dict[str, Any]:
    """A session in the words of versions before 1.11.9; `expires_at` stays the same object."""
    claims = session["id_token"]["id_token_claims"]
    return {
        "idToken": {
            "Claims": {
                "JTI": "", "Issuer": claims["iss"], "Subject": claims["sub"], "Audience": None, "Nonce": "",
                "ExpiresAt": NEVER, "IssuedAt": claims["iat"], "RequestedAt": claims["rat"],
                "AuthTime": claims["auth_time"], "AccessTokenHash": "", "AuthenticationContextClassReference": "",
                "AuthenticationMethodsReference": "", "CodeHash": "", "Extra": claims["ext"]},
            "Headers": {"Extra": session["id_token"]["headers"]["extra"]}, "ExpiresAt": expires_at, "Username": "",
            "Subject": session["id_token"]["subject"]},
        "extra": {}, "KID": "", "ClientID": session["client_id"], "ConsentChallenge": session["consent_challenge"]}


def zulu(at_s: float) -> str:
    """RFC 3339 in UTC, whole seconds."""
    return datetime.fromtimestamp(int(at_s), UTC).isoformat()[:19] + "Z"
