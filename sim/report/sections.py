"""The parts of report.html as plain values, ready to be written: nothing here knows HTML."""

from __future__ import annotations

import sys
from textwrap import shorten
from typing import Any

import msgspec

from sim.checks.judge import ORDER
from sim.checks.reading import Reading
from sim.checks.verdict import Check, Verdict
from sim.history.figures import FIGURES
from sim.history.history import History
from sim.report import gaps as gap_drawing
from sim.report import marks
from sim.report.calls import acts
from sim.report.instants import day, since, utc
from sim.report.masking import masked
from sim.report.matrix import Matrix
from sim.report.migrations import Migrations, blocked, migrations, named
from sim.report.procedure import commands
from sim.report.summary import answers
from sim.report.text import HYDRA_ROWS, amount, headline
from sim.report.witnesses import lives, shown, wanted
from sim.scenario import Scenario

FIRST_GAPS = 40
"""Gaps drawn before the reader opens the rest."""
COMMAND, COMMANDS = 3000, 100
"""Characters of a command and commands of a step that the page shows."""
WORST, SENTENCE = 4, 200
"""Checks named in the headline, and characters of each: it is read in ten seconds, the rest stands below."""
LIVES = 4
"""Broken checks of which the first grant's life is told."""


def head(verdict: Verdict, history: History, scenario: Scenario, reading: Reading) -> dict[str, Any]:
    """Verdict, the ten seconds, and what was run."""
    met, _ = scenario.meets(msgspec.to_builtins(verdict))
    worst = [c for c in verdict.checks if c.verdict in ("broken", "unknown")]
    seconds = round(reading.last_s)
    stands = "; ".join(f"{a} here stands for {b}" for a, b in scenario.stands_for.items())
    return {
        "title": masked(scenario.title), "asks": masked(scenario.asks), "verdict": verdict,
        "headline": headline(verdict, scenario), "met": met, "expects": masked(str(scenario.expect)),
        "worst": [(c.name, c.verdict, shorten(masked(c.summary), SENTENCE, placeholder=" …")) for c in worst[:WORST]],
        "more_worst": len(worst[WORST:]),
        "answers": [a._replace(says=masked(a.says), more=masked(a.more)) for a in answers(verdict, reading)],
        "counts": [(word, sum(c.verdict == word for c in verdict.checks))
                   for word in ("held", "broken", "unknown", "not_asked")],
        "facts": [("scenario", masked(verdict.scenario)), ("seed", str(verdict.seed)), ("engine", verdict.engine),
                  ("Hydra", f"{scenario.stack.blue.hydra} → {scenario.stack.green.hydra}"),
                  ("grants", f"{history.header.grants:,}"), ("rehearsed", day(history.header)),
                  ("took", f"{seconds // 60}:{seconds % 60:02d} min"),
                  *([("times", masked(stands))] if stands else [])],
        "ended_why": shorten(masked(reading.timeline.why), SENTENCE, placeholder=" …"),
        "whole_why": masked(reading.timeline.why), "torn": history.torn,
    }


def verdicts(verdict: Verdict, history: History) -> dict[str, Any]:
    """Checks with figures and witnesses, and the price."""
    found = shown(history, wanted(verdict))
    firsts = _first_grants(verdict, history)
    stories = lives(history, set(firsts.values()))
    checks = []
    for check in verdict.checks:
        checks.append({
            "name": check.name, "verdict": check.verdict, "says": masked(check.summary), "evidence": check.evidence,
            "invariant": _invariant(check.name), "figures": _figures(check),
            "witnesses": [found[i] for i in check.witnesses if i in found],
            "life": stories.get(firsts.get(check.name, "")),
        })
    return {"checks": checks, "price": _price(verdict)}


def _first_grants(verdict: Verdict, history: History) -> dict[str, str]:
    """Broken or unknown check → the grant of its first witness."""
    found: dict[str, str] = {}
    for check in verdict.checks:
        if check.verdict in ("broken", "unknown") and len(found) < LIVES:
            grant = next((history.ops[i].grant for i in check.witnesses
                          if i < len(history.ops) and history.ops[i].grant), None)
            if grant is not None:
                found[check.name] = grant
    return found


def _invariant(name: str) -> str:
    """The sentence that the check holds to: its module's own."""
    check = ORDER.get(name)
    module = sys.modules.get(check.__module__) if check is not None else None
    return ((module.__doc__ or "").strip().splitlines() or [""])[0] if module is not None else ""


def _figures(check: Check) -> list[tuple[str, str, str, str]]:
    """(label, value, allowed, key) of every figure."""
    known = FIGURES.get(check.name, {})
    lines = []
    for figure, value in check.figures.items():
        limit = check.tolerated.get(figure)
        unit = known[figure].unit if figure in known else "count"
        allowed = ""
        if limit is not None:
            allowed = "all" if limit.max == "all" else amount(limit.max, limit.unit)
        lines.append((known[figure].label if figure in known else figure, exact(value, unit), allowed,
                      f"{check.name}.{figure}"))
    return lines


def exact(value: float, unit: str) -> str:
    """A figure with the digits that a reader may want to check."""
    if unit == "s":
        return f"{value * 1000:,.1f} ms" if value < 1 else f"{value:.3f} s"
    return f"{value * 100:.3f} %" if unit == "share" else f"×{value:.2f}" if unit == "times" else f"{value:,.0f}"


def _price(verdict: Verdict) -> list[dict[str, Any]]:
    rows = []
    for check in verdict.checks:
        for figure, limit in check.tolerated.items():
            known = FIGURES.get(check.name, {}).get(figure)
            rows.append({
                "label": known.label if known else figure, "used": amount(limit.used, limit.unit),
                "allowed": "all" if limit.max == "all" else amount(limit.max, limit.unit),
                "share": None if limit.share is None else min(1.0, limit.share),
                "over": limit.max != "all" and (limit.used or 0.0) > float(limit.max), "because": masked(limit.because),
                "check": check.name})
    failed = verdict.figure("availability.failed")
    if failed is not None and not any(r["check"] == "availability" and r["label"] == "failed" for r in rows):
        rows.insert(0, {"label": "failed requests", "used": f"{failed:,.0f}", "allowed": "0", "share": None,
                        "over": failed > 0, "because": "nothing was written: none is allowed",
                        "check": "availability"})
    return rows


def gaps(reading: Reading, history: History) -> dict[str, Any] | None:
    """Drawings and table of the revocation gaps; None if there was none."""
    found = gap_drawing.gaps(reading, history)
    if not found.intervals:
        return None
    drawn = found.intervals[:gap_drawing.DRAWN]
    first, rest = drawn[:FIRST_GAPS], drawn[FIRST_GAPS:]

    def one(which: list[gap_drawing.Interval], ident: str, title: str) -> str:
        return gap_drawing.draw(which, found.allowed_s, ident=ident, title=title) if which else ""

    return {
        "first": one(first, "gaps-first", f"The {len(first)} longest revocation gaps"),
        "rest": one(rest, "gaps-rest", f"The next {len(rest)} revocation gaps"), "n_rest": len(rest),
        "n": len(found.intervals), "undrawn": len(found.intervals) - len(drawn), "late": found.late,
        "allowed": found.allowed_s, "longest": found.intervals[0].upper_s,
        "at_least": max(g.lower_s for g in found.intervals),
        "table": [(masked(g.grant), masked(f"{g.kind} by {g.by}"), utc(history.header, g.acknowledged_s), g.side,
                   g.uses, f"{g.lower_s:.3f}", f"{g.upper_s:.3f}", gap_drawing.standing(g, found.allowed_s))
                  for g in drawn],
    }


def let_in(reading: Reading, history: History) -> list[tuple[str, str, str, str, int]]:
    """Acceptances that are no gap: by the stack that acknowledged, or after the replay."""
    said = {"same_stack": "by the stack that had acknowledged it", "after_replay": "after the replay was done"}
    found = []
    for (grant, side), use in reading.tracking.uses.items():
        for when, words in said.items():
            if use.when.get(when):
                found.append((masked(grant), side, utc(history.header, use.last_begun_s), words, use.when[when]))
    return sorted(found)[:200]


def files(history: History, reading: Reading) -> list[Migrations]:
    """Migration times by file."""
    return migrations(reading.timeline, named([op.value or {} for op in history.notes("progress")]))


def waits(reading: Reading) -> list[tuple[str, str, str, int, str, str, str]]:
    """(step, since, for how long, how many waited, which lock, of what, who waited)."""
    return [(masked(b.step), since(b.from_s), f"{b.for_s:.3f} s", b.waiting, masked(b.held), masked(b.holder),
             masked(b.waiter)) for b in blocked(reading.timeline)]


_DATABASE = (("rows_updated", "rows updated"), ("rows_inserted", "rows inserted"), ("rows_deleted", "rows deleted"),
             ("temp_bytes", "temporary files"), ("commits", "commits"), ("size_bytes", "size afterwards"))


def database(verdict: Verdict) -> list[tuple[str, str]]:
    """Postgres' own counters."""
    lines = []
    for key, label in _DATABASE:
        value = verdict.database.get(key)
        if isinstance(value, int | float):
            lines.append((label, f"{value / 1e6:,.1f} MB" if key.endswith("bytes") else f"{value:,.0f}"))
    return lines


def hydra(verdict: Verdict) -> list[tuple[str, str, str, str]]:
    """(figure, before, after, change)."""
    before, after = verdict.hydra.get("before", {}), verdict.hydra.get("after", {})
    lines = []
    for key, label, factor in HYDRA_ROWS:
        if key in before and key in after:
            old, new = before[key] * factor, after[key] * factor
            digits = 2 if key == "cpu_cores" else 1 if key == "p95_s" else 0
            change = f"{(new - old) / old * 100:+.0f} %".replace("-", "−") if old else "–"
            lines.append((label, f"{old:,.{digits}f}", f"{new:,.{digits}f}", change))
    return lines


def parts(history: History) -> list[tuple[str, str]]:
    """Part → what it said of itself."""
    for call in acts(history):
        if call.begun.f == "stack" and call.done is not None:
            said = (call.done.value or {}).get("parts")
            if isinstance(said, dict):
                return [(masked(str(k)), masked(str(v))) for k, v in sorted(said.items())]
    return []


def phases(history: History, reading: Reading) -> list[dict[str, Any]]:
    """Each step and undo as it went, with exactly what ran in it."""
    ran = commands(history)
    found = []
    for phase in marks.phases(reading.timeline, reading.last_s):
        found.append({
            "n": phase.n, "name": masked(f"{'undo ' if phase.undo else ''}{phase.name}"), "when": since(phase.begin_s),
            "utc": utc(history.header, phase.begin_s), "took": f"{phase.end_s - phase.begin_s:.3f} s",
            "outcome": phase.outcome,
            "commands": _told(ran.get(("undo" if phase.undo else "step", phase.name), []))})
    return found


def _told(ran: list[str]) -> list[str]:
    """Commands, each as long as anybody reads one; the whole of them stands in runbook.md."""
    told = [c if len(c) <= COMMAND else f"{c[:COMMAND]} … {len(c) - COMMAND:,} characters more" for c in
            map(masked, ran[:COMMANDS])]
    return told if len(ran) <= COMMANDS else [*told, f"… and {len(ran) - COMMANDS} more"]


def faults(reading: Reading) -> list[tuple[str, str, str]]:
    """(what, from, for how long)."""
    return [(masked(f.says), since(f.begin_s), f"{f.end_s - f.begin_s:.1f} s")
            for f in marks.faults(reading.timeline, reading.last_s)]


def matrix(filled: Matrix) -> list[tuple[str, list[Any]]]:
    """(minted on, its rows), in order."""
    groups: dict[str, list[Any]] = {}
    for row in filled.rows():
        groups.setdefault(row.minted, []).append(row)
    return list(groups.items())


def versions(scenario: Scenario) -> dict[str, str]:
    """Side → Hydra's version on it; `old blue` is what blue begins as."""
    blue = scenario.stack.blue
    return {"blue": str(blue.hydra), "green": str(scenario.stack.green.hydra), "old blue": str(blue.first)}
