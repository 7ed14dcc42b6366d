"""Which losses belong to which check: each is counted once, where it arose.

A grant made after the snapshot is lost as a grant (write_loss), a known chain rotated after it
as a chain (session_continuity), a service's token as such; what tokens of these say afterwards
is no further loss. Where the database was read by key its counts decide; what clients met
besides is added by name. Without that reading the history alone decides.
"""

from __future__ import annotations

import msgspec

from sim.checks.reading import Reading
from sim.checks.standing import Wrong
from sim.checks.tracking import Tracking


class Lost(msgspec.Struct):
    """Losses by where they arose."""

    grants: set[str]
    """Names of new grants lost, as far as they are known."""
    grants_count: int
    grants_sure: int
    """Of them, those that nothing can show to be alive any more: met by a client or read by key, or the run is over."""
    chains: set[str]
    chains_count: int
    chains_sure: int
    refused: set[str]
    """Of the chains, those that only a client's refused refresh showed."""
    services: set[str]
    """Names (or hashes) of services' tokens."""
    tokens: list[Wrong]
    """False-inactive answers that no loss above explains."""
    explained: int
    """False-inactive answers that one does."""
    shed: dict[str, int]
    """Grant whose revocation was shed and took effect → the op that showed it."""
    live_chains: int
    grants_read: bool
    chains_read: bool
    """Whether the database was read by key."""


def attribute(reading: Reading) -> Lost:
    """Put every loss seen so far where it belongs."""
    tracking, timeline = reading.tracking, reading.timeline
    by_key_grants = timeline.measured("lost_grants") or {}
    by_key_chains = timeline.measured("lost_chains") or {}
    new, rotated, services, refused = _met(tracking)
    named_grants = {str(g) for g in by_key_grants.get("grants", ())}
    named_chains = {str(g) for g in by_key_chains.get("grants", ())}
    moved = named_grants & tracking.service_grants
    dead = {g for g in named_grants | named_chains if _revoked_before_switch(reading, g)}
    services |= moved
    new |= named_grants - moved - dead
    chains = (named_chains | rotated | refused) - new - services - dead
    dead_grants, dead_chains = len(moved) + len(dead & named_grants), len(dead & named_chains)
    grants_sure = max(len(new), int(by_key_grants.get("count", 0)) - dead_grants)
    chains_sure = max(len(chains), int(by_key_chains.get("count", 0)) - dead_chains)
    made, continued = _by_history(reading, bool(by_key_grants), bool(by_key_chains))
    new |= made - chains
    chains |= continued - new - services - dead
    grants_count, chains_count = max(len(new), grants_sure), max(len(chains), chains_sure)
    if timeline.ended != "running":
        grants_sure, chains_sure = grants_count, chains_count
    tokens, explained, shed = _rest(reading, new | chains | services)
    return Lost(
        grants=new, chains=chains, services=services, tokens=tokens, explained=explained, shed=shed,
        grants_count=grants_count, grants_sure=grants_sure, chains_count=chains_count, chains_sure=chains_sure,
        refused=refused - new - services - named_chains, live_chains=int(by_key_chains.get("total", 0)),
        grants_read=bool(by_key_grants), chains_read=bool(by_key_chains))


def _met(tracking: Tracking) -> tuple[set[str], set[str], set[str], set[str]]:
    """What clients met: new grants, rotated chains, services' tokens, and chains refused for no such cause."""
    new: set[str] = set()
    rotated: set[str] = set()
    services: set[str] = set()
    refused: set[str] = set()
    for grant, loss in tracking.losses.items():
        (new if loss.cause == "new_grant" else rotated if loss.cause == "rotated" else refused).add(grant)
    for wrong in tracking.wrongs:
        if wrong.stays or (wrong.shed and not wrong.cause):
            continue
        if wrong.cause == "new_grant":
            new.add(wrong.grant)
        elif wrong.cause == "rotated":
            rotated.add(wrong.grant)
        elif wrong.cause == "service_token":
            services.add(wrong.grant)
    return new, rotated, services, refused


def _rest(reading: Reading, unknown: set[str]) -> tuple[list[Wrong], int, dict[str, int]]:
    """False-inactive answers that no loss explains, how many one does, and those after a revocation that was shed."""
    shed: dict[str, int] = {}
    tokens: list[Wrong] = []
    explained = 0
    for wrong in reading.tracking.wrongs:
        if wrong.stays:
            tokens.append(wrong)
        elif wrong.cause or (wrong.grant in unknown and _explained(reading, wrong)):
            explained += 1
        elif wrong.shed:
            shed.setdefault(wrong.grant, wrong.i)
        else:
            tokens.append(wrong)
    return tokens, explained, shed


def _by_history(reading: Reading, grants_read: bool, chains_read: bool) -> tuple[set[str], set[str]]:
    """Grants and chains whose newest tokens were made on the stack that no longer serves, after the copy was fixed.

    Lost, unless whoever serves answers for one of them all the same.
    """
    timeline, tracking = reading.timeline, reading.tracking
    new: set[str] = set()
    rotated: set[str] = set()
    back = timeline.serving == "blue"
    if not timeline.crossed or timeline.snapshot is None or (not back and grants_read and chains_read):
        return new, rotated
    other = "green" if back else "blue"
    for grant, stand in tracking.stands.items():
        token = tracking.tokens.get(stand.access) if stand.access is not None else None
        if token is None or token.route != other or stand.revokes or stand.doubt:
            continue
        if other == "blue" and token.begun_i < timeline.snapshot.i:
            continue
        made_there = stand.created_route == other and (back or stand.created_i > timeline.snapshot.i)
        if made_there and (back or not grants_read):
            new.add(grant)
        elif not made_there and (back or not chains_read):
            rotated.add(grant)
    return new, rotated


def _explained(reading: Reading, wrong: Wrong) -> bool:
    """Whether a loss of its grant explains the answer: what one stack does not know was still good on the other."""
    loss = reading.tracking.losses.get(wrong.grant)
    if loss is not None and (loss.route == wrong.route or loss.i < wrong.i):
        return True
    return reading.timeline.crossed and wrong.route == reading.timeline.serving


def _revoked_before_switch(reading: Reading, grant: str) -> bool:
    stand, switch = reading.tracking.stands.get(grant), reading.timeline.first_switch
    return stand is not None and switch is not None and any(r.done_i < switch.i for r in stand.revokes)
