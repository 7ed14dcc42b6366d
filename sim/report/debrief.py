"""The debrief of a game day: what was done to whom, who noticed what when, what broke, what to do.

Everything is read from the history: noticing.py says what an act is about, recovering.py since
when all was well. A fault that a person injected in an ordinary run is debriefed the same way.
There is no score.
"""

from __future__ import annotations

import math
from typing import NamedTuple

from sim.checks.judge import read
from sim.checks.reading import HARNESS, Reading
from sim.checks.terms import Terms
from sim.checks.verdict import Verdict
from sim.history.figures import FIGURES
from sim.history.history import History
from sim.report.calls import Outcomes, completed, due_s, is_proof
from sim.report.instants import since, utc
from sim.report.masking import masked
from sim.report.noticing import Act, Injected, Noticing
from sim.report.recovering import WELL_S, Recovery, Signs, bound, recovery
from sim.report.sections import exact
from sim.report.text import amount
from sim.scenario import Scenario
from sim.scenario.gameday import Surprise, watched

ACTION = "action:"
"""A note that begins so is an action item."""


class Line(NamedTuple):
    """One line of the timeline."""

    t_s: float
    when: str
    utc: str
    who: str
    what: str
    """note, gate, a command, surprise, fault, healed, well, step or guard."""
    text: str
    about: str
    """The injection it is about, or ""."""


class Injection(NamedTuple):
    """A fault, and what people made of it."""

    name: str
    what: str
    surprise: bool
    begun: str
    healed: str
    broke: int
    """Calls due while it was on, and until all was well again, that got no usable answer."""
    noticed: str
    """When and by whom; `not noticed` if nobody did."""
    after_s: float | None
    """Seconds from its effect to the act that noticed it."""
    allowed: str
    in_time: bool | None
    """None = no goal was written, or nobody noticed."""
    recovered: str
    recovered_s: float | None
    """Seconds from its effect until its guard's figure was back in its baseline; None = it never left it, or is out."""
    hope: str


class Debrief(NamedTuple):
    """The sheet."""

    gameday: bool
    """False: an ordinary run in which people acted."""
    roles: list[tuple[str, str]]
    goals: list[str]
    injections: list[Injection]
    timeline: list[Line]
    false_alarms: list[str]
    broke: list[tuple[str, str, str]]
    """(check, broken or unknown, in a sentence)."""
    actions: list[str]
    """Items the team wrote during the day (`action: …`)."""
    questions: list[str]
    """What the facts ask of the team."""


def debrief(history: History, scenario: Scenario, verdict: Verdict | None = None,
            reading: Reading | None = None) -> Debrief | None:
    """The debrief; None if nobody did anything and no game day was played.

    Args:
        verdict: what the checks say, for what broke.
        reading: the history as the judge read it, if it is at hand.
    """
    noticing = Noticing()
    for op in history.ops:
        if op.process in HARNESS:
            noticing.feed(op)
    game = scenario.gameday
    if not noticing.acts and game is None:
        return None
    reading = reading if reading is not None else read(history, Terms.of(scenario))
    signs = _signs(history, reading) if noticing.injected else Signs()
    found = [_injection(one, noticing, signs, scenario, reading) for one in noticing.injected.values()]
    return Debrief(
        game is not None, [(masked(k), masked(v)) for k, v in game.roles.items()] if game is not None else [],
        [masked(g) for g in game.goals] if game is not None else [], [f for f, _ in found],
        _timeline(history, noticing, reading, found),
        [_said(a) for a in noticing.false_alarms()],
        [(c.name, c.verdict, masked(c.summary)) for c in verdict.checks if c.verdict in ("broken", "unknown")]
        if verdict is not None else [],
        [masked(a.text[len(ACTION):].strip()) for a in noticing.acts if _is_action(a)],
        [question for f, _ in found for question in _questions(f)])


def _signs(history: History, reading: Reading) -> Signs:
    """Every call by the second in which it was due."""
    signs, outcomes = Signs(), Outcomes(reading.timeline)
    for call in completed(history):
        outcome = outcomes.of(call)
        if call.done is not None and outcome != "cut off" and not is_proof(call):
            signs.feed(call.begun.f, due_s(call), call.done.t_s, failed=outcome == "failed", shed=outcome == "shed")
    return signs


def _injection(one: Injected, noticing: Noticing, signs: Signs, scenario: Scenario,
               reading: Reading) -> tuple[Injection, Recovery | None]:
    planned = next((f for f in scenario.every_fault if f.name == one.name), None)
    figure = watched(planned, scenario.guards)
    came = None if one.failed else recovered(one, signs.series(figure), reading)
    well_s = one.made_s if came is None or came.well_s is None else came.well_s
    ends_s = max(well_s, min(one.healed_s, reading.last_s))
    act = noticing.noticed(one.name)
    after_s = None if act is None else max(0.0, act.t_s - one.made_s)
    limit_s = planned.noticed_in if isinstance(planned, Surprise) else None
    return Injection(
        masked(one.name), masked(one.what), one.is_surprise, since(one.made_s),
        "could not be made" if one.failed else "not healed" if math.isinf(one.healed_s) else since(one.healed_s),
        signs.broke(one.made_s, ends_s), _noticed(one, act, noticing), after_s,
        "" if limit_s is None else f"{limit_s:g} s", None if limit_s is None or after_s is None else after_s <= limit_s,
        _recovered(figure, came, one), None if came is None or came.well_s is None else came.well_s - one.made_s,
        masked(planned.hope) if isinstance(planned, Surprise) else ""), came


def recovered(one: Injected, series: dict[int, float], reading: Reading) -> Recovery | None:
    """Since when the figure is back within the baseline step's worst second; None without a baseline."""
    step = reading.timeline.step("baseline")
    within = bound(series, step.begun_s, step.done_s) if step is not None and step.done_i >= 0 else None
    if within is None:
        return None
    return recovery(series, within, one.made_s, one.healed_s, reading.last_s)


def _recovered(figure: str, came: Recovery | None, one: Injected) -> str:
    check, _, name = figure.partition(".")
    meaning = FIGURES[check][name]
    if one.failed:
        return ""
    if came is None:
        return f"{meaning.label}: there is no baseline to compare with"
    if not came.hurt:
        return f"{meaning.label} never left its baseline"
    worst = f"{meaning.label} {exact(came.worst, meaning.unit)} at worst"
    if came.well_s is None:
        return f"not recovered: {worst}, not back for {WELL_S} s before the end"
    return f"{since(came.well_s)}, {amount(came.well_s - one.made_s, 's')} later; {worst}"


def _noticed(one: Injected, act: Act | None, noticing: Noticing) -> str:
    if act is not None:
        return f"{since(act.t_s)} by {_said(act)}"
    if (first := noticing.first_after(one.name)) is not None:
        return (f"not noticed: nobody tagged it; the first act after it was {masked(first.who)}'s "
                f"{masked(first.what)} at {since(first.t_s)}")
    return "not noticed"


def _said(act: Act) -> str:
    who = f"{act.who} ({act.role})" if act.role else act.who
    return masked(f"{who}: {act.text or act.what}")


def _is_action(act: Act) -> bool:
    return act.what == "note" and act.text.lower().startswith(ACTION)


def _timeline(history: History, noticing: Noticing, reading: Reading,
              found: list[tuple[Injection, Recovery | None]]) -> list[Line]:
    def line(t_s: float, who: str, what: str, text: str, about: str = "") -> Line:
        return Line(t_s, since(t_s), utc(history.header, t_s), masked(who), masked(what), masked(text), masked(about))

    lines = [line(a.t_s, f"{a.who} ({a.role})" if a.role else a.who, a.what, a.text, noticing.about(a))
             for a in noticing.acts]
    for one, (told, came) in zip(noticing.injected.values(), found, strict=True):
        lines.append(line(one.made_s, "nemesis", "surprise" if told.surprise else "fault",
                          f"{one.what}{' could not be made' if one.failed else ''}", one.name))
        if not one.failed and not math.isinf(one.healed_s):
            lines.append(line(one.healed_s, "nemesis", "healed", one.what, one.name))
        if came is not None and came.well_s is not None:
            lines.append(line(came.well_s, "clients", "well", "well again since here", one.name))
    lines += [line(s.begun_s, "runbook", "step", f"{s.name} begins") for s in reading.timeline.steps]
    for op in history.notes("guard"):
        value = op.value or {}
        lines.append(line(op.t_s, "guard", "guard", f"{value.get('when')}: {value.get('action')}"))
    return sorted(lines, key=lambda one: one.t_s)


def _questions(one: Injection) -> list[str]:
    """What the facts about one injection ask; nothing about one that went as hoped."""
    if not one.surprise or one.healed == "could not be made":
        return []
    asked = []
    if one.after_s is None:
        asked.append(f"{one.name} was not noticed: what would have shown it?")
    elif one.in_time is False:
        asked.append(f"{one.name} was noticed after {one.after_s:.0f} s, the goal was {one.allowed}: "
                     "what came too late?")
    if one.recovered.startswith("not recovered"):
        asked.append(f"{one.name} was not over when the day ended: who would have ended it, and how?")
    return asked
