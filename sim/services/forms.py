"""Reading the few parameters the edge needs, in one way only.

Go's and Python's form parsers differ on broken percent signs, semicolons and doubled names.
Whatever they could read differently is refused here, so that what the edge captures is what
Hydra acts on.
"""

from __future__ import annotations

import base64
import binascii
import re
from urllib.parse import unquote_to_bytes

_BROKEN_PERCENT = re.compile(rb"%(?![0-9A-Fa-f]{2})")


class BadForm(ValueError):
    """The form can be read in more than one way."""


def parse_form(form: bytes) -> dict[str, str]:
    """Parameters of a form body or a query string.

    Raises BadForm for a doubled name, `;`, a broken escape or bytes that are not UTF-8.
    """
    if b";" in form or _BROKEN_PERCENT.search(form):
        raise BadForm("semicolons and broken escapes are read differently by different parsers")
    found: dict[str, str] = {}
    for pair in form.split(b"&"):
        if not pair:
            continue
        name, _, value = pair.partition(b"=")
        key, text = _decode(name), _decode(value)
        if key in found:
            raise BadForm("a parameter stands twice")
        found[key] = text
    return found


def _decode(part: bytes) -> str:
    try:
        return unquote_to_bytes(part.replace(b"+", b" ")).decode()
    except UnicodeDecodeError:
        raise BadForm("not UTF-8") from None


def is_form(content_type: str | None) -> bool:
    """True for application/x-www-form-urlencoded, with or without parameters."""
    return (content_type or "").partition(";")[0].strip().lower() == "application/x-www-form-urlencoded"


def asking_client(authorization: str | None, form: dict[str, str]) -> str:
    """The client that asks: by HTTP Basic, else by `client_id`; '' if neither names one."""
    kind, _, rest = (authorization or "").partition(" ")
    if kind.lower() == "basic":
        try:
            name, colon, _ = base64.b64decode(rest.strip(), validate=True).partition(b":")
        except (binascii.Error, ValueError):
            return ""
        # RFC 6749 2.3.1: both halves are form-encoded before they are joined
        return _decode(name) if colon else ""
    return form.get("client_id", "")
