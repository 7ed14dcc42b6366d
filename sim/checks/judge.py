"""Judges a history under a scenario's terms."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from sim.checks import (
    availability,
    cleanup_safety,
    consent_continuity,
    data_equality,
    discovery_continuity,
    fault_proof,
    latency,
    login_continuity,
    migration,
    replay_queue,
    revocation,
    rollback,
    session_continuity,
    token_continuity,
    write_loss,
)
from sim.checks.deciding import unknown
from sim.checks.losses import Lost, attribute
from sim.checks.reading import Reading
from sim.checks.summary import hydra, phases
from sim.checks.terms import Terms
from sim.checks.verdict import Check, Verdict, Word, worst
from sim.history.history import History
from sim.history.op import Header

if TYPE_CHECKING:
    from sim.scenario.model import Scenario

ORDER: dict[str, Callable[[Reading, Lost], Check]] = {
    "revocation": revocation.check,
    "session_continuity": session_continuity.check,
    "token_continuity": token_continuity.check,
    "write_loss": write_loss.check,
    "login_continuity": login_continuity.check,
    "availability": availability.check,
    "latency": latency.check,
    "replay_queue": replay_queue.check,
    "consent_continuity": consent_continuity.check,
    "discovery_continuity": discovery_continuity.check,
    "cleanup_safety": cleanup_safety.check,
    "data_equality": data_equality.check,
    "migration": migration.check,
    "rollback": rollback.check,
    "fault_proof": fault_proof.check,
}
"""The checks in the order in which they are shown."""


def judge(history: History, scenario: Scenario) -> Verdict:
    """The verdict on a whole history.

    Pure: the same history and scenario give the same verdict. A check that crashes is UNKNOWN,
    with the error named.
    """
    return judge_under(history, Terms.of(scenario))


def judge_under(history: History, terms: Terms) -> Verdict:
    """The same under terms that need no scenario file."""
    return judged(read(history, terms), history.header)


def read(history: History, terms: Terms) -> Reading:
    """A whole history as the checks know it; the report draws from the same reading."""
    reading = Reading(terms)
    feed = reading.feed
    for op in history.ops:
        feed(op)
    if reading.timeline.ended == "running":
        reading.timeline.ended, reading.timeline.why = "failed", "the history ends before the run does"
    return reading


def judged(reading: Reading, header: Header) -> Verdict:
    """The verdict on what was read."""
    return compose(reading, run_checks(reading), scenario=header.scenario, engine=header.engine, seed=header.seed)


def run_checks(reading: Reading) -> list[Check]:
    """Every check on what was read."""
    lost = attribute(reading)
    return [_guarded(name, check, reading, lost) for name, check in ORDER.items()]


def _guarded(name: str, check: Callable[[Reading, Lost], Check], reading: Reading, lost: Lost) -> Check:
    try:
        return check(reading, lost)
    except Exception as error:
        # A check that fails has shown nothing, and the others still count: DESIGN point 4.
        return unknown(name, f"the check itself failed: {type(error).__name__}: {error}")


def compose(reading: Reading, checks: list[Check], *, scenario: str, engine: str, seed: int) -> Verdict:
    """A verdict of its checks."""
    words: list[Word] = [c.verdict for c in checks]
    if reading.timeline.ended == "failed":
        words.append("unknown")
    return Verdict(
        verdict=worst(words), ended=reading.timeline.ended, why=reading.timeline.why, scenario=scenario,
        engine=engine, seed=seed, checks=checks, phases=phases(reading),
        database=reading.timeline.measured("database") or {}, hydra=hydra(reading), planted=reading.timeline.planted)
