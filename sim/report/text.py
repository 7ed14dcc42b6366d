"""The report of the terminal: at most 78 columns, each line one question of a change request.

Did it hold, what did it cost and who allowed it, how long, what did the database do, is the
new one better, what was not shown, where is the proof, how do I do it again.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from textwrap import wrap
from typing import TYPE_CHECKING

from sim.checks.verdict import Check, Verdict
from sim.history.figures import FIGURES
from sim.history.history import History

if TYPE_CHECKING:  # the screen takes words from here, and its first frame waits for no scenario
    from sim.scenario import Scenario

WIDTH = 78
SUMMARY_LINES = 5
"""What a check saw is told in so many lines at most; the rest is in verdict.json."""
GLYPHS = {"held": "✓", "broken": "✗", "unknown": "?", "not_asked": "–", "open": "○"}
_NEXT = {
    "10": "see it break: rehearse run 11    rehearse explain revocation",
}


def report_text(verdict: Verdict, history: History, scenario: Scenario, folder: Path,
                debrief: Sequence[str] = ()) -> str:
    """The whole report, ending in a newline; `debrief` are the lines of a game day's sheet."""
    lines: list[str] = []
    lines += _headline(verdict, history, scenario)
    lines += _price(verdict)
    lines += _checks(verdict)
    lines += _phases(verdict)
    lines += _database(verdict)
    lines += _hydra(verdict)
    lines += debrief
    lines += _labelled("NOT SHOWN", "; ".join(not_shown(verdict, history, scenario)))
    lines += _labelled("FILES", f"{_from_here(folder)}/  report.html  runbook.md  verdict.json  junit.xml")
    lines += _labelled("AGAIN", again(verdict, scenario))
    lines += _labelled("NEXT", _next(verdict, scenario))
    return "\n".join(lines) + "\n"


def headline(verdict: Verdict, scenario: Scenario) -> str:
    """`HELD, as expected`, `BROKEN, not expected` …"""
    met, _ = scenario.meets(_as_json(verdict))
    if verdict.planted:
        return f"{verdict.verdict.upper()} with a PLANTED BUG ({verdict.planted})"
    if scenario.expect.kind == "open":
        return verdict.verdict.upper()
    return f"{verdict.verdict.upper()}, {'as expected' if met else 'not expected'}"


def _headline(verdict: Verdict, history: History, scenario: Scenario) -> Iterator[str]:
    took_s = history.ops[-1].t_s if history.ops else 0.0
    minutes, seconds = divmod(round(took_s), 60)
    right = f"{scenario.slug}  seed {verdict.seed}  {verdict.engine}  {minutes:02d}:{seconds:02d}"
    left = headline(verdict, scenario)
    if len(left) + 2 + len(right) <= WIDTH:
        yield f"{left}{right:>{WIDTH - len(left)}}"
    else:
        yield left
        yield from _paragraph(right)
    met, why = scenario.meets(_as_json(verdict))
    if not met:
        yield from _paragraph(f"Expected otherwise: {why}.")
    if verdict.ended == "rolled_back":
        yield from _paragraph(f"Rolled back to blue, and blue was proven well: {verdict.why or 'nobody said why'}")
    elif verdict.ended == "failed":
        yield from _paragraph(f"It failed before its end, and what it had not reached is unknown: "
                              f"{verdict.why or 'nobody said why'}")
    worst = [c for c in verdict.checks if c.verdict in ("broken", "unknown")]
    for check in worst[:6]:
        yield from _paragraph(f"{GLYPHS[check.verdict]} {check.name}: {check.summary}")
    if not worst:
        yield from _paragraph(next((c.summary for c in verdict.checks if c.name == "revocation"), ""))


def _price(verdict: Verdict) -> Iterator[str]:
    rows = [(name, figure, limit) for c in verdict.checks for figure, limit in c.tolerated.items() for name in [c.name]]
    yield ""
    yield f"{'PRICE':<30}{'used':>11}{'allowed':>11}  because"
    failed = verdict.figure("availability.failed")
    if failed is not None and not any(f"{n}.{f}" == "availability.failed" for n, f, _ in rows):
        yield f"  {'failed requests':<28}{failed:>11g}{0:>11}"
    for name, figure, limit in rows:
        label = FIGURES[name][figure].label if figure in FIGURES.get(name, {}) else figure
        allowed = "all" if limit.max == "all" else amount(limit.max, limit.unit)
        used = amount(limit.used, limit.unit)
        because = wrap(limit.because, WIDTH - 54) or [""]
        yield f"  {label:<28.28}{used:>11}{allowed:>11}  {because[0]}"
        for more in because[1:]:
            yield f"{'':54}{more}"


def _checks(verdict: Verdict) -> Iterator[str]:
    yield ""
    yield f"{'CHECKS':<26}{'evidence':>9}  what was seen"
    for check in verdict.checks:
        words = wrap(check.summary, WIDTH - 38, max_lines=SUMMARY_LINES, placeholder=" …") or [""]
        yield f"  {GLYPHS[check.verdict]} {check.name:<22}{check.evidence:>9,}  {words[0]}"
        for more in words[1:]:
            yield f"{'':37}{more}"


def _phases(verdict: Verdict) -> Iterator[str]:
    yield ""
    took = {p.name: p for p in verdict.phases if not p.undo}
    if "copy" in took and "replay" in took:
        window_s = took["replay"].begun_s + took["replay"].took_s - took["copy"].begun_s
        yield f"PHASES s   window, copy to replay: {window_s:.1f}"
    else:
        yield "PHASES s"
    words = [f"{'undo ' if p.undo else ''}{p.name} {p.took_s:.1f}{'' if p.outcome == 'ok' else ' ' + p.outcome}"
             for p in verdict.phases]
    yield from _paragraph("  ".join(words), indent="  ")


def _database(verdict: Verdict) -> Iterator[str]:
    d = verdict.database
    if not d:
        return
    yield (f"DATABASE green   updated {d.get('rows_updated', 0):,}  inserted {d.get('rows_inserted', 0):,}  "
           f"deleted {d.get('rows_deleted', 0):,}")
    yield (f"  temp {d.get('temp_bytes', 0) / 1e6:.0f} MB  commits {d.get('commits', 0):,}  "
           f"size {d.get('size_bytes', 0) / 1e6:.0f} MB")


HYDRA_ROWS = (("p95_s", "introspect P95 ms", 1000.0), ("rss_bytes", "RSS MB", 1e-6), ("heap_bytes", "heap MB", 1e-6),
               ("cpu_cores", "CPU cores", 1.0), ("goroutines", "goroutines", 1.0))


def compared_length(verdict: Verdict) -> str:
    """Over how long the two Hydras are compared; recordings of earlier versions do not say."""
    window_s = verdict.hydra.get("before", {}).get("window_s")
    return f"{window_s:.0f} s each" if window_s is not None else "two windows"


def _hydra(verdict: Verdict) -> Iterator[str]:
    before, after = verdict.hydra.get("before", {}), verdict.hydra.get("after", {})
    if not before or not after:
        return
    yield f"{f'HYDRA, {compared_length(verdict)} of the same mix':<40}{'before':>10}{'after':>10}{'change':>10}"
    for key, label, factor in HYDRA_ROWS:
        if key in before and key in after:
            old, new = before[key] * factor, after[key] * factor
            change = f"{(new - old) / old * 100:+.0f} %" if old else "-"
            digits = 2 if key == "cpu_cores" else 1 if key == "p95_s" else 0
            yield f"  {label:<38}{old:>10.{digits}f}{new:>10.{digits}f}{change:>10}"


def not_shown(verdict: Verdict, history: History, scenario: Scenario) -> list[str]:
    """What nobody should take from this run, a few words each."""
    said = [f"more than {history.header.grants:,} grants", "a switch spread over many edges",
            "replicas and connection poolers", f"hosts of their own for each part{_shared(history)}"]
    if scenario.stands_for:
        stands = ", ".join(f"{a} stands for {b}" for a, b in scenario.stands_for.items())
        said.append(f"real durations ({stands}; Hydra's and Postgres' own work is real)")
    sampled, bound = (verdict.figure(f"session_continuity.{f}") for f in ("sampled", "sample_bound"))
    if sampled and bound:
        said.append(f"every chain that nobody used, asked through the API: {sampled:.0f} were, and at most "
                    f"{bound * 100:.1f} % of the others are bad (95 % confidence)")
    asked_not = [c.name for c in verdict.checks if c.verdict == "not_asked"]
    if asked_not:
        said.append(f"not asked: {', '.join(asked_not)}")
    return said


FULL_SHARE = 0.98
"""Of all cores in one second: there is nothing left that a client could be answered with."""


def _shared(history: History) -> str:
    """How busy the machine was that all parts and the traffic share; "" if nobody looked."""
    hosts = [host for op in history.notes("gauge") if "cpu" in (host := (op.value or {}).get("host") or {})]
    if not hosts:
        return ""
    busy, full = sum(h["cpu"] for h in hosts) / len(hosts), sum(h["cpu"] >= FULL_SHARE for h in hosts)
    cores = hosts[-1].get("cores", "?")
    return f" (this one's {cores} cores were {busy:.0%} busy, and full in {full} of {len(hosts)} s)"


def _next(verdict: Verdict, scenario: Scenario) -> str:
    first = next((c for c in verdict.checks if c.verdict == "broken"), None) or next(
        (c for c in verdict.checks if c.verdict == "unknown"), None)
    if first is not None:
        return f"rehearse explain {first.name}    rehearse watch latest"
    return _NEXT.get(_number(scenario), "rehearse watch latest    rehearse report latest --open")


def amount(value: float | None, unit: str) -> str:
    """A figure as people write it: `3.2 s`, `0.25 %`, `×1.4`, `31`; `?` if it is not known."""
    if value is None:
        return "?"
    match unit:
        case "s":
            return f"{value:.1f} s"
        case "share":
            return f"{value * 100:.2f} %"
        case "times":
            return f"×{value:.1f}"
    return f"{value:,.0f}"


def figure_line(check: Check) -> str:
    """A check's figures in one line, for narrow places."""
    return ", ".join(f"{FIGURES[check.name][f].label if f in FIGURES.get(check.name, {}) else f} {v:g}"
                     for f, v in check.figures.items())


def _labelled(label: str, text: str) -> Iterator[str]:
    first, *rest = wrap(text, WIDTH - 11, break_long_words=False, break_on_hyphens=False) or [""]
    yield f"{label:<11}{first}"
    for line in rest:
        yield f"{'':11}{line}"


def _paragraph(text: str, indent: str = "") -> Iterator[str]:
    yield from wrap(text, WIDTH, initial_indent=indent, subsequent_indent=indent or "  ")


def _from_here(path: Path) -> Path:
    """The path as somebody types it here: relative if it is below the working directory."""
    here = Path.cwd()
    return path.relative_to(here) if path.is_relative_to(here) else path


def again(verdict: Verdict, scenario: Scenario) -> str:
    """The command that runs the same again."""
    return f"rehearse run {_again(scenario)} --seed {verdict.seed} --engine {verdict.engine}"


def _again(scenario: Scenario) -> str:
    """What names this scenario to `rehearse run`: the number of one of ours, or the file."""
    from sim.scenario import scenario_files

    if scenario.path is None or scenario.slug in {file.stem for file in scenario_files()}:
        return _number(scenario)
    return str(_from_here(scenario.path.resolve()))


def _number(scenario: Scenario) -> str:
    head = scenario.slug.split("-")[0]
    return head if head.isdigit() else scenario.slug


def _as_json(verdict: Verdict) -> dict[str, object]:
    import msgspec

    told: dict[str, object] = msgspec.to_builtins(verdict)
    return told
