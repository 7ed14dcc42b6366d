"""A cleanup job deletes only what is dead, and whoever it wronged is let in again after a restore.

What a job deleted is read by key: of each deletion the grants that were alive. Those revoked before
that reading do not count. 403s for active tokens are told by when they came.
"""

from __future__ import annotations

from typing import Any

from sim.checks.deciding import conclude, not_asked
from sim.checks.denials import restored_i
from sim.checks.losses import Lost
from sim.checks.reading import Reading
from sim.checks.timeline import Span
from sim.checks.verdict import Check

NAME = "cleanup_safety"

FLOOR = 1
"""One look of a job at a grant that it could have deleted wrongly; by key all of them are read."""


def check(reading: Reading, lost: Lost) -> Check:
    """Count the good grants deleted, by job, and the 403s after the restore."""
    timeline = reading.timeline
    if not reading.terms.cleanup_job and "janitor" not in reading.terms.roles:
        return not_asked(NAME, "the cleanup job is off")
    answers = _last_of_each(timeline.measures.get("cleaned", []))
    if not answers and timeline.ended in ("rolled_back", "failed"):
        return not_asked(NAME, "the run ended before a cleanup job was looked at")
    wronged = {job: _alive(reading, span) for job, span in answers.items()}
    bad = sum(count for _, count in wronged.values())
    restore_i = restored_i(timeline)
    denied, asked = reading.denials.between(-1, float("inf"))
    denied_after, asked_after = reading.denials.between(restore_i, float("inf"))
    told = [span.value for span in answers.values()]
    figures = {
        "deleted_good": float(bad), "deleted": float(sum(int(t.get("deleted", 0)) for t in told)),
        "spared": float(sum(int(t.get("spared", 0)) for t in told)),
        "restored": float(sum(int(t.get("restored", 0)) for t in told)),
        "lost_by_restore": float(sum(int(t.get("missing_count", 0)) for t in told)),
        "denied": float(len(denied)), "denied_after_restore": float(len(denied_after))}
    ended = (f"; after the restore {len(denied_after)} of {asked_after} were refused, before it "
             f"{len(denied) - len(denied_after)} of {asked - asked_after}" if restore_i != float("inf") else
             f"; {len(denied)} of {asked} answers about active tokens were 403" if reading.terms.cleanup_job else "")
    jobs = ", ".join(f"{job}: {count} living grants" + (f", such as {names[0]}" if names else "")
                     for job, (names, count) in wronged.items() if count)
    missing = {"authz", "janitor"} & _expected(reading) - answers.keys()
    unproven = restore_i != float("inf") and not asked_after
    return conclude(
        NAME, reading.terms, figures, evidence=sum(int(t.get("looked", 0)) for t in told), floor=FLOOR,
        unsure=f"nobody read what the {sorted(missing)[0]} job deleted" if missing else
        "nobody was asked after the restore" if unproven else "",
        held=f"{int(figures['deleted'])} rows deleted, none of a living grant"
        + (f"; {int(figures['spared'])} spared by the guard" if figures["spared"] else "") + ended,
        broken={"deleted_good": f"deleted by {jobs}{ended}",
                "lost_by_restore": f"{int(figures['lost_by_restore'])} grants written since are gone by the restore",
                "denied_after_restore": f"{len(denied_after)} of {asked_after} answers after the restore were 403 for "
                                        "active tokens"},
        witnesses=[*denied, *(span.done_i for span in answers.values())])


def _expected(reading: Reading) -> set[str]:
    jobs = {"janitor"} if "janitor" in reading.terms.roles else set()
    return jobs | ({"authz"} if reading.terms.cleanup_job else set())


def _last_of_each(spans: list[Span]) -> dict[str, Span]:
    """Job → the last answer about it."""
    return {str(span.value.get("job")): span for span in spans if span.outcome == "ok"}


def _alive(reading: Reading, span: Span) -> tuple[list[str], int]:
    """The living grants a job deleted, less those that somebody revoked before they were read."""
    value: dict[str, Any] = span.value
    names = [str(grant) for grant in value.get("grants", ())]
    revoked = {name for name in names if _revoked(reading, name, span.done_i)}
    return [n for n in names if n not in revoked], max(0, int(value.get("count", len(names))) - len(revoked))


def _revoked(reading: Reading, grant: str, before_i: int) -> bool:
    stand = reading.tracking.stands.get(grant)
    return stand is not None and (stand.doubt or any(r.begun_i < before_i for r in stand.revokes))
