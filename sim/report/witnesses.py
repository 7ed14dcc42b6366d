"""The ops that show a verdict, as a reader opens them: request, answer, route, UTC time."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any, NamedTuple

from sim.checks.verdict import Verdict
from sim.history.history import Call, History
from sim.history.op import Op
from sim.report.calls import completed, due_s
from sim.report.instants import since, utc
from sim.report.masking import MASK, masked, masked_value

LONGEST = 1600
"""Characters of a value; a replay's figures name every record and are read in the history."""
LIFE = 40
"""Assumption: forty ops tell the life of a grant; the page says if there were more."""


class Shown(NamedTuple):
    """One op to be opened."""

    i: int
    """The index that the verdict names."""
    title: str
    when: str
    utc: str
    request: str
    answer: str
    took: str
    facts: list[tuple[str, str]]


class Life(NamedTuple):
    """What happened to one grant, in order."""

    grant: str
    lines: list[tuple[str, str, str, str]]
    """(when, who, what, answer)"""
    more: int


def wanted(verdict: Verdict) -> set[int]:
    """Indexes that some check names."""
    return {i for check in verdict.checks for i in check.witnesses}


def shown(history: History, indexes: Iterable[int]) -> dict[int, Shown]:
    """Index → the op with its other half; an index that the history does not hold is left out."""
    ops = history.ops
    asked = {i for i in indexes if 0 <= i < len(ops)}
    begun = {i: i if (of := ops[i].of) is None else of for i in asked}
    halves = set(begun.values())
    done = {op.of: op for op in ops if op.of in halves} if halves else {}
    found = {}
    for i, first in sorted(begun.items()):
        found[i] = _shown(history, i, Call(ops[first], done.get(first)))
    return found


def lives(history: History, grants: set[str]) -> dict[str, Life]:
    """Grant → its life, for the few grants that a broken check names first."""
    found: dict[str, list[tuple[float, tuple[str, str, str, str]]]] = {grant: [] for grant in grants}
    counts = dict.fromkeys(grants, 0)
    if not grants:
        return {}
    for call in completed(history):
        named = {call.begun.grant, *((call.begun.value or {}).get("grants") or ())}
        for grant in named & grants:
            counts[grant] += 1
            if len(found[grant]) < LIFE:
                found[grant].append((call.begun.t_s, _line(call)))
    return {g: Life(masked(g), [line for _, line in sorted(lines)], counts[g] - len(lines))
            for g, lines in found.items()}


def request(op: Op) -> str:
    """What was sent, as HTTP where it was HTTP; tokens and secrets masked."""
    value = op.value or {}
    token = f"token={MASK}"
    if op.f == "revoke":
        return {
            "consent": "DELETE /oauth2/auth/sessions/consent?subject=…&client=…",
            "subject": "DELETE /oauth2/auth/sessions/consent?subject=…&all=true",
            "login": "DELETE /oauth2/auth/sessions/login?subject=…",
        }.get(str(value.get("kind")), f"POST /oauth2/revoke  {token}  client_secret={MASK}")
    return {
        "introspect": f"POST /oauth2/introspect  {token}",
        "refresh": f"POST /oauth2/token  grant_type=refresh_token  refresh_token={MASK}",
        "code": f"POST /oauth2/token  grant_type=authorization_code  code={MASK}",
        "client_credentials": f"POST /oauth2/token  grant_type=client_credentials  client_secret={MASK}",
        "authorize": "GET /oauth2/auth?response_type=code  (login and consent follow)",
        "logout": "GET /oauth2/sessions/logout",
        "authz": f"POST /may  {token}  (the authorization service)",
        "discovery": "GET /.well-known/openid-configuration",
        "jwks": "GET /.well-known/jwks.json",
    }.get(op.f, f"{op.process} {op.f}")


def _shown(history: History, i: int, call: Call) -> Shown:
    begun, done = call
    header = history.header
    facts = [("op", f"{begun.i} → {done.i}" if done is not None else str(begun.i)), ("by", begun.process)]
    if begun.due_s is not None:
        facts.append(("due", f"{since(begun.due_s)}, sent {max(0.0, begun.t_s - begun.due_s) * 1000:.1f} ms later"))
    if begun.grant:
        facts.append(("grant", begun.grant))
    if begun.token_hash:
        facts.append(("token, by its hash", begun.token_hash))
    if done is not None and done.route:
        facts.append(("answered by", done.route))
    last = done or begun
    took = "" if done is None else f"{(done.t_s - due_s(call)) * 1000:.1f} ms"
    return Shown(
        i, masked(f"{begun.process}: {begun.f.replace('_', ' ')}{_said(done)}"), since(last.t_s), utc(header, last.t_s),
        masked("\n".join([request(begun), *_pretty(begun.value)])), masked("\n".join(_answer(begun, done))), took,
        [(k, masked(v)) for k, v in facts])


def _said(done: Op | None) -> str:
    """The answer in two words."""
    if done is None:
        return ""
    value = done.value or {}
    if "active" in value:
        return f" → {'active' if value['active'] else 'inactive'}"
    if "allowed" in value:
        return f" → {'allowed' if value['allowed'] else 'refused'}"
    status = value.get("status")
    word = {"info": "no answer" if done.of is not None else "", "fail": "failed"}.get(done.type, done.type)
    return f" → {word}{f' {status}' if status is not None else ''}" if word else ""


def _answer(begun: Op, done: Op | None) -> list[str]:
    if done is None:
        return [] if begun.type == "info" else ["no answer: the history ends before one"]
    lines = [f"{done.type}{f': {done.error}' if done.error else ''}"]
    return [*lines, *_pretty(done.value)]


def _pretty(value: dict[str, Any] | None) -> list[str]:
    if not value:
        return []
    text = json.dumps(masked_value(value), indent=1, ensure_ascii=False)
    if len(text) > LONGEST:
        text = f"{text[:LONGEST]}\n… {len(text) - LONGEST:,} characters more stand in history.jsonl"
    return [text]


def _line(call: Call) -> tuple[str, str, str, str]:
    begun, done = call
    what = begun.f.replace("_", " ")
    kind = (begun.value or {}).get("kind") if begun.f == "revoke" else None
    route = f" by {done.route}" if done is not None and done.route else ""
    return (since(begun.t_s), masked(begun.process), f"{what}{f' ({kind})' if kind else ''}",
            masked(f"{_said(done).removeprefix(' → ') or 'no answer'}{route}"))
