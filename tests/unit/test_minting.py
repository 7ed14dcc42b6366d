"""Tokens and sealed sessions have Hydra's form and belong to one secret."""

from __future__ import annotations

import base64
import hashlib
import hmac
import pickle
import re

import pytest
from cryptography.exceptions import InvalidTag

from sim.traffic.minting import Minter, signature
from sim.traffic.population import Population

GRANT = Population.draw(1, 20, {"web": 1}).grants[3]
SECRET = "a-system-secret-of-a-test"
MINTER = Minter(SECRET, 1)


def test_a_token_is_signed_by_the_hash_of_the_secret() -> None:
    token = MINTER.refresh(GRANT, 2)
    assert re.fullmatch(r"[\w-]{43}\.[\w-]{43}", token)
    random, _, signed = token.partition(".")
    raw = base64.urlsafe_b64decode(random + "=")
    expected = hmac.new(hashlib.sha256(SECRET.encode()).digest(), raw, "sha512_256").digest()
    assert signed == base64.urlsafe_b64encode(expected).rstrip(b"=").decode() == signature(token)


def test_every_token_is_another_and_always_the_same() -> None:
    def all_of(minter: Minter) -> list[str]:
        return [minter.code(GRANT), minter.verifier(GRANT),
                *(make(GRANT, n) for make in (minter.access, minter.refresh) for n in range(4))]

    assert len(set(all_of(MINTER))) == 10
    assert all_of(MINTER) == all_of(Minter(SECRET, 1))
    assert not set(all_of(MINTER)) & set(all_of(Minter(SECRET, 2)))
    assert signature(MINTER.code(GRANT)) != signature(Minter("another-secret-of-a-test", 1).code(GRANT))


def test_a_session_is_sealed_and_opened_again() -> None:
    sealed = MINTER.seal('{"subject": "Zoë \\"Z\\""}'.encode())
    assert re.fullmatch(r"[\w-]+=*", sealed)
    assert MINTER.unseal(sealed) == {"subject": 'Zoë "Z"'}
    assert MINTER.seal(b"{}") != MINTER.seal(b"{}")
    with pytest.raises(InvalidTag):
        Minter("another-secret-of-a-test", 1).unseal(sealed)


def test_hydras_own_session_opens() -> None:
    """nonce(12) + ciphertext + tag, base64 with padding: made here by the primitives alone."""
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

    key, nonce = hashlib.sha256(SECRET.encode()).digest(), bytes(range(12))
    sealed = base64.urlsafe_b64encode(nonce + AESGCM(key).encrypt(nonce, b'{"kid":""}', None)).decode()
    assert MINTER.unseal(sealed) == {"kid": ""}


def test_a_minter_goes_to_a_worker_and_tells_nothing() -> None:
    MINTER.seal(b"{}")
    there = pickle.loads(pickle.dumps(MINTER))
    assert there.access(GRANT, 0) == MINTER.access(GRANT, 0)
    assert SECRET not in repr(MINTER)
