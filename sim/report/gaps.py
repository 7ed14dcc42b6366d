"""The revocation gaps, drawn one by one: what is proven, what may be, and what is allowed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from sim.checks.reading import Reading
from sim.checks.revocation import Gap, gaps_of
from sim.history.history import History
from sim.report.drawing import Drawing, Scale, ticks

DRAWN = 400
"""Assumption: four hundred gaps are more than anybody looks at; the page says how many more there are."""
TICKS = 60
"""Acceptances drawn of one gap; all are counted."""
WIDTH, LEFT, RIGHT, ROW, TOP = 1040.0, 268.0, 150.0, 15.0, 30.0


class Interval(NamedTuple):
    """One gap as it is drawn and listed; seconds count from when it should have been in force."""

    grant: str
    side: str
    kind: str
    by: str
    acknowledged_s: float
    start_s: float
    lower_s: float
    upper_s: float
    accepted_s: tuple[float, ...]
    """When acceptances were answered, since the start."""
    uses: int
    revoke_i: int


class Gaps(NamedTuple):
    """All gaps of a run, the longest first."""

    intervals: list[Interval]
    allowed_s: float | None
    """The scenario's limit; None = all is allowed."""
    late: int
    """Gaps whose proven part is longer than allowed."""


def gaps(reading: Reading, history: History) -> Gaps:
    """Read them as the check `revocation` does."""
    limit = reading.terms.limit("revocation", "longest_gap")
    allowed_s = None if limit is None or limit.max == "all" else float(limit.max)
    found = [_interval(reading, history, gap) for gap in gaps_of(reading)]
    late = 0 if allowed_s is None else sum(g.lower_s > allowed_s for g in found)
    return Gaps(found, allowed_s, late)


def draw(found: Sequence[Interval], allowed_s: float | None, *, ident: str, title: str) -> str:
    """One row a gap: a solid bar for what acceptances prove, an outlined one for what may be."""
    longest = max((g.upper_s for g in found), default=1.0)
    end = max(longest, allowed_s if allowed_s is not None and allowed_s < longest * 20 else 0.0) * 1.04
    x = Scale(0, end, LEFT, WIDTH - RIGHT)
    height = TOP + ROW * len(found) + 8
    drawing = Drawing(ident, WIDTH, height, title=title, says=(
        f"{len(found)} revocations, the longest first. Zero is when each should have been in force. The solid part is "
        "proven by acceptances, the outlined part ends at the first proof that it was over."))
    for t in ticks(0, end, 8):
        drawing.line(x(t), 20, x(t), height, "grid")
        drawing.text(x(t), 13, f"{t:g} s", "tick", anchor="middle")
    drawing.text(0, 13, "grant, revoked by", "tick")
    drawing.text(WIDTH, 13, "at least – at most", "tick", anchor="end")
    for n, gap in enumerate(found):
        _row(drawing, gap, x, TOP + n * ROW, allowed_s)
    if allowed_s is not None and allowed_s <= end:
        drawing.line(x(allowed_s), 17, x(allowed_s), height, "allowed")
        drawing.text(x(allowed_s) + 4, 27, f"allowed {allowed_s:g} s", "allowed-name")
    return drawing.svg()


def standing(gap: Interval, allowed_s: float | None) -> str:
    """within, over, or `?` if the proof leaves it open."""
    if allowed_s is None or gap.upper_s <= allowed_s:
        return "within"
    return "over" if gap.lower_s > allowed_s else "?"


def _row(drawing: Drawing, gap: Interval, x: Scale, y: float, allowed_s: float | None) -> None:
    how = standing(gap, allowed_s)
    sign = {"within": "", "over": "✗ ", "?": "? "}[how]
    class_ = {"within": "", "over": " over", "?": " unsure"}[how]
    drawing.text(0, y + 10, f"{sign}{gap.grant[:18]}{'…' if len(gap.grant) > 18 else ''}", "mono")
    drawing.text(LEFT - 8, y + 10, f"{gap.kind} by {gap.by}"[:22], "tick", anchor="end")
    whole = drawing.box(x(0), y + 2.5, x(gap.upper_s) - x(0), ROW - 5, f"upper{class_}")
    drawing.add("title", f"{gap.grant}: {gap.lower_s:.3f} s at least, {gap.upper_s:.3f} s at most", into=whole)
    drawing.box(x(0), y + 2.5, x(gap.lower_s) - x(0), ROW - 5, f"lower{class_}")
    at = sorted({round(x(t)) for t in gap.accepted_s})
    drawing.path([[(tick, y + 1), (tick, y + ROW - 1)] for tick in at], f"accepted{class_}")
    drawing.text(WIDTH, y + 10, f"{gap.lower_s:.2f} – {gap.upper_s:.2f} s", "tick", anchor="end")


def _interval(reading: Reading, history: History, gap: Gap) -> Interval:
    use, revoke = gap.use, gap.use.revoke
    accepted = sorted(max(0.0, history.ops[i].t_s - gap.start_s) for i in use.witnesses[:TICKS])
    return Interval(gap.grant, gap.side, revoke.kind, revoke.process, revoke.done_s, gap.start_s, gap.lower_s,
                    gap.upper_s, tuple(accepted), use.count, revoke.done_i)
