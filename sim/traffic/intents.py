"""What actors mean to do: one type for each kind of line in a plan.

They hold no tokens and no subjects, only names and indexes of grants.
"""

from __future__ import annotations

from typing import Literal

import msgspec

How = Literal["access", "refresh", "consent", "subject", "login"]
"""By access token, by refresh token, the consent to one client, all of a subject, or its logins."""


class Session(msgspec.Struct, frozen=True, tag_field="what", tag="session"):
    """A client goes on with a grant of the population: refresh, use, refresh early, leave."""

    due_s: float
    actor: str
    persona: Literal["web", "cli", "mcp"]
    n: int
    """Index of the grant in the population."""
    grant: str
    stays_s: float
    """From `due_s`; no refresh begins later."""
    early: float
    """Share of the access token's lifetime after which it refreshes."""


class Visit(msgspec.Struct, frozen=True, tag_field="what", tag="visit"):
    """A person authorizes an app in the browser, the app redeems the code and works."""

    due_s: float
    actor: str
    person: int
    """Index of a grant whose subject this person is."""
    client: str
    think_s: float
    """From having the code to redeeming it."""
    stays_s: float
    early: float
    ends: Literal["leave", "logout"]
    same: list[int] = []
    """Indexes of the population's grants of this person to this client: one consent for all."""


class Service(msgspec.Struct, frozen=True, tag_field="what", tag="service"):
    """A service asks for a token of its own."""

    due_s: float
    actor: str
    client: str


class Asks(msgspec.Struct, frozen=True, tag_field="what", tag="asks"):
    """A resource server's introspections of some seconds."""

    due_s: float
    actor: str
    at_ms: list[int]
    """When each is due, in ms from `due_s`."""
    picks: list[int]
    """Which token each asks about, a number that chooses among those alive then."""


class Revocation(msgspec.Struct, frozen=True, tag_field="what", tag="revocation"):
    """Somebody takes back a grant; its owner never uses it again."""

    due_s: float
    """From the start, or from `anchor` if there is one."""
    actor: str
    how: How
    n: int | None
    """Index of the grant; None = one made in the run, chosen by `pick` when it is due."""
    grant: str | None
    others: list[int] = []
    """Indexes of the grants that go with it (same consent, same subject)."""
    rotate: int = 0
    """Refreshes by the owner just before."""
    think_s: float = 0.0
    """Before each refresh and before the revocation."""
    pick: int = 0
    anchor: str | None = None
    until: str = ""
    """Between its refreshes and the revocation it waits for this instant; "" = for none."""


class Lookup(msgspec.Struct, frozen=True, tag_field="what", tag="lookup"):
    """A question without consequence: authz, discovery and keys."""

    due_s: float
    actor: str
    about: Literal["authz", "discovery"]
    pick: int = 0


class Held(msgspec.Struct, frozen=True, tag_field="what", tag="held"):
    """A login or a code that is kept across phases.

    login: the person stands at the login page from `anchor` until `until`.
    code: got at `anchor`, redeemed after `until`. revoked_code: got at `anchor`, its consent
    taken back `revoke_s` after `revoke_at`, tried (it must be refused) after `until`.
    """

    due_s: float
    """From `anchor`."""
    actor: str
    kind: Literal["login", "code", "revoked_code"]
    person: int
    client: str
    anchor: str
    until: str
    after_s: float = 0.0
    """From `until`."""
    same: list[int] = []
    """As in `Visit`."""
    revoke_at: str = ""
    revoke_s: float = 0.0


Item = Session | Visit | Service | Asks | Revocation | Lookup | Held
