"""ID tokens as a client checks them: the key named in the header, RS256 over the rest.

Only the signature is checked. A token issued before the switch is expired or not whatever
happens to keys; what must not happen is that no published key verifies it.
"""

from __future__ import annotations

from base64 import urlsafe_b64decode
from functools import lru_cache
from typing import Any

import msgspec


def _bytes(text: str) -> bytes:
    return urlsafe_b64decode(text + "=" * (-len(text) % 4))


def kid_of(id_token: object) -> str | None:
    """The key id in an ID token's header; None if it is none."""
    if not isinstance(id_token, str) or id_token.count(".") != 2:
        return None
    try:
        header: dict[str, Any] = msgspec.json.decode(_bytes(id_token.partition(".")[0]))
    except (ValueError, msgspec.DecodeError):
        return None
    kid = header.get("kid")
    return kid if isinstance(kid, str) else None


def verified(id_token: str, jwks: dict[str, Any]) -> str | None:
    """None if a published key verifies the token, else why not."""
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
    from cryptography.hazmat.primitives.hashes import SHA256

    kid = kid_of(id_token)
    key = next((key for key in jwks.get("keys", ()) if key.get("kid") == kid), None)
    if key is None:
        return f"no key {kid} is published"
    signed, _, signature = id_token.rpartition(".")
    try:
        _public(str(key["n"]), str(key["e"])).verify(_bytes(signature), signed.encode(), PKCS1v15(), SHA256())
    except InvalidSignature:
        return f"the published key {kid} does not verify it"
    return None


@lru_cache(maxsize=8)
def _public(n: str, e: str) -> Any:
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicNumbers

    return RSAPublicNumbers(int.from_bytes(_bytes(e), "big"), int.from_bytes(_bytes(n), "big")).public_key()
