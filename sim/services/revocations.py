"""What a revocation is, and the two messages the queue holds about each one.

Which requests are revocations:
- `POST /oauth2/revoke` on the public listener: an access or refresh token, its whole chain;
- `DELETE /oauth2/auth/sessions/consent` on the internal listener: a subject's consent for a
  client, or all of a subject's;
- `DELETE /oauth2/auth/sessions/login` on the internal listener: a subject's browser sessions.
A user's logout is none: it ends browser sessions and no grant.

No message ever holds a raw token; `sealed` is AES-GCM with a key of the run.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from typing import Any, Literal
from uuid import uuid4

from sim.services.forms import BadForm, asking_client, parse_form

Kind = Literal["access", "refresh", "consent", "subject", "login"]
KINDS: tuple[Kind, ...] = ("access", "refresh", "consent", "subject", "login")
Said = Literal["confirmed", "refused", "unknown"]
SAID: tuple[Said, ...] = ("confirmed", "refused", "unknown")


@dataclass(frozen=True, slots=True)
class Asked:
    """A revocation as requested, before anything is looked up.

    `token` is set for token revocations, `subject` for the others; neither is ever logged.
    """

    kind: Literal["token", "consent", "subject", "login"]
    token: str = ""
    client: str = ""
    """Token: who asks. Consent: whose consent. Otherwise ''."""
    subject: str = ""


@dataclass(frozen=True, slots=True)
class Intent:
    """Somebody asked to revoke: stored before Hydra is asked."""

    id: str
    kind: Kind
    request_ids: list[str]
    """The grants that existed and would die by it; empty if there was nothing to revoke."""
    client: str
    """Token: the client that asked. Consent: the client whose consent it is. Otherwise ''."""
    subject: str
    at: float
    """Unix seconds, when it was resolved."""
    owner: str = ""
    """Token: the client the grant belongs to; Hydra does nothing (200) if another one asks."""
    authenticated_before: float | None = None
    """Login: only browser sessions authenticated until then, Unix seconds."""
    has_refresh: bool = False
    """Token: the grant had an active refresh token on the side asked. False also from who did not say it."""
    sealed: str | None = None
    """The request itself, sealed; only if the edge records requests (scenario 14)."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What Hydra answered to the intent with the same id."""

    id: str
    outcome: Said


class BadMessage(ValueError):
    """A message of the queue that is neither an intent nor an outcome of ours."""


def new_id() -> str:
    """An intent's id; also its Nats-Msg-Id."""
    return uuid4().hex


def asked(method: str, path: str, query: str, authorization: str | None, body: bytes) -> Asked | None:
    """The revocation in a request, or None if it is none.

    Raises BadForm if it is one and can't be read in one way only.
    """
    if (method, path) == ("POST", "/oauth2/revoke"):
        form = parse_form(body)
        return Asked("token", token=form.get("token", ""), client=asking_client(authorization, form))
    if method != "DELETE" or not path.startswith("/oauth2/auth/sessions/"):
        return None
    arguments = parse_form(query.removeprefix("?").encode())
    subject = arguments.get("subject", "")
    if not subject:
        raise BadForm("a subject must be named")
    if path.endswith("/login"):
        return Asked("login", subject=subject)
    if "client" in arguments:
        return Asked("consent", subject=subject, client=arguments["client"])
    return Asked("subject", subject=subject)


def said(status: int) -> Said:
    """What an answer's status says about a revocation: 2xx confirmed, 4xx refused, else unknown.

    A 404 (1.x: nothing to revoke) is a refusal: nothing happened.
    """
    if 200 <= status < 300:
        return "confirmed"
    return "refused" if 400 <= status < 500 else "unknown"


def encode(message: Intent | Outcome) -> bytes:
    """One JSON object, empty optional fields left out."""
    fields = {name: value for name, value in asdict(message).items()
              if (value is not False and value not in (None, "")) or name == "id"}
    return json.dumps(fields, separators=(",", ":")).encode()


def decode_intent(data: bytes) -> Intent:
    """Raises BadMessage."""
    try:
        fields: dict[str, Any] = json.loads(data)
        intent = Intent(id=str(fields["id"]), kind=fields["kind"], request_ids=[str(r) for r in fields["request_ids"]],
                        client=str(fields.get("client", "")), subject=str(fields.get("subject", "")),
                        at=float(fields["at"]), owner=str(fields.get("owner", "")),
                        authenticated_before=fields.get("authenticated_before"),
                        has_refresh=fields.get("has_refresh", False), sealed=fields.get("sealed"))
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise BadMessage(f"no intent: {type(error).__name__}") from error
    if intent.kind not in KINDS:
        raise BadMessage("no intent: unknown kind")
    if not isinstance(intent.has_refresh, bool):
        raise BadMessage("no intent: has_refresh is neither true nor false")
    return intent


def decode_outcome(data: bytes) -> Outcome:
    """Raises BadMessage."""
    try:
        fields: dict[str, Any] = json.loads(data)
        outcome = Outcome(str(fields["id"]), fields["outcome"])
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise BadMessage(f"no outcome: {type(error).__name__}") from error
    if outcome.outcome not in SAID:
        raise BadMessage("no outcome: unknown word")
    return outcome
