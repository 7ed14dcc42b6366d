"""What an answer says of the operation: a clear no, an outage, nothing at all."""

from __future__ import annotations

from typing import Any

from sim.history.op import Op

UNFINISHED = ("the run ended", "given up")
"""How journal and traffic begin the error of an op that the end of the run cut off: it shows nothing."""


def is_refusal(value: dict[str, Any]) -> bool:
    """A clear no to the token presented (not to the client, and not "come again later")."""
    status = value.get("status")
    return (isinstance(status, int) and 400 <= status < 500 and status not in (408, 429)
            and value.get("oauth_error") != "invalid_client" and not value.get("shed"))


def is_cut_off(done: Op) -> bool:
    """Did the end of the run come before an answer?"""
    return done.type == "info" and done.error is not None and done.error.startswith(UNFINISHED)


def is_answer(f: str, value: dict[str, Any]) -> bool:
    """Is a `fail` a usable answer that another check judges, or an outage?

    Refused refreshes, codes and authorizations are judged by the continuity checks; 404 is what
    Hydra 1.x answers if there is nothing to revoke.
    """
    if f in ("refresh", "code"):
        return is_refusal(value)
    if f == "authorize":
        return is_refusal(value) or (value.get("oauth_error") is not None and not is_5xx(value))
    return f == "id_token" or (f in ("revoke", "logout") and value.get("status") == 404)


def is_5xx(value: dict[str, Any]) -> bool:
    """Something behind the request failed: whether it was done, the answer does not say."""
    status = value.get("status")
    return isinstance(status, int) and status >= 500


def is_planned(op: Op) -> bool:
    """By somebody who knows the chain to be live (or revoked), not by a probe."""
    return not op.process.startswith("probe")
