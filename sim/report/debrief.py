"""The debrief of a game day: what was done to whom, and when who noticed.

Noticing is an act: a note or a command that names the injection (by its name, or as `#name`).
Without one the page names the first act after it and says that nobody tied it to anything.
There is no score.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from sim.history.history import Call, History
from sim.history.op import Op
from sim.report.calls import acts
from sim.report.instants import since, utc
from sim.report.masking import masked
from sim.scenario import Scenario

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


def debrief(history: History, scenario: Scenario) -> Debrief | None:
    """The debrief; None if nobody did anything and no game day was planned."""
    calls = [c for c in acts(history) if c.begun.process in ("operator", "nemesis") or c.begun.f == "gate"]
    did = sorted([*_notes(history), *(a for c in calls if (a := _act(history, c)) is not None)], key=lambda a: a.i)
    if not did and scenario.gameday is None:
        return None
    card = {str(c.get("name")): c for c in (scenario.gameday.card if scenario.gameday is not None else ())}
    injections = [_injection(c, calls, did, card) for c in calls if c.begun.f == "fault"]
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
    return _made(history, begun, begun.t_s, str(value.get("who", "?")), begun.f, text, value)


def _made(history: History, op: Op, t_s: float, who: str, what: str, text: str, value: dict[str, Any]) -> Act:
    tag = next((str(value[key]) for key in _TAGS if value.get(key)), "")
    return Act(op.i, t_s, since(t_s), utc(history.header, t_s), masked(who), masked(what), masked(text), masked(tag))


def _injection(call: Call, calls: list[Call], acts: list[Act], card: dict[str, dict[str, Any]]) -> Injection:
    begun, done = call
    value = begun.value or {}
    name = str(value.get("name", "fault"))
    made_s = done.t_s if done is not None else begun.t_s
    heal = next((c for c in calls if c.begun.f == "heal" and (c.begun.value or {}).get("name") == name
                 and c.begun.i > begun.i), None)
    seen = next((a for a in acts if a.t_s >= begun.t_s and names(a, name)), None)
    planned = card.get(name, {})
    limit_s = _seconds(planned.get("noticed_in"))
    after_s = None if seen is None else seen.t_s - made_s
    first = next((a for a in acts if a.t_s >= made_s), None)
    if seen is not None:
        noticed = f"{seen.when} by {seen.who}: {seen.text or seen.what}"
    elif first is not None:
        noticed = f"nobody named it; the first act after it was {first.who}'s {first.what} at {first.when}"
    else:
        noticed = "not noticed"
    where = value.get("link") or value.get("part") or ""
    return Injection(
        masked(name), masked(f"{value.get('fault', 'fault')} on {where}"), since(made_s),
        since(heal.done.t_s if heal.done is not None else heal.begun.t_s) if heal is not None else "not healed",
        noticed, after_s, str(planned.get("noticed_in", "")),
        None if limit_s is None or after_s is None else after_s <= limit_s, masked(str(planned.get("hope", ""))))


def names(act: Act, injection: str) -> bool:
    """Does this act name the injection: as its tag, as a word, or as `#name`?"""
    words = act.text.replace("#", " ").replace(",", " ").replace(".", " ").replace(":", " ").split()
    return act.tag == injection or injection in words


def _seconds(raw: Any) -> float | None:
    from sim.scenario.quantities import duration

    if raw is None:
        return None
    try:
        return duration(raw)
    except ValueError:
        return None
