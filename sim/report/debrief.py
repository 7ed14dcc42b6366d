"""The debrief of a game day: what was done to whom, and when who noticed.

Noticing is an act: a note or a command that names the injection (as its tag, as `#name`, or by a
name that is no common word). The injector's own commands notice nothing. Without one the page
names the first act after it and says that nobody tied it to anything. There is no score.
"""

from __future__ import annotations

import math
from bisect import bisect_left
from collections.abc import Sequence
from typing import Any, NamedTuple

from sim.history.history import Call, History
from sim.history.op import Op
from sim.report.calls import acts
from sim.report.instants import since, utc
from sim.report.masking import masked
from sim.scenario import Scenario

WELL_S = 5.0
"""Well again is five seconds on end without a call that got no usable answer."""
_TAGS = ("injection", "about", "tag", "noticed")


class Act(NamedTuple):
    """A note, a command or a decision."""

    i: int
    t_s: float
    when: str
    utc: str
    who: str
    what: str
    text: str
    tag: str


class Injection(NamedTuple):
    """A fault, and what people made of it."""

    name: str
    what: str
    begun: str
    healed: str
    broke: int
    """Calls without a usable answer from when it was made until all was well again."""
    well: str
    """When, for five seconds on end, every call was answered again."""
    noticed: str
    """When and by whom; `not noticed` if nobody named it."""
    after_s: float | None
    allowed: str
    in_time: bool | None
    """None = no limit was written, or nobody noticed."""
    hope: str


class Debrief(NamedTuple):
    """Everything people did, and what was injected."""

    acts: list[Act]
    injections: list[Injection]
    goals: list[str]
    roles: list[tuple[str, str]]


def debrief(history: History, scenario: Scenario, refused_s: Sequence[float] = ()) -> Debrief | None:
    """The debrief; None if nobody did anything and no game day was planned.

    Args:
        refused_s: when calls were due that got no usable answer, in order.
    """
    calls = [c for c in acts(history) if c.begun.process in ("operator", "nemesis") or c.begun.f == "gate"]
    did = sorted([*_notes(history), *(a for c in calls if (a := _act(history, c)) is not None)], key=lambda a: a.i)
    if not did and scenario.gameday is None:
        return None
    card = {str(c.get("name")): c for c in (scenario.gameday.card if scenario.gameday is not None else ())}
    injections = [_injection(c, calls, did, card, refused_s) for c in calls if c.begun.f == "fault"]
    game = scenario.gameday
    return Debrief(did, injections, [masked(g) for g in game.goals] if game is not None else [],
                   [(masked(k), masked(v)) for k, v in game.roles.items()] if game is not None else [])


def _notes(history: History) -> list[Act]:
    found = []
    for op in history.notes("note"):
        value = op.value or {}
        if value.get("who"):
            found.append(_made(history, op, op.t_s, str(value["who"]), "note", str(value.get("text", "")), value))
    return found


def _act(history: History, call: Call) -> Act | None:
    begun, done = call
    value = begun.value or {}
    if begun.f == "gate":
        said = (done.value or {}) if done is not None else {}
        if done is None or not said.get("who"):
            return None
        text = f"{said.get('decision', '?')} for {value.get('step', '')}: {said.get('reason') or 'no reason given'}"
        return _made(history, begun, done.t_s, str(said["who"]), "gate", text, said)
    if begun.process != "operator" or begun.f == "note":
        return None  # a note stands in the history by itself
    told = str((done.value or {}).get("told", "")) if done is not None else ""
    extra = " ".join(f"{k}={v}" for k, v in value.items() if k != "who")
    refused = " (refused)" if done is not None and done.type == "fail" else ""
    text = " → ".join(part for part in (extra, told) if part) + refused
    return _made(history, begun, begun.t_s, str(value.get("who", "?")), begun.f.removeprefix("ask_"), text, value)


def _made(history: History, op: Op, t_s: float, who: str, what: str, text: str, value: dict[str, Any]) -> Act:
    tag = next((str(value[key]) for key in _TAGS if value.get(key)), "")
    return Act(op.i, t_s, since(t_s), utc(history.header, t_s), masked(who), masked(what), masked(text), masked(tag))


def _injection(call: Call, calls: list[Call], acts: list[Act], card: dict[str, dict[str, Any]],
               refused_s: Sequence[float]) -> Injection:
    begun, done = call
    value = begun.value or {}
    name = str(value.get("name", "fault"))
    made_s = done.t_s if done is not None else begun.t_s
    heal = next((c for c in calls if c.begun.f == "heal" and (c.begun.value or {}).get("name") == name
                 and c.begun.i > begun.i), None)
    by = _injector(value, name, acts)
    after = [a for a in acts if a.t_s >= begun.t_s and a.what != "inject" and not (by and a.who == by)]
    seen = next((a for a in after if names(a, name)), None)
    planned = card.get(name, {})
    limit_s = _seconds(planned.get("noticed_in"))
    after_s = None if seen is None else seen.t_s - made_s
    first = next((a for a in after if a.t_s >= made_s), None)
    if seen is not None:
        noticed = f"{seen.when} by {seen.who}: {seen.text or seen.what}"
    elif first is not None:
        noticed = f"nobody named it; the first act after it was {first.who}'s {first.what} at {first.when}"
    else:
        noticed = "not noticed"
    where = value.get("link") or value.get("part") or ""
    healed_s = math.inf if heal is None else heal.done.t_s if heal.done is not None else heal.begun.t_s
    broke, well_s = recovery(refused_s, made_s, healed_s)
    return Injection(
        masked(name), masked(f"{value.get('fault', 'fault')} on {where}"), since(made_s),
        since(healed_s) if heal is not None else "not healed",
        broke, f"{since(well_s)}, {well_s - made_s:.1f} s later" if broke else "nothing failed",
        noticed, after_s, str(planned.get("noticed_in", "")),
        None if limit_s is None or after_s is None else after_s <= limit_s, masked(str(planned.get("hope", ""))))


def recovery(refused_s: Sequence[float], made_s: float, healed_s: float) -> tuple[int, float]:
    """(calls without a usable answer, since when all was well) of a fault."""
    broke, well_s = 0, made_s
    for due_s in refused_s[bisect_left(refused_s, made_s):]:
        if due_s - max(well_s, healed_s) >= WELL_S:
            break
        broke, well_s = broke + 1, due_s
    return broke, well_s


def names(act: Act, injection: str) -> bool:
    """Does this act name the injection?"""
    if act.tag == injection:
        return True
    words = {word.strip(".,:;!?()'\"=") for word in act.text.replace("=", " ").split()}
    return f"#{injection}" in words or (injection in words and not injection.isalpha())


def _injector(value: dict[str, Any], name: str, acts: list[Act]) -> str:
    """Who made the fault by hand; "" if the plan did."""
    if value.get("by"):
        return masked(str(value["by"]))
    return next((a.who for a in acts if a.what == "inject" and name in a.text), "")


def _seconds(raw: Any) -> float | None:
    from sim.scenario.quantities import duration

    if raw is None:
        return None
    try:
        return duration(raw)
    except ValueError:
        return None
