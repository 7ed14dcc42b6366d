"""Once a revocation has been acknowledged, no stack lets the token in again.

The price of a switch with writes on is a gap: what was revoked on blue is in force on green
only when it was replayed. The gap is measured from both sides and allowed as far as the
scenario says; an acceptance after the replay, or by the very stack that acknowledged, is
never a gap. What no client happened to ask for is read by key.
"""

from __future__ import annotations

from typing import NamedTuple

from sim.checks.deciding import conclude
from sim.checks.losses import Lost
from sim.checks.reading import Reading
from sim.checks.standing import Revoke, Use
from sim.checks.verdict import Check

NAME = "revocation"

FLOOR = 20
"""Assumption: twenty revocations in the window; at 146 operations a second with 3 % revocations
that is five seconds of traffic."""
ROTATED_FLOOR = 1
"""Assumption: one chain rotated after the copy and revoked then: the case that string replay misses."""


class Gap(NamedTuple):
    """How long one revocation was not in force on another stack."""

    upper_s: float
    lower_s: float
    grant: str
    side: str
    use: Use
    start_s: float
    """When it should have been in force there: the acknowledgement or that stack's switch, the later."""


def gaps_of(reading: Reading) -> list[Gap]:
    """Every revocation that was not in force on another stack for a time; the longest first."""
    alive = _alive(reading)
    return sorted((g for g in (_gap(reading, grant, side, use, alive)
                               for (grant, side), use in reading.tracking.uses.items()) if g is not None),
                  key=lambda g: (-g.upper_s, g.grant))


def check(reading: Reading, lost: Lost) -> Check:
    """Judge every acceptance after an acknowledged revocation, and the rows that are left."""
    tracking, timeline = reading.tracking, reading.timeline
    alive = _alive(reading)
    gaps = gaps_of(reading)
    counts = {when: sum(u.when.get(when, 0) for u in tracking.uses.values())
              for when in ("gap", "after_replay", "same_stack")}
    unexplained, hidden = _unexplained(reading)
    figures = {
        "longest_gap": max((g.upper_s for g in gaps), default=0.0),
        "longest_gap_at_least": max((g.lower_s for g in gaps), default=0.0),
        "uses": float(sum(counts.values())),
        "uses_after_replay": float(counts["after_replay"]),
        "uses_where_revoked": float(counts["same_stack"]),
        "still_alive": float(len(alive)),
        "shed_took_effect": float(len(lost.shed)),
        "unexplained": float(len(unexplained)),
        "acknowledged": float(tracking.revoke_acks),
    }
    if timeline.ended == "running":
        figures["oldest_wait"] = _oldest_wait(reading)
    evidence, unsure = _evidence(reading)
    if unexplained:
        unsure = (f"{len(unexplained)} grants are dead on blue and alive on green and nothing in the history ended "
                  f"them, such as {unexplained[0]}: was something revoked round the edge?")
    elif hidden:
        unsure = "the database named only a part of what is dead on blue and alive on green"
    return conclude(
        NAME, reading.terms, figures, evidence=evidence, floor=FLOOR, unsure=unsure,
        at_least={"longest_gap": figures["longest_gap_at_least"]},
        held=_held(reading, figures), broken=_sentences(reading, gaps, alive, lost),
        witnesses=_witnesses(reading, gaps, alive, lost))


def _gap(reading: Reading, grant: str, side: str, use: Use, alive: dict[str, str]) -> Gap | None:
    if not use.when.get("gap"):
        return None
    start_s = max(use.revoke.done_s, _served_from_s(reading, side))
    lower_s = max(0.0, use.last_begun_s - start_s)
    return Gap(max(lower_s, _ended_s(reading, grant, side, use, alive) - start_s), lower_s, grant, side, use, start_s)


def _served_from_s(reading: Reading, side: str) -> float:
    """When that stack began to serve, by the first edge that turned to it; 0 if it did from the beginning."""
    return next((s.t_s for s in reversed(reading.timeline.turns) if s.value.get("to") == side), 0.0)


def _ended_s(reading: Reading, grant: str, side: str, use: Use, alive: dict[str, str]) -> float:
    """The latest instant at which the gap may have ended.

    A refusal ends it. Where only a later reading proves the grant dead, the replay is what
    killed it: nothing else would.
    """
    timeline = reading.timeline
    known_s = [] if use.refused_s is None else [use.refused_s]
    rows = timeline.asked("revoked_rows")
    if side == "green" and rows is not None and rows.outcome == "ok" and grant not in alive:
        known_s.append(rows.done_s)
    replayed_s = timeline.replayed_s.get(side)
    if known_s and replayed_s is not None and replayed_s > use.last_done_s:
        known_s.append(replayed_s)
    return min(known_s, default=reading.last_s)


def _alive(reading: Reading) -> dict[str, str]:
    """Grants with an acknowledged revocation that green holds alive at the end → where."""
    timeline, stands = reading.timeline, reading.tracking.stands
    rows = timeline.measured("revoked_rows") or {}
    found = {str(g): ", ".join(map(str, tables)) for g, tables in (rows.get("alive") or {}).items()}
    for grant in _oracle(reading):
        stand = stands.get(grant)
        if stand is not None and stand.revokes:
            found.setdefault(grant, "its tokens")
    return found


def _oracle(reading: Reading) -> list[str]:
    oracle = reading.timeline.measured("oracle", when="end") or {}
    return [str(g) for g in (*oracle.get("gone", ()), *oracle.get("inactive", ()))]


def _unexplained(reading: Reading) -> tuple[list[str], bool]:
    """Grants that nothing in the history ended; and whether the list of names was cut."""
    stands = reading.tracking.stands
    names = _oracle(reading)
    oracle = reading.timeline.measured("oracle", when="end") or {}
    cut = int(oracle.get("gone_count", 0)) + int(oracle.get("inactive_count", 0)) > len(names)
    found = []
    for grant in names:
        stand = stands.get(grant)
        touched = stand is not None and (
            stand.revokes or stand.doubt or stand.ever_reused or stand.lost is not None or stand.in_doubt_i >= 0
            or stand.last_issue_i >= 0)
        if not touched:
            found.append(grant)
    return sorted(found), cut


def _evidence(reading: Reading) -> tuple[int, str]:
    """Revocations that could have broken it; and why they are not enough, if so."""
    tracking, timeline = reading.tracking, reading.timeline
    if not timeline.crossed:
        return tracking.revoke_acks, ""
    rows = timeline.measured("revoked_rows")
    if rows is None:
        late = timeline.ended in ("rolled_back", "failed")
        return len(tracking.asked_again), "" if late or "verify" not in reading.terms.roles else (
            "what was revoked has not been read by key on green")
    # Where nothing could be revoked in the window, or there is none, what was revoked before the switch counts.
    if timeline.nobody_wrote or reading.terms.in_place:
        return len(tracking.asked_again), ""
    if timeline.snapshot is not None and reading.rotated_acks_in_window < ROTATED_FLOOR:
        return reading.acks_in_window, "no chain was rotated after the copy and revoked then: the hard case was not met"
    return reading.acks_in_window, ""


def _oldest_wait(reading: Reading) -> float:
    if reading.first_capture_s is None or "green" in reading.timeline.replayed_i:
        return 0.0
    return max(0.0, reading.last_s - reading.first_capture_s)


def _held(reading: Reading, figures: dict[str, float]) -> str:
    if not reading.timeline.crossed:
        return f"{reading.tracking.revoke_acks} revocations acknowledged, none was let in again"
    if not figures["uses"]:
        return "no revoked app was let in"
    return (f"no revoked app gets in after the replay; before it {figures['uses']:.0f} uses in "
            f"at most {figures['longest_gap']:.1f} s")


def _sentences(reading: Reading, gaps: list[Gap], alive: dict[str, str], lost: Lost) -> dict[str, str]:
    said: dict[str, str] = {}
    if gaps:
        g = gaps[0]
        said["longest_gap"] = (f"{_revoked(g.grant, g.use.revoke)} and was still let in by {g.side} "
                               f"{g.use.count} times, up to {g.lower_s:.1f} s after it should have been in force")
    for when, figure, where in (
        ("after_replay", "uses_after_replay", "after the replay was done"),
        ("same_stack", "uses_where_revoked", "though that stack had acknowledged it"),
    ):
        found = [(u.first_i, *key) for key, u in reading.tracking.uses.items() if u.when.get(when)]
        if found:
            _, grant, side = min(found)
            use = reading.tracking.uses[grant, side]
            said[figure] = (f"{_revoked(grant, use.revoke)} and was let in by {side} at {use.last_begun_s:.1f} s, "
                            f"{where}{_because(reading, grant)}")
    if alive:
        grant = min(alive, key=lambda g: _ack_i(reading, g))
        stand = reading.tracking.stands.get(grant)
        revoke = stand.revokes[0] if stand is not None and stand.revokes else None
        names = f"; {len(alive)} such grants: {', '.join(sorted(alive)[:5])}" if len(alive) > 1 else ""
        said["still_alive"] = (f"{_revoked(grant, revoke)} and is still alive on green ({alive[grant]})"
                               f"{_because(reading, grant)}{names}")
    if lost.shed:
        grant = min(lost.shed, key=lambda g: lost.shed[g])
        said["shed_took_effect"] = f"the revocation of {grant} was refused with a 503 and yet ended it"
    return said


def _revoked(grant: str, revoke: Revoke | None) -> str:
    if revoke is None:
        return f"{grant} was revoked"
    capture = f", capture {revoke.capture}" if revoke.capture is not None else ", not captured"
    where = f" on {revoke.route}" if revoke.route else ""
    return f"{grant} was revoked by {revoke.process} ({revoke.kind}){where} at {revoke.done_s:.1f} s{capture},"


def _because(reading: Reading, grant: str) -> str:
    stand, snapshot = reading.tracking.stands.get(grant), reading.timeline.snapshot
    if stand is not None and snapshot is not None and stand.rotated_i > snapshot.i:
        return ", its chain had been rotated after the copy"
    return ""


def _ack_i(reading: Reading, grant: str) -> int:
    stand = reading.tracking.stands.get(grant)
    return stand.revokes[0].done_i if stand is not None and stand.revokes else 1 << 62


def _witnesses(reading: Reading, gaps: list[Gap], alive: dict[str, str], lost: Lost) -> list[int]:
    found: list[int] = []
    for use in reading.tracking.uses.values():
        if use.when.get("after_replay") or use.when.get("same_stack"):
            found += [use.revoke.done_i, *use.witnesses[-3:]]
    if gaps:
        found += [gaps[0].use.revoke.done_i, *gaps[0].use.witnesses[-3:]]
    found += [i for i in (_ack_i(reading, g) for g in sorted(alive)) if i < 1 << 62]
    return [*found, *lost.shed.values()]
