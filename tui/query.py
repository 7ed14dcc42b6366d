"""The log's filter: words that a line must hold, and keys that say where.

`revoke mcp-3` plain words · `op:refresh` `who:web` `not:probe` `grant:2da8` `on:green` · `is:failed` (or
shed, ok, fail, info) · `from:00:57 to:63.5` · `slow:100ms` · `#12,#15` these ops and no others ·
`kind:log` lines of the services.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from sim.history.op import Op
from tui.rates import outcome

WORDS_OF_IS = ("failed", "shed", "ok", "fail", "info", "refused", "captured", "uncaptured")


class Query(NamedTuple):
    """A filter, read."""

    text: str
    words: tuple[bytes, ...] = ()
    """In lower case: each must stand in the line."""
    ops: frozenset[str] = frozenset()
    who: str = ""
    other: str = ""
    """Whose process begins so is left out (`not:probe`)."""
    grant: str = ""
    on: str = ""
    outcome: str = ""
    from_s: float = 0.0
    to_s: float = float("inf")
    slow_s: float = 0.0
    only: tuple[int, ...] = ()
    kind: str = ""
    wrong: str = ""
    """What could not be read of it."""

    @property
    def is_empty(self) -> bool:
        """Does it let everything through?"""
        return not self.text.strip()


def read(text: str) -> Query:
    """Read a filter; what makes no sense is said in `wrong` and left out."""
    made: dict[str, object] = {}
    words: list[bytes] = []
    wrong: list[str] = []
    only = [int(n) for n in re.findall(r"#(\d+)", text)]
    for token in re.sub(r"[#,]\d+|#\d+", " ", text).split():
        key, colon, said = token.partition(":")
        if not colon or key not in ("op", "who", "not", "grant", "on", "is", "from", "to", "slow", "kind"):
            words.append(token.lower().encode())
        elif key == "op":
            made["ops"] = frozenset(said.split(","))
        elif key in ("from", "to", "slow"):
            seconds = _seconds(said)
            if seconds is None:
                wrong.append(f"{token}: a time is 63.5, 00:57 or 100ms")
            else:
                made[{"from": "from_s", "to": "to_s", "slow": "slow_s"}[key]] = seconds
        elif key == "is":
            if said not in WORDS_OF_IS:
                wrong.append(f"is: one of {', '.join(WORDS_OF_IS)}")
            made["outcome"] = said
        else:
            made["other" if key == "not" else key] = said
    return Query(text, tuple(words), only=tuple(only), wrong="; ".join(wrong), **made)  # type: ignore[arg-type]


def _seconds(said: str) -> float | None:
    match = re.fullmatch(r"(?:(\d+):)?(\d+(?:\.\d+)?)(ms|s)?", said)
    if match is None:
        return None
    seconds = float(match[2]) * (0.001 if match[3] == "ms" else 1.0)
    return seconds + 60 * int(match[1] or 0)


def may_hold(query: Query, line: bytes) -> bool:
    """A quick look at the raw line: False means it can not match."""
    if query.words:
        low = line.lower()
        if any(word not in low for word in query.words):
            return False
    if query.grant and query.grant.encode() not in line:
        return False
    return not query.ops or any(b'"f":"%b"' % f.encode() in line for f in query.ops)


def matches(query: Query, op: Op, asked: Op | None) -> bool:
    """Does this op pass? `asked` is its invocation, where latency is asked for."""
    if not query.from_s <= op.t_s < query.to_s or (query.kind == "log"):
        return False
    if query.ops and op.f not in query.ops:
        return False
    if query.who and not op.process.startswith(query.who):
        return False
    if query.other and op.process.startswith(query.other):
        return False
    if query.on and op.route != query.on:
        return False
    if query.slow_s:
        due_s = None if asked is None else asked.t_s if asked.due_s is None else asked.due_s
        if due_s is None or op.t_s - due_s < query.slow_s:
            return False
    return not query.outcome or _is(query.outcome, op)


def _is(word: str, op: Op) -> bool:
    if op.type == "invoke":
        return False
    failed, shed = outcome(op)
    if word == "failed":
        return failed
    if word == "shed":
        return shed
    if word == "captured":
        return op.type == "ok" and (op.value or {}).get("capture") is not None
    if word == "uncaptured":
        return op.f == "revoke" and op.type == "ok" and (op.value or {}).get("capture") is None
    if word == "refused":
        return op.type == "fail" and not failed and not shed
    return op.type == word
