"""Whoever is logged in stays so, and a login under way at the switch can be finished."""

from __future__ import annotations

from sim.checks.deciding import conclude, not_asked
from sim.checks.losses import Lost
from sim.checks.reached import no_crossing, off
from sim.checks.reading import Reading
from sim.checks.verdict import Check

NAME = "login_continuity"

FLOOR = 10
"""Assumption: ten authorizations after the switch; at 3 a second a soak of 20 s has sixty."""


def check(reading: Reading, lost: Lost) -> Check:
    """Count browser sessions ended, logins cut in two and codes refused."""
    why = no_crossing(reading)
    if why:
        return not_asked(NAME, why)
    logins, timeline = reading.logins, reading.timeline
    # A code whose grant is already counted as a lost grant is not a second loss.
    in_flight = [i for i, grant in logins.in_flight.items() if grant is None or grant not in lost.grants]
    codes = [i for i, grant in logins.codes.items() if grant is None or grant not in lost.grants]
    sessions = timeline.measured("browser_sessions")
    ended = 0.0
    unsure = "" if timeline.crossed else "green does not serve yet"
    if reading.terms.cookie_ends and timeline.crossed:
        ended = float((sessions or {}).get("count", 0))
        if sessions is None and not off(reading, "verify"):
            unsure = "the browser sessions of blue have not been counted"
    figures = {"browser_sessions": ended, "in_flight": float(len(in_flight)), "codes": float(len(codes)),
               "refused": float(len(logins.refused))}
    evidence = logins.authorized_after + len(logins.in_flight) + logins.exchanged_after
    return conclude(
        NAME, reading.terms, figures, evidence=evidence, floor=FLOOR, unsure=unsure,
        held=f"{ended:.0f} browser sessions ended, {len(in_flight)} logins in flight lost; "
        f"{logins.authorized_after} authorizations finished on green",
        broken={"in_flight": f"{len(in_flight)} logins or logouts begun before the switch could not be finished "
                "after it",
                "browser_sessions": f"{ended:.0f} people have to log in again: their cookie means nothing now",
                "refused": f"{len(logins.refused)} of {len(logins.refused) + logins.authorized_after} logins begun "
                "after the switch were refused",
                "codes": f"{len(codes)} authorization codes were refused though they were good"},
        witnesses=[*in_flight, *codes, *logins.refused])
