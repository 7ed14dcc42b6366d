"""Sealing of what holds tokens and goes through the queue: AES-GCM with a key that lives as long as the run.

For refresh answers that edges share, and for `record: request`, the plausible mistake of
replaying what was asked instead of what it did. Either way no token stands in the queue.
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
        return base64.b64encode(self.wrap(json.dumps(asdict(record)).encode(), id)).decode()

    def open(self, sealed: str, id: str) -> Recorded:
        """Raises Unsealable."""
        try:
            return Recorded(**json.loads(self.unwrap(base64.b64decode(sealed, validate=True), id)))
        except (binascii.Error, ValueError, TypeError):
            raise Unsealable("the record does not open with this key") from None

    def wrap(self, raw: bytes, name: str) -> bytes:
        """Sealed bytes, bound to `name`."""
        nonce = os.urandom(_NONCE_BYTES)
        return nonce + self._cipher.encrypt(nonce, raw, name.encode())

    def unwrap(self, sealed: bytes, name: str) -> bytes:
        """What `wrap` was given; raises Unsealable."""
        try:
            return self._cipher.decrypt(sealed[:_NONCE_BYTES], sealed[_NONCE_BYTES:], name.encode())
        except (InvalidTag, ValueError):
            raise Unsealable("it does not open with this key and name") from None
