"""The debrief as text, in at most 78 columns: it stands in report.txt before what was not shown."""

from __future__ import annotations

from collections.abc import Iterator
from textwrap import wrap

from sim.report.debrief import Debrief, Injection

WIDTH = 78


def debrief_lines(sheet: Debrief) -> list[str]:
    """The sheet's lines, an empty one first."""
    return ["", *_lines(sheet)]


def _lines(sheet: Debrief) -> Iterator[str]:
    yield "DEBRIEF    no score; what was noticed is what somebody said or did about it"
    for goal in sheet.goals:
        yield from _said("goal", goal)
    for one in sheet.injections:
        yield from _injection(one)
    for alarm in sheet.false_alarms:
        yield from _said("alarm", f"nothing had been injected: {alarm}")
    for name, word, summary in sheet.broke:
        yield from _said(word, f"{name}: {summary}")
    yield "  TIMELINE"
    for line in sheet.timeline:
        about = f" [{line.about}]" if line.about and line.about not in ("", "?") else ""
        yield from wrap(f"{line.when}  {line.who}  {line.what}: {line.text}{about}", WIDTH,
                        initial_indent="  ", subsequent_indent=" " * 13)
    yield "  ACTION ITEMS"
    for item in [*sheet.actions, *sheet.questions]:
        yield from wrap(f"[ ] {item}", WIDTH, initial_indent="  ", subsequent_indent="      ")
    yield "  [ ]"


def _injection(one: Injection) -> Iterator[str]:
    yield from wrap(f"{'surprise' if one.surprise else 'fault'} {one.name}: {one.what}, {one.begun} to {one.healed}",
                    WIDTH, initial_indent="  ", subsequent_indent="    ")
    late = "" if one.after_s is None else f", after {one.after_s:.1f} s"
    goal = f" (goal {one.allowed}{', missed' if one.in_time is False else ''})" if one.allowed else ""
    yield from _said("noticed", f"{one.noticed}{late}{goal}")
    yield from _said("broke", f"{one.broke:,} calls without a usable answer")
    yield from _said("well", one.recovered or "it was never made")
    if one.hope:
        yield from _said("hoped", one.hope)


def _said(label: str, text: str) -> Iterator[str]:
    first, *rest = wrap(text, WIDTH - 14) or [""]
    yield f"    {label:<10}{first}"
    for line in rest:
        yield f"{'':14}{line}"
