"""What happened when, as the timeline marks it: phases, routes, faults, buffering, instants."""

from __future__ import annotations

from typing import NamedTuple

from sim.checks.timeline import Span, Timeline


class Phase(NamedTuple):
    """A step or its undo, numbered as in the report's table."""

    n: int
    name: str
    begin_s: float
    end_s: float
    outcome: str
    undo: bool


class Stretch(NamedTuple):
    """Something that lasted."""

    name: str
    begin_s: float
    end_s: float
    says: str = ""


class Moment(NamedTuple):
    """Something that happened at an instant."""

    kind: str
    """snapshot, switch, return or replayed."""
    t_s: float
    says: str


def phases(timeline: Timeline, last_s: float) -> list[Phase]:
    """Steps and undos in the order in which they began."""
    spans = sorted([(s, False) for s in timeline.steps] + [(s, True) for s in timeline.undos], key=lambda p: p[0].i)
    return [Phase(n, s.name, s.begun_s, _end(s, last_s), s.outcome, undo) for n, (s, undo) in enumerate(spans, 1)]


def faults(timeline: Timeline, last_s: float) -> list[Stretch]:
    """Each fault from when it was made to when it was healed."""
    found = []
    for fault in timeline.faults:
        if fault.done_i < 0:
            continue
        healed = next((h for h in timeline.heals if h.name == fault.name and h.i > fault.i and h.done_i >= 0), None)
        what = str(fault.value.get("fault", "fault"))
        where = str(fault.value.get("link") or fault.value.get("part") or "")
        proven = "proven" if fault.value.get("proven") else "not proven"
        begin_s = fault.done_s
        if isinstance(fault.value.get("effect_s"), int | float):  # the proof took longer than the making
            begin_s = min(begin_s, fault.begun_s + float(fault.value["effect_s"]))
        if fault.outcome == "fail":
            proven = f"could not be made: {fault.error}"
        found.append(Stretch(fault.name, begin_s, healed.done_s if healed is not None else last_s,
                             f"{fault.name}: {what} on {where}, {proven}"))
    return found


def buffering(timeline: Timeline, last_s: float) -> list[Stretch]:
    """When requests waited at the edge."""
    found: list[Stretch] = []
    since_s: float | None = None
    for state in timeline.states:
        if state.value.get("state") == "BUFFERING":
            since_s = state.t_s if since_s is None else since_s
        elif since_s is not None:
            found.append(Stretch("buffering", since_s, state.t_s))
            since_s = None
    if since_s is not None:
        found.append(Stretch("buffering", since_s, last_s))
    return found


def routes(timeline: Timeline, begin_s: float, last_s: float) -> list[Stretch]:
    """Which side the edge pointed at."""
    found, side, since_s = [], "blue", begin_s
    for switch in timeline.switches:
        to = str(switch.value.get("to"))
        if switch.value.get("what", "edge") == "edge" and to != side:
            found.append(Stretch(side, since_s, switch.t_s))
            side, since_s = to, switch.t_s
    return [*found, Stretch(side, since_s, last_s)]


def moments(timeline: Timeline) -> list[Moment]:
    """Instants that divide the run."""
    found = []
    if timeline.snapshot is not None:
        found.append(Moment("snapshot", timeline.snapshot.t_s, "snapshot: later writes are on blue only"))
    for switch in timeline.switches:
        if switch.value.get("what", "edge") == "edge":
            to = str(switch.value.get("to"))
            kind = "switch" if to == "green" else "return"
            found.append(Moment(kind, switch.t_s, f"the edge points at {to}"))
    for side, t_s in timeline.replayed_s.items():
        found.append(Moment("replayed", t_s, f"every captured revocation is applied on {side}"))
    return sorted(found, key=lambda m: m.t_s)


def _end(span: Span, last_s: float) -> float:
    return span.done_s if span.done_i >= 0 else last_s
