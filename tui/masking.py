"""Secrets never reach the screen: what looks like one is masked wherever text of others is shown."""

from __future__ import annotations

import re

MASK = "‹masked›"
_NAMED = re.compile(
    r"(?i)\b((?:access_|refresh_|id_)?token|code|client_secret|secret|password|pgpassword|authorization)"
    r"(\"?\s*[=:]\s*\"?)(?:bearer |basic )?([^\s\"&,;]{8,})"
)
_BARE = re.compile(
    r"\b(?:ory_[a-z]{2}_)?[A-Za-z0-9_-]{32,}\.[A-Za-z0-9_-]{24,}(?:\.[A-Za-z0-9_-]+)?\b|ory_[a-z]{2}_\S+"
)
_URL = re.compile(r"(://[^:/@\s]+:)[^@\s]+(@)")


def masked(text: str) -> str:
    """The text without tokens, secrets and passwords."""
    if "://" in text:
        text = _URL.sub(rf"\1{MASK}\2", text)
    return _NAMED.sub(rf"\1\2{MASK}", _BARE.sub(MASK, text))
