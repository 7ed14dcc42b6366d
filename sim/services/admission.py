"""Which requests a listener lets through, decided on the raw request target.

The edge compares the target as it came, byte by byte, with a short list. Nothing is decoded,
folded or normalised: what would need that (percent signs, dot segments, doubled or back
slashes, absolute form) has no business in any path of Hydra and is refused, so the edge and
Hydra can never read one target in two ways.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

ListenerName = Literal["public", "internal"]

_PATH = re.compile(r"/[A-Za-z0-9/._-]*\Z")
_QUERY = re.compile(r"[!$&'()*+,;=:@/?A-Za-z0-9._~%\[\]|-]*\Z")

_READ = frozenset({"GET", "OPTIONS"})
_FORM = frozenset({"POST", "OPTIONS"})
_EITHER = frozenset({"GET", "POST", "OPTIONS"})

_EXACT: dict[ListenerName, dict[str, frozenset[str]]] = {
    "public": {
        "/oauth2/auth": _EITHER,
        "/oauth2/token": _FORM,
        "/oauth2/revoke": _FORM,
        "/oauth2/sessions/logout": _EITHER,
        "/userinfo": _EITHER,
        "/health/ready": frozenset({"GET"}),
    },
    "internal": {
        "/oauth2/introspect": frozenset({"POST"}),
        "/oauth2/auth/sessions/consent": frozenset({"DELETE"}),
        "/oauth2/auth/sessions/login": frozenset({"DELETE"}),
    },
}
_WRITES = frozenset({"/oauth2/auth", "/oauth2/token", "/oauth2/revoke", "/oauth2/sessions/logout",
                     "/oauth2/auth/sessions/consent", "/oauth2/auth/sessions/login"})
_BELOW: dict[ListenerName, dict[str, frozenset[str]]] = {
    "public": {"/.well-known/": _READ, "/oauth2/fallbacks/": _READ},
    "internal": {},
}


@dataclass(frozen=True, slots=True)
class Admitted:
    """A target that may pass; `path` and `query` exactly as sent."""

    path: str
    query: str


@dataclass(frozen=True, slots=True)
class Refused:
    """A target that may not: the status to answer and why, for a person."""

    status: int
    why: str


def admit(listener: ListenerName, method: str, target: str) -> Admitted | Refused:
    """Decide on one request line.

    400: the target is a trick or not in origin form. 404: nothing of ours (an admin path on
    the public listener looks just like that). 405: known path, other method.
    """
    path, mark, query = target.partition("?")
    if not _PATH.match(path) or not _QUERY.match(query):
        return Refused(400, "the request target holds characters that no path here needs")
    if "//" in path or any(segment in (".", "..") for segment in path.split("/")):
        return Refused(400, "empty and dot segments are not resolved here")
    methods = _EXACT[listener].get(path)
    if methods is None:
        methods = next((m for prefix, m in _BELOW[listener].items()
                        if path.startswith(prefix) and len(path) > len(prefix)), None)
    if methods is None:
        return Refused(404, "nothing here")
    if method not in methods:
        return Refused(405, f"allowed: {', '.join(sorted(methods))}")
    return Admitted(path, mark + query)


def is_write(path: str) -> bool:
    """Whether Hydra may write a row because of a request to `path` (of those that are admitted).

    An authorization does: 1.x keeps a row for it before anybody has logged in.
    """
    return path in _WRITES
