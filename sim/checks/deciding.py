"""From figures to a verdict: the same few lines for every check.

A figure over its limit breaks; if only its upper bound is over, nobody knows; too little
evidence is UNKNOWN too. What a check says it can not know (`unknown`) never hides a break.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from sim.checks.terms import Limit, Terms
from sim.checks.verdict import WITNESSES, Check, Tolerated
from sim.history.figures import FIGURES


def not_asked(name: str, why: str) -> Check:
    """A check whose job is off."""
    return Check(name=name, verdict="not_asked", summary=why)


def unknown(name: str, why: str, *, evidence: int = 0, witnesses: Sequence[int] = ()) -> Check:
    """A check that can not say anything."""
    return Check(name=name, verdict="unknown", summary=why, evidence=evidence,
                 witnesses=sorted(witnesses)[:WITNESSES])


def conclude(
    name: str,
    terms: Terms,
    figures: Mapping[str, float],
    *,
    evidence: int,
    floor: int,
    held: str,
    broken: Mapping[str, str] | None = None,
    unsure: str = "",
    totals: Mapping[str, float] | None = None,
    at_least: Mapping[str, float] | None = None,
    witnesses: Sequence[int] = (),
) -> Check:
    """Judge figures against their limits.

    Args:
        figures: figure → value; an upper bound where `at_least` holds the lower one.
        held: the sentence if it held.
        broken: figure → the sentence of its first witness, said if that figure is over.
        unsure: why this can not be known, or "".
        totals: figure → the whole of which a tolerance's share is taken.
    """
    tolerated: dict[str, Tolerated] = {}
    over: list[str] = []
    perhaps: list[str] = []
    for figure, value in figures.items():
        limit = terms.limit(name, figure)
        if limit is None:
            continue
        total = (totals or {}).get(figure, 0.0)
        used = _in_unit(value, limit, figure, name, total)
        # A share of a whole that is not known yet may be anything.
        may_be_any = not total and _shared(limit, figure, name)
        if limit.written:
            known = not (may_be_any and value)
            tolerated[figure] = Tolerated(limit.max, limit.unit, limit.because, round(used, 6) if known else None)
        if limit.max == "all" or used <= limit.max:
            continue
        least = 0.0 if may_be_any else _in_unit(
            (at_least or {}).get(figure, value), limit, figure, name, total)
        (over if least > limit.max else perhaps).append(figure)
    if over:
        verdict, summary = "broken", "; ".join(_said(name, f, figures[f], terms, broken) for f in over)
    elif perhaps:
        verdict, summary = "unknown", "; ".join(_perhaps(name, f, figures[f], at_least) for f in perhaps)
    elif unsure:
        verdict, summary = "unknown", unsure
    elif evidence < floor:
        verdict, summary = "unknown", f"only {evidence} of at least {floor} proofs that could have broken it"
    else:
        verdict, summary = "held", held
    return Check(
        name=name, verdict=verdict, summary=summary, evidence=evidence,  # type: ignore[arg-type]  # Words only
        figures={f: round(v, 6) for f, v in figures.items()}, tolerated=tolerated,
        witnesses=sorted(set(witnesses))[:WITNESSES])


def _in_unit(value: float, limit: Limit, figure: str, check: str, total: float) -> float:
    """A value in the unit its limit is written in; a share of nothing is all of it."""
    if _shared(limit, figure, check):
        return value / total if total else float(value > 0)
    return value


def _shared(limit: Limit, figure: str, check: str) -> bool:
    return limit.unit == "share" and FIGURES[check][figure].unit == "count"


def _perhaps(name: str, figure: str, value: float, at_least: Mapping[str, float] | None) -> str:
    known = FIGURES[name][figure]
    least = (at_least or {}).get(figure, value)
    if least == value:
        return f"{known.label}: {_number(value, known.unit)}, of a whole that is not known"
    return (f"{known.label} is at most {_number(value, known.unit)} and at least "
            f"{_number(least, known.unit)}: over its limit or not")


def _said(name: str, figure: str, value: float, terms: Terms, sentences: Mapping[str, str] | None) -> str:
    if sentences and figure in sentences:
        return sentences[figure]
    known = FIGURES[name][figure]
    limit = terms.limit(name, figure)
    allowed = "" if limit is None or limit.max == "all" else f", allowed {_number(limit.max, limit.unit)}"
    return f"{known.label}: {_number(value, known.unit)}{allowed}"


def _number(value: float, unit: str) -> str:
    if unit == "s":
        return f"{value:.1f} s" if value >= 0.1 else f"{value * 1000:.1f} ms"
    if unit == "share":
        return f"{value * 100:.2f} %"
    if unit == "times":
        return f"×{value:.2f}"
    return f"{value:,.0f}"
