"""Sealing of recorded requests: AES-GCM with a key that lives as long as the run.

Only for `record: request`, the plausible mistake of replaying what was asked instead of what
it did. Even then no token stands in the queue.
"""

from __future__ import annotations

import base64
import binascii
import json
import os
from dataclasses import asdict, dataclass

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

_NONCE_BYTES = 12


@dataclass(frozen=True, slots=True)
class Recorded:
    """A request as it came: enough to send it again."""

    method: str
    path: str
    query: str
    authorization: str
    content_type: str
    body: str


class Unsealable(ValueError):
    """The key is missing or wrong, or the record was changed."""


class Seal:
    """Seals and opens records. `key` is 32 bytes in hex."""

    def __init__(self, key: str) -> None:
        try:
            self._cipher = AESGCM(bytes.fromhex(key))
        except ValueError:
            raise Unsealable("the seal's key is not 16, 24 or 32 bytes in hex") from None

    def close(self, record: Recorded, id: str) -> str:
        """The sealed record, bound to the intent `id`."""
        nonce = os.urandom(_NONCE_BYTES)
        sealed = self._cipher.encrypt(nonce, json.dumps(asdict(record)).encode(), id.encode())
        return base64.b64encode(nonce + sealed).decode()

    def open(self, sealed: str, id: str) -> Recorded:
        """Raises Unsealable."""
        try:
            raw = base64.b64decode(sealed, validate=True)
            return Recorded(**json.loads(self._cipher.decrypt(raw[:_NONCE_BYTES], raw[_NONCE_BYTES:], id.encode())))
        except (InvalidTag, binascii.Error, ValueError, TypeError):
            raise Unsealable("the record does not open with this key") from None
