"""The pool of identities: names and mail addresses, made once by Faker and drawn from.

Faker takes 0.1 ms a field, so it makes a few thousand people and no more; subjects are made
unique by a number. Names come in several scripts, because claims are JSON in text columns.
"""

from __future__ import annotations

from random import Random
from typing import Final

import msgspec

POOL: Final = 2000
"""Assumption: enough that names, lengths and scripts vary as they do among customers."""
LOCALES: Final = ("en_US", "de_DE", "fr_FR", "ja_JP")
"""Assumption: plain, umlauts, accents and apostrophes, and a script outside Latin-1."""


class Identity(msgspec.Struct, frozen=True, gc=False):
    """Somebody who could exist."""

    user_name: str
    """ASCII, without blanks."""
    name: str
    email: str
    """At a domain reserved for examples."""


def draw_identities(random: Random) -> list[Identity]:
    """`POOL` identities that depend on the generator alone."""
    from faker import Faker

    made: list[Identity] = []
    for locale in LOCALES:
        fake = Faker(locale)
        fake.seed_instance(random.getrandbits(64))
        for _ in range(POOL // len(LOCALES)):
            user_name = "".join(sign for sign in fake.user_name() if sign.isascii() and sign.isalnum()) or "someone"
            made.append(Identity(user_name, fake.name(), f"{user_name}@{fake.safe_domain_name()}"))
    random.shuffle(made)
    return made
