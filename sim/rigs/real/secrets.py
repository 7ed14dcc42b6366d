"""The stack's own secrets: random, one set per cache, because seeded data is cached.

Tokens, cookies and encrypted rows of a seeded database belong to the system secret they were
made with; a new secret each run would make every cached database worthless.
"""

from __future__ import annotations

import json
import os
import secrets as randomness
from hashlib import sha256

import msgspec

from sim.paths import cache


class Secrets(msgspec.Struct, frozen=True):
    """`system` is both Hydras' SECRETS_SYSTEM, `database` every role's password, `control` the
    bearer token of our services' control listeners."""

    system: str
    database: str
    control: str

    @property
    def fingerprint(self) -> str:
        """12 hex digits that tell one set from another; part of the seeded data's key."""
        return sha256(f"{self.system}/{self.database}".encode()).hexdigest()[:12]

    def mask(self, text: str) -> str:
        """The text with every secret replaced by `***`."""
        for secret in (self.system, self.database, self.control):
            text = text.replace(secret, "***")
        return text


def secrets() -> Secrets:
    """The cache's secrets (0600), made on first use; two first uses at once agree on one set."""
    path = cache("secrets.json")
    if not path.exists():
        made = {name: randomness.token_hex(24) for name in ("system", "database", "control")}
        part = path.with_name(f"secrets.{os.getpid()}.part")
        descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w") as file:
            file.write(json.dumps(made))
        try:
            os.link(part, path)
        except FileExistsError:
            pass  # somebody else was first: theirs count
        finally:
            part.unlink()
    return Secrets(**json.loads(path.read_text()))
