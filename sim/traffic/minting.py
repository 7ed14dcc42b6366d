"""Tokens that Hydra takes for its own, derived from the system secret.

Source: HYDRA section 7. A token is `b64url(32 bytes) . b64url(HMAC-SHA-512/256(key, bytes))`
with key = SHA-256 of SECRETS_SYSTEM; a row's signature is the part behind the dot. A row's
session is `b64url(nonce + AES-256-GCM(key, nonce, JSON))`. The bytes come from (seed, grant,
kind, generation), so tokens need not be kept anywhere: whoever has the secret has them again.

Must not log or print anything.
"""

from __future__ import annotations

import hmac
import os
from base64 import urlsafe_b64decode, urlsafe_b64encode
from hashlib import sha256
from typing import Any

import msgspec

from sim.traffic.population import Grant

NONCE_BYTES = 12


class Minter:
    """Derives every token of a population; the same arguments give the same token."""

    def __init__(self, system_secret: str, seed: int) -> None:
        self._key = sha256(system_secret.encode()).digest()
        self._seed = seed
        self._sealer: Any = None

    def access(self, grant: Grant, generation: int) -> str:
        """The access token of a generation (0 = from the code)."""
        return self.token(f"{grant.name}|access|{generation}")

    def refresh(self, grant: Grant, generation: int) -> str:
        """The refresh token of a generation (0 = from the code)."""
        return self.token(f"{grant.name}|refresh|{generation}")

    def code(self, grant: Grant) -> str:
        """The authorization code."""
        return self.token(f"{grant.name}|code")

    def verifier(self, grant: Grant) -> str:
        """The PKCE verifier of the grant's authorization, 43 characters."""
        return _b64(self._random(f"{grant.name}|verifier"))

    def token(self, name: str) -> str:
        """A token of a name that must be unique in the population."""
        random = self._random(name)
        return f"{_b64(random)}.{_b64(hmac.digest(self._key, random, 'sha512_256'))}"

    def seal(self, session: bytes) -> str:
        """`session` (JSON) as a session_data column holds it."""
        nonce = os.urandom(NONCE_BYTES)
        return urlsafe_b64encode(nonce + self._cipher().encrypt(nonce, session, None)).decode()

    def unseal(self, session_data: str) -> Any:
        """The JSON of a session_data column, decoded.

        Raises cryptography.exceptions.InvalidTag if another secret sealed it.
        """
        sealed = urlsafe_b64decode(session_data)
        return msgspec.json.decode(self._cipher().decrypt(sealed[:NONCE_BYTES], sealed[NONCE_BYTES:], None))

    def __getstate__(self) -> dict[str, Any]:
        return {"_key": self._key, "_seed": self._seed, "_sealer": None}

    def __repr__(self) -> str:
        return f"Minter(seed={self._seed})"

    def _random(self, name: str) -> bytes:
        return sha256(f"{self._seed}|{name}".encode()).digest()

    def _cipher(self) -> Any:
        if self._sealer is None:
            from cryptography.hazmat.primitives.ciphers.aead import AESGCM

            self._sealer = AESGCM(self._key)
        return self._sealer


def signature(token: str) -> str:
    """The key of a token's row: what stands behind the last dot."""
    return token.rpartition(".")[2]


def _b64(raw: bytes) -> str:
    return urlsafe_b64encode(raw).rstrip(b"=").decode()
