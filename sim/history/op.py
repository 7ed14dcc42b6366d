"""One operation of a rehearsal, and the words it is written in.

Every act has an invocation, written before acting, and exactly one completion: `ok`
(happened), `fail` (did not happen, for sure) or `info` (nobody knows: a timeout, a lost
connection). Things that have no outcome (a note, a gauge, progress) are a lone `info`
with `of` unset. Tokens never stand here, only `token_hash`.

The vocabulary (`f`, who writes it, what `value` holds on invocation → completion):

traffic, process = actor such as `web-17`, `mcp-3`, `rs-2`, `probe-1`
    introspect   {token: access|refresh, gen} → ok {active, status, sub_ok, coalesced}
    refresh      {gen} → ok {access, refresh, expires_in_s, gen, coalesced, status}
                 (access, refresh are hashes) | fail {status, oauth_error, shed}
    authorize    {scope, prompt?, remembered?, consent_of?} → ok {code, skipped_login, skipped_consent}
                 (`remembered`: the consent of the grant `consent_of` must do)
    code         {} (token_hash = hash of the code) → ok {access, refresh, expires_in_s, id_token_kid}
    client_credentials {} → ok {access, expires_in_s}
    revoke       {kind: access|refresh|consent|subject|login, grants: [..]} → ok {status, capture}
                 (`capture` is the edge's capture sequence or null) | fail {status, shed}
    logout       {} → ok {}
    authz        {} → ok {allowed, why}
    discovery    {} → ok {issuer, token_endpoint, ...}     jwks {} → ok {kids: [..]}
    id_token     {kid} → ok {verified}
    An ok means a usable answer was read; a clear refusal is `fail` with `status` and
    `oauth_error`; an answer shed on purpose has `shed: true`; 5xx and refused connections are
    `fail`; a timeout or lost answer is `info`.

runbook, process = `runbook`
    plan         info {steps: [{name, needs, measured, undo, deadline_s, estimate_s}], ...}: written once at the
                 start; `measured` names the figure behind `needs`, the step's precondition
    step         {step, n, of, deadline_s, undo, command} → ok|fail {figures}
    undo         {step} → ok|fail
    cmd          info {kind: exec|http|sql, command}: exactly what ran, secrets masked
    progress     info {step, done, total, now, ...}: inside a step
    gate         {step, ask, timeout_s, on_timeout, preconditions} → ok {decision, who, reason}
    snapshot     info {}: the instant the copy's data was fixed (t_s)
    switch       info {what: edge|login_consent|authz, to: blue|green, epoch}
    fence        info {side, on: true|false}
    state        info {state: STARTING RUNNING PAUSED GATE BUFFERING ABORTING ROLLED_BACK FINISHED, why}
    guard        info {when, figure, value, action}
    proof_well   → ok|fail {…}: blue proven well after a rollback

harness, process = `harness`
    note info {text, level: info|warn|error, who?, role?, tag?}     gauge info {…} (see sim/rehearsal.py), once a second
    stack  {…} → ok {ready_s, parts: {name: version}}  link {link} → ok {proven, delay_ms}
    end info {ended: completed|rolled_back|failed, why}

nemesis, process = `nemesis`
    fault {name, fault, link|part, by?, for_s?, stream, toxic: {…}} → ok {effect_s, proven, expected, seen} | fail
    made  info {name, effect_s}: in effect, so long after the order or the planned instant
    heal  {name, link|part} → ok {seen} | fail
    A surprise of a game day's card has `surprise: true` in each of them (sim.history.gameday).

operator, process = `operator`
    VERB  {who, …} → ok|fail {told}: what was asked of the running rehearsal (sim.control.VERBS; `ask_step` and
          `ask_heal` for step and heal) and answered; on a game day with `role` in both, and `tag` for what it is about
    tag   {who, role, of: index of an act, injection} → ok|fail: the facilitator says what an act was about

verify, process = `verify` (what the harness read by key afterwards; names of grants are ours)
    keys | oracle | rows | consents | schema | queue …: ok {…}, described in sim/runbook/verify.py
"""

from __future__ import annotations

from hashlib import sha256
from typing import Any, Literal

import msgspec

OpType = Literal["invoke", "ok", "fail", "info"]
TAKE_CONSENT = frozenset({"consent", "subject"})
"""Kinds of revocations that take the remembered consent too."""


class Op(msgspec.Struct, frozen=True, omit_defaults=True, gc=False):
    """One line of history.jsonl. Times are seconds since the header's origin."""

    i: int
    """Index in the history: 0, 1, 2 … without gaps."""
    type: OpType
    process: str
    """Who acts: an actor, `runbook`, `nemesis`, `harness`, `verify` or `operator`."""
    f: str
    """What is done; the vocabulary stands above."""
    t_s: float
    """Monotonic seconds since the origin, taken at the actual send or receive."""
    of: int | None = None
    """On a completion: the index of its invocation."""
    due_s: float | None = None
    """On a planned invocation: when it should have been sent; latency counts from here."""
    grant: str | None = None
    """The grant's name: its request_id if it was seeded, `n-…` if it was made in the run."""
    token_hash: str | None = None
    """`token_hash` of the token presented; never the token."""
    route: str | None = None
    """On a completion: the stack that answered, `blue` or `green`, as the edge said."""
    value: dict[str, Any] | None = None
    error: str | None = None
    """On fail and info: what was seen, in one line, without secrets."""


class Header(msgspec.Struct, frozen=True, kw_only=True):
    """The first line of a history."""

    format: int = 1
    origin_utc: str
    """Wall time of t_s = 0, ISO 8601 with Z; the only wall time in a history."""
    scenario: str
    seed: int
    engine: str
    grants: int = 0


def token_hash(token: str) -> str:
    """A token's name in the history: 16 hex digits of its SHA-256."""
    return sha256(token.encode()).hexdigest()[:16]
