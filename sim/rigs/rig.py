"""What a rehearsal plays against, as the traffic, the runbook and the nemesis see it.

The real rig does these with Hydra, Postgres, Toxiproxy and the queue; a model rig will do
the same in virtual time. Every method is a coroutine and is called through
`LiveEnvironment.call`, so a failure is an `Outcome`, never a surprise in the loop.
A method that takes long reports through `Progress`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Literal, Protocol

import msgspec

Side = Literal["blue", "green"]
Switchable = Literal["edge", "login_consent", "authz"]

Progress = Callable[[dict[str, Any]], None]
"""Called with {done, total, now, …} while a step works; each becomes a `progress` op."""


class Answer(msgspec.Struct, frozen=True):
    """A usable HTTP answer: it was read to its end."""

    status: int
    body: dict[str, Any]
    """The JSON object, or {} where the answer has none."""
    route: Side | None = None
    """The stack that answered, from the edge's header."""
    shed: str | None = None
    """Why the edge refused on purpose (503), or None."""
    coalesced: bool = False
    capture: int | None = None
    """The queue's sequence number of the captured revocation."""
    waited_s: float | None = None
    """Seconds the request waited in the edge's buffer; None if it did not."""


class Browser(msgspec.Struct):
    """A user agent: one person's cookies, kept across authorizations."""

    subject: str
    cookies: dict[str, dict[str, str]] = msgspec.field(default_factory=dict)
    """Host → cookie name → value."""


class Client(msgspec.Struct, frozen=True):
    """An OAuth client as registered; `secret` is None for public clients."""

    client_id: str
    kind: Literal["web", "cli", "mcp", "service"]
    redirect_uri: str
    secret: str | None
    scope: str


class Clients(Protocol):
    """What OAuth clients, resource servers, users and admins do, each through its link.

    Raises TimeoutError (nobody knows), ConnectionRefusedError (surely not done) or OSError
    (connection lost: nobody knows).
    """

    async def introspect(self, token: str, *, timeout_s: float) -> Answer: ...
    async def refresh(self, client: Client, refresh_token: str, *, timeout_s: float) -> Answer: ...
    async def authorize(
        self, client: Client, browser: Browser, *, scope: str, prompt: str | None, timeout_s: float
    ) -> Answer:
        """The whole way from the authorization request to the code.

        The body is {code, verifier, skipped_login, skipped_consent} or {error}.
        """
        ...

    async def exchange(self, client: Client, code: str, verifier: str, *, timeout_s: float) -> Answer: ...
    async def client_credentials(self, client: Client, *, timeout_s: float) -> Answer: ...
    async def revoke_token(self, client: Client, token: str, *, timeout_s: float) -> Answer: ...
    async def revoke_consent(self, subject: str, client_id: str, *, timeout_s: float) -> Answer: ...
    async def revoke_subject(self, subject: str, *, timeout_s: float) -> Answer: ...
    async def delete_login(self, subject: str, *, timeout_s: float) -> Answer: ...
    async def logout(self, browser: Browser, *, timeout_s: float) -> Answer: ...
    async def may(self, token: str, *, timeout_s: float) -> Answer:
        """Ask authz; the body is {allowed, why}."""
        ...

    async def discovery(self, *, timeout_s: float) -> Answer: ...
    async def jwks(self, *, timeout_s: float) -> Answer: ...


class Operations(Protocol):
    """What an operator does; one method per act of a runbook step or of its undo.

    Each raises StepFailed (or another RehearsalError) with what was seen. Results are figures
    for the step's completion. `only` is one of several edges, counted from 0; None is all of them.
    """

    async def set_lifetime(self, access_s: float | None) -> dict[str, Any]: ...
    async def capture(
        self, on: bool, *, direction: Literal["forward", "back"], only: int | None = None
    ) -> dict[str, Any]: ...
    async def upgrade_database(self, *, progress: Progress) -> dict[str, Any]: ...
    async def exchange_blue(self) -> dict[str, Any]: ...
    async def preflight(self, *, rows: str, progress: Progress) -> dict[str, Any]: ...
    async def copy(
        self, *, jobs: int, on_snapshot: Callable[[], None], progress: Progress
    ) -> dict[str, Any]: ...
    async def drop_copy(self) -> dict[str, Any]: ...
    async def cleanup(self, *, rows: str, progress: Progress) -> dict[str, Any]: ...
    async def migrate(self, *, by: str, analyze: bool, progress: Progress) -> dict[str, Any]: ...
    async def repair(self, *, marks: list[str], progress: Progress) -> dict[str, Any]: ...
    async def janitor(self, *, what: list[str]) -> dict[str, Any]: ...
    async def keep_grants(self) -> dict[str, Any]: ...
    async def restore_grants(self) -> dict[str, Any]: ...
    async def index_grants(self) -> dict[str, Any]: ...
    async def drop_grant_indexes(self) -> dict[str, Any]: ...
    async def start_green(self) -> dict[str, Any]: ...
    async def make_way_for_green(self) -> dict[str, Any]: ...
    async def stop_green(self) -> dict[str, Any]: ...
    async def buffer(self, on: bool, *, only: int | None = None) -> dict[str, Any]: ...
    async def drain(self, side: Side, *, deadline_s: float, only: int | None = None) -> dict[str, Any]: ...
    async def writes(self, allowed: bool) -> dict[str, Any]: ...
    async def fence(self, side: Side, on: bool) -> dict[str, Any]: ...
    async def switch(
        self, what: Switchable, to: Side, *, share: float = 1.0, only: int | None = None
    ) -> dict[str, Any]: ...
    async def replay(
        self, *, direction: Literal["forward", "back"], by: str, workers: int, progress: Progress
    ) -> dict[str, Any]: ...
    async def end_superseded(self) -> dict[str, Any]: ...
    async def stop_blue(self) -> dict[str, Any]: ...
    async def start_blue(self) -> dict[str, Any]: ...
    async def prove_well(self, side: Side) -> dict[str, Any]: ...
    async def gauges(self) -> dict[str, Any]: ...
    async def measure(self, question: str, arguments: Mapping[str, Any]) -> dict[str, Any]:
        """Read by key, for the verify step: the questions stand in sim/runbook/verify.py."""
        ...


class Faults(Protocol):
    """What goes wrong on purpose, on links and parts of the stack file; a fault is known by its name.

    `make` returns when it is in effect, as far as who makes it knows; `prove` is what a probe saw:
    {proven, expected, seen}. `heal` may be asked for what was made half way, or again; a fault whose `make`
    waits for its part to come to a point is called off by it.
    """

    async def make(self, fault: Mapping[str, Any]) -> None: ...
    async def prove(self, name: str) -> dict[str, Any]: ...
    async def change(self, name: str, attributes: Mapping[str, int]) -> None: ...
    async def heal(self, name: str) -> dict[str, Any]: ...
    async def prove_link(self, link: str) -> dict[str, Any]: ...


class Rig(Protocol):
    """Everything a rehearsal plays against."""

    clients: Clients
    operations: Operations
    faults: Faults
