"""The ten seconds: five figures that decide whether a change goes ahead."""

from __future__ import annotations

from typing import NamedTuple

from sim.checks.reading import Reading
from sim.checks.verdict import Check, Verdict
from sim.report.text import amount


class Answer(NamedTuple):
    """One question and its answer."""

    asks: str
    says: str
    more: str
    verdict: str
    """Of the check that judges it; "" if none does."""


def answers(verdict: Verdict, reading: Reading) -> list[Answer]:
    """Those that this run can answer, the most important first."""
    found = [_revoked(verdict), _lost(verdict), _refused(verdict), _window(verdict), _new_hydra(verdict),
             _way_back(verdict, reading)]
    return [a for a in found if a is not None]


def window_s(verdict: Verdict) -> float | None:
    """From the beginning of the copy to the end of the replay; None if either was not walked."""
    took = {p.kind: p for p in verdict.phases if not p.undo and p.outcome == "ok"}
    if "copy" not in took or "replay" not in took:
        return None
    return took["replay"].begun_s + took["replay"].took_s - took["copy"].begun_s


def _check(verdict: Verdict, name: str) -> Check | None:
    return next((c for c in verdict.checks if c.name == name and c.verdict != "not_asked"), None)


def _revoked(verdict: Verdict) -> Answer | None:
    check = _check(verdict, "revocation")
    if check is None:
        return None
    figures = check.figures
    bad = int(figures.get("uses_after_replay", 0) + figures.get("uses_where_revoked", 0))
    alive = int(figures.get("still_alive", 0))
    uses, gap = int(figures.get("uses", 0)) - bad, figures.get("longest_gap", 0.0)
    for_a_time = ""
    if uses > 0:
        limit = check.tolerated.get("longest_gap")
        allowed = f", allowed {amount(limit.max, limit.unit)}" if limit is not None and limit.max != "all" else ""
        for_a_time = f"{uses:,} uses in at most {gap:.1f} s{allowed}"
    if bad or alive:
        says = f"{bad:,} uses" if bad else f"{alive:,} still alive"
        more = "not only for a time" + (f"; {alive:,} revoked grants are alive at the end" if bad and alive else "")
        more += f"; besides, for a time: {for_a_time}" if for_a_time else ""
    else:
        says = "none" if check.verdict != "unknown" else "none seen"
        more = f"for a time only: {for_a_time}" if for_a_time else "not even for a time"
    return Answer("Revoked apps let back in", says, more, check.verdict)


def _lost(verdict: Verdict) -> Answer | None:
    check = _check(verdict, "session_continuity")
    if check is None:
        return None
    figures = check.figures
    chains, share = figures.get("lost_chains", 0.0), figures.get("lost_share")
    says = f"{chains:,.0f} chains" + (f" ({share * 100:.2f} %)" if share is not None and chains else "")
    others = []
    grants = verdict.figure("write_loss.grants")
    if grants is not None:
        others.append(f"{grants:,.0f} new grants")
    browsers = verdict.figure("login_continuity.browser_sessions")
    if browsers:
        others.append(f"{browsers:,.0f} people log in again")
    return Answer("Sessions lost", says if chains else "none", "; ".join(others), check.verdict)


def _refused(verdict: Verdict) -> Answer | None:
    check = _check(verdict, "availability")
    if check is None:
        return None
    failed, shed = check.figures.get("failed", 0.0), check.figures.get("shed", 0.0)
    says = "none" if not failed and not shed else " + ".join(
        f"{n:,.0f} {word}" for n, word in ((failed, "failed"), (shed, "shed")) if n)
    buffered = check.figures.get("longest_buffering", 0.0)
    return Answer("Requests without an answer", says, f"of {check.evidence:,}; the longest waited {buffered:.2f} s at "
                  "the edge", check.verdict)


def _window(verdict: Verdict) -> Answer | None:
    seconds = window_s(verdict)
    migrate = next((p for p in verdict.phases if p.kind == "migrate" and not p.undo), None)
    took = "" if migrate is None else (
        f"took {migrate.took_s:.1f} s" if migrate.outcome == "ok" else f"failed after {migrate.took_s:.1f} s")
    if seconds is not None:
        return Answer("The window, copy to replay", f"{seconds:.1f} s", f"the migration {took}" if took else "", "")
    return Answer("The migration", took, "no window from copy to replay", "") if took else None


def _new_hydra(verdict: Verdict) -> Answer | None:
    before, after = verdict.hydra.get("before", {}), verdict.hydra.get("after", {})
    old, new = before.get("p95_s"), after.get("p95_s")
    if not old or new is None:
        return None
    return Answer("The new Hydra's P95", f"{(new - old) / old * 100:+.0f} %".replace("-", "−"),
                  f"{old * 1000:.1f} → {new * 1000:.1f} ms, equal windows of the same mix", "")


def _way_back(verdict: Verdict, reading: Reading) -> Answer | None:
    if verdict.ended == "rolled_back":
        return Answer("The way back", "taken", "rolled back to blue, and blue was proven well", "")
    close = next((s for s in reading.timeline.steps if s.kind == "close"), None)
    gauges = [g for g in reading.timeline.gauges if close is None or g.i < close.i]
    back = gauges[-1].value.get("way_back") if gauges else None
    if not isinstance(back, dict):
        return None
    state = str(back.get("state"))
    says = {"free": "free", "costs": "at a price"}.get(state, state)
    return Answer("The way back, at the end of the soak" if close is not None else "The way back", says,
                  str(back.get("why", "")), "")
