"""The last look at a text before it goes into a document that is sent round.

Histories hold no tokens, but people type notes, programs print errors, and a scenario's words
are anybody's. What looks like a credential is masked here whoever wrote it.
"""

from __future__ import annotations

import re
from typing import Any

MASK = "***"

_FORM = ("client_secret", "password", "passwd", "pgpassword", "secrets_system", "refresh_token", "access_token",
         "id_token", "token", "code", "code_verifier", "assertion")
_RULES: tuple[tuple[re.Pattern[str], str], ...] = (
    (re.compile(r"ory_[a-z]{2}_[A-Za-z0-9_.~-]+"), MASK),
    (re.compile(r"\beyJ[A-Za-z0-9_-]{8,}(?:\.[A-Za-z0-9_-]+)+"), MASK),
    # Hydra's opaque tokens: 32 random bytes, a dot, their HMAC. Tried at the beginning of a word alone
    # and without giving back: a long word without a dot would cost its square.
    (re.compile(r"(?<![A-Za-z0-9_-])[A-Za-z0-9_-]{40,}+\.[A-Za-z0-9_-]{40,}+"), MASK),
    (re.compile(rf"(?i)\b({'|'.join(_FORM)})(=|\"?:\s*\")[^\s&\"',;)]+"), rf"\1\2{MASK}"),
    (re.compile(r"(?i)\b(bearer|basic)\s+[A-Za-z0-9._~+/=-]{8,}"), rf"\1 {MASK}"),
    (re.compile(r"(://[^\s:/@]+:)[^\s@/]+(@)"), rf"\1{MASK}\2"),
)
_NOT_TEXT = re.compile("[^\t\n\r\x20-\x7e\xa0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
"""Control characters: a summary may quote a program's colour codes."""


def masked(text: str) -> str:
    """The text without what looks like a credential and without control characters."""
    text = _NOT_TEXT.sub("\ufffd", text)
    for pattern, instead in _RULES:
        text = pattern.sub(instead, text)
    return text


def masked_value(value: Any) -> Any:
    """The same for every text in a value of JSON."""
    if isinstance(value, str):
        return masked(value)
    if isinstance(value, dict):
        return {masked(str(k)): masked_value(v) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return [masked_value(v) for v in value]
    return value
