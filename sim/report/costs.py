"""What each run cost, in figures of which less is better; the best of each line is marked.

There is no score: a strategy that loses nothing and stands still for hours, and one that loses
a little and never stops, differ in kind. Only runs that completed can be best: one that broke
off cost little because it did little.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

from sim.report.columns import NOTHING, Ran, Row
from sim.report.summary import window_s

OPERATIONS = ("introspect", "refresh", "authorize", "code", "revoke", "client_credentials", "logout", "authz")

Value = Callable[[Ran], float | None]


class Cost(NamedTuple):
    """One line."""

    label: str
    value: Value
    """In the unit that `said` writes."""
    said: Callable[[float], str]


def costs(runs: Sequence[Ran]) -> list[Row]:
    """The lines that some run has a figure for."""
    found = []
    for cost in _all(runs):
        values = [cost.value(run) for run in runs]
        if any(v is not None for v in values):
            cells = [NOTHING if v is None else cost.said(v) for v in values]
            found.append(Row("costs", cost.label, cells, best=best(values, runs, cells)))
    return found


def unlike(runs: Sequence[Ran]) -> list[str]:
    """Conditions in which the runs differ, a sentence each; runs without a history are left out."""
    known = [run.measured.conditions for run in runs if run.measured is not None]
    names = list(dict.fromkeys(name for conditions in known for name in conditions))
    lines = []
    for name in names:
        values = [run.measured.conditions.get(name, NOTHING) if run.measured is not None else "?" for run in runs]
        if len({v for v in values if v != "?"}) > 1:
            lines.append(f"{name} is {' | '.join(values)}")
    return lines


def best(values: Sequence[float | None], runs: Sequence[Ran], cells: Sequence[str]) -> tuple[int, ...]:
    """Columns with the least; compared as they are written, so that nobody wins by a rounding."""
    able = [n for n, v in enumerate(values)
            if v is not None and (verdict := runs[n].verdict) is not None and verdict.ended == "completed"]
    if len(able) < 2:
        return ()
    least = min(able, key=lambda n: values[n] or 0.0)
    found = tuple(n for n in able if cells[n] == cells[least])
    return found if len(found) < len(able) else ()


def _all(runs: Sequence[Ran]) -> list[Cost]:
    asked = {f for run in runs if run.measured is not None for f in run.measured.down_s}
    return [
        Cost("window, copy to replay", lambda r: window_s(r.verdict) if r.verdict is not None else None, _seconds),
        Cost("migration", _migration, _seconds),
        *[Cost(f"{f.replace('_', ' ')} down", _down(f), _seconds) for f in OPERATIONS if f in asked],
        Cost("longest without an answer", _figure("availability.longest_gap"), _seconds),
        Cost("requests failed", _figure("availability.failed"), _count),
        Cost("requests shed", _figure("availability.shed"), _count),
        Cost("lost writes: new grants", _figure("write_loss.grants"), _count),
        Cost("new grants lost a minute", _figure("write_loss.grants_a_minute"), _count),
        Cost("lost chains", _figure("session_continuity.lost_chains"), _count),
        Cost("chains lost a minute", _figure("session_continuity.lost_share_a_minute"), _share),
        Cost("good tokens refused", _figure("token_continuity.false_inactive"), _count),
        Cost("late revocations", lambda r: float(r.measured.late) if r.measured is not None else None, _count),
        Cost("longest revocation gap", _figure("revocation.longest_gap"), _seconds),
        Cost("let in after the replay", _figure("revocation.uses_after_replay"), _count),
        Cost("revoked, still alive", _figure("revocation.still_alive"), _count),
        Cost("logins again", _figure("login_continuity.browser_sessions"), _count),
        Cost("logins in flight lost", _figure("login_continuity.in_flight"), _count),
        Cost("P95 afterwards", lambda r: r.verdict.hydra.get("after", {}).get("p95_s") if r.verdict else None, _ms),
    ]


def _seconds(value: float) -> str:
    return f"{value:.2f} s"


def _ms(value: float) -> str:
    return f"{value * 1000:.1f} ms"


def _share(value: float) -> str:
    return f"{value * 100:.2f} %"


def _count(value: float) -> str:
    return f"{value:,.0f}"


def _figure(name: str) -> Value:
    return lambda run: run.verdict.figure(name) if run.verdict is not None else None


def _down(f: str) -> Value:
    return lambda run: run.measured.down_s.get(f) if run.measured is not None else None


def _migration(run: Ran) -> float | None:
    phases = run.verdict.phases if run.verdict is not None else []
    return next((p.took_s for p in phases if p.kind == "migrate" and not p.undo and p.outcome == "ok"), None)
