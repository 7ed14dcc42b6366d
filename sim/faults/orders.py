"""What people may ask of the nemesis while a rehearsal runs: inject, heal, list.

An order is checked as strictly as a line of the scenario file and by the same rules; what is
wrong with it is the answer. It may name a fault that the scenario keeps `by hand`. What the
facilitator of a game day orders is a surprise; to everybody else surprises are not there.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from math import inf
from typing import Any

import simpy
from pydantic import ValidationError

from sim.clock import LiveEnvironment
from sim.errors import Refused
from sim.faults.nemesis import Active, Nemesis
from sim.faults.telling import lasting, said
from sim.history.gameday import FACILITATOR
from sim.scenario import Fault, Surprise
from sim.scenario.kinds import CATALOGUE, PartKind, own_keys, unable
from sim.scenario.messages import did_you_mean, suggest
from sim.scenario.rules import misplaced

PROOF_S = 2.0
"""Assumption: whoever asks waits two seconds for the proof; a slower one comes in the history."""
HEALED_S = 4.0
"""Assumption: below the five seconds the control socket waits for an answer."""


class Orders:
    """Turns commands into faults of one running nemesis."""

    def __init__(self, env: LiveEnvironment, nemesis: Nemesis, *, links: Sequence[str],
                 parts: dict[str, PartKind], engine: str) -> None:
        self._env, self._nemesis = env, nemesis
        self._links, self._parts, self._engine = links, parts, engine

    async def inject(self, who: str, arguments: dict[str, Any]) -> str:
        """Make a fault now: {fault, link | part, parameters, for_s, name}, or {fault: NAME} of one kept by hand.

        Raises Refused with what is wrong with it.
        """
        fault = self._kept(str(arguments.get("fault") or ""), arguments) or self._wanted(arguments)
        active, tried = self._nemesis.make(fault, by=who)
        await self._awaited(tried, PROOF_S)
        what = f"{fault.name}: {fault.fault} on {fault.where}"
        if active.effect_s is None and active.seen:
            raise Refused(f"{what} could not be made", seen=active.seen)
        made = f"{what}, in effect after {(active.effect_s or 0.0) * 1000:.0f} ms"
        if active.effect_s is None:
            made = f"{what}, {'waits for its point' if fault.waits else 'being made'}"
        return f"{made}; {self._proof(active)}; {self._until(active)}"

    async def heal(self, who: str, arguments: dict[str, Any]) -> str:
        """Take one fault off by its name, or all. Raises Refused if there is none of that name."""
        active = {name: one for name, one in self._nemesis.active.items() if _may_know(arguments, one.fault)}
        name = str(arguments.get("name") or "")
        if not active:
            raise Refused("no fault is on")
        if name and name not in active:
            raise Refused(f"no fault named {name!r} is on", todo=suggest(name, active, what="on"))
        chosen = [active[name]] if name else list(active.values())
        healing = [self._env.process(self._nemesis.heal(one)) for one in chosen]
        if not await self._awaited(self._env.all_of(healing), HEALED_S):
            return f"healing {', '.join(one.fault.name for one in chosen)}: not proven yet, see the history"
        left = [one for one in chosen if one.state == "not healed"]
        if left:
            raise Refused("not every fault could be taken off", seen="; ".join(
                f"{one.fault.name}: {one.seen}" for one in left), todo="heal again, or abort: the end tries once more")
        return f"healed: {', '.join(one.fault.name for one in chosen)}"

    async def faults(self, who: str, arguments: dict[str, Any]) -> str:
        """The faults that are on, with proof and countdown, and those that are planned."""
        lines = [f"on       {one.fault.name}  {said(one.fault)}  {self._proof(one)}  {self._until(one)}"
                 for one in self._nemesis.active.values() if _may_know(arguments, one.fault)]
        for fault in self._nemesis.planned.values():
            if _may_know(arguments, fault):
                lines.append(f"planned  {fault.name}  {said(fault)}  at {fault.at}{lasting(fault)}")
        return "\n".join(lines) or "no fault is on and none is planned"

    def _kept(self, name: str, arguments: dict[str, Any]) -> Fault | None:
        kept = self._nemesis.planned.get(name) if name not in CATALOGUE else None
        return kept if kept is not None and _may_know(arguments, kept) else None

    def _wanted(self, arguments: dict[str, Any]) -> Fault:
        kind = str(arguments.get("fault") or "")
        if not kind:
            raise Refused("inject needs a fault", todo=usage())
        raw = {key: value for key, value in arguments.items() if key not in _NOT_OF_THE_FAULT}
        raw |= dict(arguments.get("parameters") or {})
        raw = {key: _written(key, value) for key, value in raw.items()}
        if arguments.get("for_s") is not None:
            raw["for"] = _seconds(arguments["for_s"])
        raw |= {"fault": kind, "at": "by hand"}
        name = raw.setdefault("name", self._free_name(kind))
        if name in self._nemesis.names:
            raise Refused(f"a fault named {name!r} was there before", todo="give this one another name")
        try:
            fault = (Surprise if is_facilitator(arguments) else Fault).model_validate(raw)
        except ValidationError as error:
            raise Refused(_first(error, kind), todo=usage(kind)) from None
        if wrong := misplaced(fault, self._links, self._parts):
            raise Refused(wrong[1], todo=wrong[2])
        if why := unable(kind, self._engine):
            raise Refused(why)
        return fault

    def _free_name(self, kind: str) -> str:
        n = 1
        while f"{kind}-{n}" in self._nemesis.names:
            n += 1
        return f"{kind}-{n}"

    def _proof(self, active: Active) -> str:
        words = {"making": "not in effect yet", "made": "its proof comes in the history", "proven": "proven",
                 "not proven": "NOT proven", "healing": "is being healed", "not healed": "NOT healed"}
        return words[active.state] + (f": {active.seen}" if active.seen else "")

    def _until(self, active: Active) -> str:
        if not CATALOGUE[active.fault.fault].lasts:
            return "over at once"
        if active.fault.waits and active.effect_s is None:
            return f"then{lasting(active.fault) or ' until somebody heals it'}"
        if active.ends_s == inf:
            return f"until somebody heals it (heal {active.fault.name})" if active.fault.for_ is None else "timed"
        return f"heals in {max(0.0, active.ends_s - self._env.now):.0f} s"

    async def _awaited(self, event: simpy.Event, within_s: float) -> bool:
        """Wait for an event of the environment outside it; False if it takes longer."""
        fired = asyncio.Event()
        if event.processed:
            return True
        event.callbacks.append(lambda _: fired.set())
        try:
            async with asyncio.timeout(within_s):
                await fired.wait()
        except TimeoutError:
            return False
        return True


def usage(kind: str = "") -> str:
    """How to write an order, for one kind or for all."""
    if kind not in CATALOGUE:
        return "one of " + ", ".join(CATALOGUE) + "; rehearse explain FAULT says what each takes"
    told = CATALOGUE[kind]
    keys = " ".join([*(f"{key}=…" for key in told.needs),
                     *(f"[{key.rstrip('_')}=…]" for key in told.may)])
    lasts = " [for=10s]" if told.lasts else ""
    return " ".join(f"inject {kind} {told.on.upper()} {keys}{lasts}".split())


def is_facilitator(arguments: dict[str, Any]) -> bool:
    """Is it the facilitator who asks?"""
    return arguments.get("role") == FACILITATOR


def _may_know(arguments: dict[str, Any], fault: Fault) -> bool:
    return is_facilitator(arguments) or not isinstance(fault, Surprise)


_NOT_OF_THE_FAULT = ("parameters", "for_s", "fault", "role", "tag")
"""What an order says beside the fault's own keys."""
_UNITS = {**dict.fromkeys(("latency", "jitter", "delay", "timeout", "for"), "s"), "rate": "B/s",
          **dict.fromkeys(("bytes", "average_size", "size_variation", "size", "memory"), "B")}
"""Key → the unit in which a bare number of it counts: a screen sends seconds and bytes."""


def _written(key: str, value: Any) -> Any:
    """A number in inner units as the scenario file writes it; anything else as it is."""
    if key not in _UNITS or isinstance(value, bool) or not isinstance(value, int | float):
        return value
    return f"{value:.3f}{_UNITS[key]}" if _UNITS[key] == "s" else f"{round(value)}{_UNITS[key]}"


def _seconds(raw: Any) -> str:
    try:
        seconds = float(raw)
    except (TypeError, ValueError):
        raise Refused(f"{raw!r} is not a number of seconds") from None
    if not 0 < seconds <= 24 * 3600:
        raise Refused("a fault lasts more than nothing and at most a day")
    return f"{seconds:.3f}s"


def _first(error: ValidationError, kind: str) -> str:
    found = error.errors(include_url=False)[0]
    if found["type"] == "value_error":
        return str(found["ctx"]["error"])
    key = ".".join(str(part) for part in found["loc"])
    if found["type"] == "extra_forbidden":
        own = [key.rstrip("_") for key in own_keys(kind)] if kind in CATALOGUE else []
        known = [*own, "link", "part", "name", "stream", "for"]
        return f"there is no key `{key}`: {did_you_mean(key, known) or 'there are ' + ', '.join(known)}"
    return f"`{key}`: {str(found['msg']).lower()}"
