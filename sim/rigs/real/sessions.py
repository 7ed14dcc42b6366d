"""The session JSON that Hydra 1.11.10 seals into a token's session_data.

Source: sessions of real flows, unsealed (HYDRA section 7). 1.11.9 and later spell the keys in
snake_case; older versions the Go way.
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
                 authenticated_s: float, issued_s: float, claims: Mapping[str, str], sid: str) -> None:
        self._expires_at: dict[str, str] = {}
        self._session: dict[str, Any] = {
            "id_token": {
                "id_token_claims": {
                    "jti": "", "iss": issuer, "sub": subject, "aud": [client_id], "nonce": "", "exp": NEVER,
                    "iat": zulu(issued_s), "rat": zulu(requested_s), "auth_time": zulu(authenticated_s), "at_hash": "",
                    "acr": "", "amr": [], "c_hash": "", "ext": {**claims, "sid": sid}},
                "headers": {"extra": {"kid": "public:hydra.openid.id-token"}},
                "expires_at": self._expires_at, "username": "", "subject": subject},
            "extra": {}, "kid": "", "client_id": client_id, "consent_challenge": consent,
            "exclude_not_before_claim": False, "allowed_top_level_claims": []}

    def json(self, **expires_s: float) -> bytes:
        """The JSON with `expires_s` = {authorize_code, access_token, refresh_token: Unix seconds}."""
        self._expires_at.clear()
        self._expires_at.update((kind, zulu(at_s)) for kind, at_s in expires_s.items())
        return _encode(self._session)


def service_session(*, issuer: str, client_id: str, issued_s: float, expires_s: float) -> bytes:
    """The session of client_credentials: nobody logged in, nobody agreed."""
    return _encode({
        "id_token": {
            "id_token_claims": {
                "jti": "", "iss": issuer, "sub": "", "aud": None, "nonce": "", "exp": NEVER, "iat": zulu(issued_s),
                "rat": NEVER, "auth_time": NEVER, "at_hash": "", "acr": "", "amr": None, "c_hash": "", "ext": None},
            "headers": {"extra": None}, "expires_at": {"access_token": zulu(expires_s)}, "username": "",
            "subject": client_id},
        "extra": {}, "kid": "", "client_id": client_id, "consent_challenge": "", "exclude_not_before_claim": False,
        "allowed_top_level_claims": []})


def zulu(at_s: float) -> str:
    """RFC 3339 in UTC, whole seconds."""
    return datetime.fromtimestamp(int(at_s), UTC).isoformat()[:19] + "Z"
