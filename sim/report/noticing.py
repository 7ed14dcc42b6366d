"""What was injected, what people did, and which act was the first to notice what.

Noticing is an act: a note or command of a player that is tagged to the injection. `now`, the tag
of somebody who does not know what it is, means the surprise that is on at that instant (the one
made last, if several are), else the one healed last. The facilitator's tag outweighs the player's
own. Without a tag an act is about an injection only if it names it. Fed with
ops one by one, so that the facilitator's screen says during the day what the debrief says after it.
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import msgspec

from sim.history.gameday import FACILITATOR, NOTHING, NOW
from sim.history.op import Op

FALSE_ALARM = "?"
"""What an act is about that says something is wrong when nothing ever was."""


class Act(NamedTuple):
    """A note, a command or a decision of somebody."""

    i: int
    t_s: float
    who: str
    role: str
    what: str
    """`note`, `gate` or the command."""
    text: str
    tag: str
    """As whoever acted wrote it."""


class Injected(msgspec.Struct):
    """A fault as the history tells it."""

    name: str
    i: int
    said: dict[str, Any]
    """Its invocation's value: fault, link or part, …"""
    begun_s: float
    made_s: float
    """When it was in effect."""
    healed_s: float = math.inf
    failed: bool = False
    """It could not be made."""

    @property
    def is_surprise(self) -> bool:
        """Were the players not told of it?"""
        return bool(self.said.get("surprise"))

    @property
    def what(self) -> str:
        """`down on edge->queue`."""
        return f"{self.said.get('fault', 'fault')} on {self.said.get('link') or self.said.get('part') or ''}"


class Noticing:
    """Fed with the ops of harness, nemesis, operators and runbook, in order."""

    def __init__(self) -> None:
        self.acts: list[Act] = []
        self.injected: dict[str, Injected] = {}
        """By name, in the order in which they were begun."""
        self._tags: dict[int, str] = {}
        self._begun: dict[int, Op] = {}
        self._at: dict[int, int] = {}
        """Invocation of a command → its place among the acts, until it is answered."""

    def feed(self, op: Op) -> None:
        """Take the next op."""
        value = op.value or {}
        if op.process == "nemesis":
            self._nemesis(op, value)
        elif op.process == "operator":
            self._operator(op, value)
        elif op.f == "note" and op.process == "harness" and value.get("who"):
            self._act(op.i, op.t_s, "note", str(value.get("text", "")), value)
        elif op.f == "gate":
            self._gate(op, value)

    def about(self, act: Act) -> str:
        """The name of the injection an act is about; "" if none, FALSE_ALARM if nothing was ever wrong."""
        tag = self._tags.get(act.i, act.tag)
        if tag == NOTHING:
            return ""
        if tag == NOW:
            return self._wrong_at(act.t_s)
        return tag or next((name for name in self.injected if names(act.text, name)), "")

    def noticed(self, name: str) -> Act | None:
        """The first act of a player about that injection, since it was begun; None if nobody noticed."""
        one = self.injected[name]
        by = self._injector(one)
        return next((a for a in self.acts if a.t_s >= one.begun_s and self._counts(a, by) and self.about(a) == name),
                    None)

    def first_after(self, name: str) -> Act | None:
        """What a player did first after it was in effect, whatever it was about."""
        one = self.injected[name]
        by = self._injector(one)
        return next((a for a in self.acts if a.t_s >= one.made_s and self._counts(a, by)), None)

    def false_alarms(self) -> list[Act]:
        """Acts that said that something was wrong before anything was."""
        return [a for a in self.acts if self.about(a) == FALSE_ALARM]

    # -- inside

    def _counts(self, act: Act, by: str) -> bool:
        return act.role != FACILITATOR and act.what != "inject" and not (by and act.who == by)

    def _injector(self, one: Injected) -> str:
        if one.said.get("by"):
            return str(one.said["by"])
        return next((a.who for a in self.acts if a.what == "inject" and one.name in a.text), "")

    def _wrong_at(self, t_s: float) -> str:
        before = [one for one in self.injected.values() if one.is_surprise and not one.failed and one.begun_s <= t_s]
        on = [one for one in before if one.healed_s > t_s]
        if on:
            return on[-1].name
        return max(before, key=lambda one: one.healed_s).name if before else FALSE_ALARM

    def _nemesis(self, op: Op, value: dict[str, Any]) -> None:
        if op.f == "fault" and op.type == "invoke":
            name = str(value.get("name", "fault"))
            self._begun[op.i] = op
            self.injected[name] = Injected(name, op.i, value, op.t_s, op.t_s)
        elif op.f == "made" and (one := self.injected.get(str(value.get("name")))):
            one.made_s = op.t_s
        elif op.f == "fault":
            begun = self._begun.pop(-1 if op.of is None else op.of, None)
            failed = self.injected.get(str((begun.value or {}).get("name", "fault"))) if begun is not None else None
            if failed is not None and op.type == "fail":
                failed.failed, failed.healed_s = True, op.t_s
        elif op.f == "heal" and op.type == "ok" and (one := self.injected.get(str(value.get("name")))):
            one.healed_s = op.t_s

    def _operator(self, op: Op, value: dict[str, Any]) -> None:
        if op.f == "tag":
            if op.type == "invoke":
                self._begun[op.i] = op
            elif (asked := self._begun.pop(-1 if op.of is None else op.of, None)) is not None and op.type == "ok":
                told = asked.value or {}
                if str(told.get("of", "")).isdigit():
                    self._tags[int(told["of"])] = str(told.get("injection", ""))
        elif op.type == "invoke" and op.f != "note":
            extra = " ".join(f"{k}={v}" for k, v in value.items() if k not in ("who", "role", "tag"))
            self._at[op.i] = len(self.acts)
            self._act(op.i, op.t_s, op.f.removeprefix("ask_"), extra, value)
        elif (n := self._at.pop(-1 if op.of is None else op.of, -1)) >= 0:
            act, told_text = self.acts[n], str(value.get("told", ""))
            refused = " (refused)" if op.type == "fail" else ""
            self.acts[n] = act._replace(text=" → ".join(p for p in (act.text, told_text) if p) + refused)

    def _gate(self, op: Op, value: dict[str, Any]) -> None:
        if op.type == "invoke":
            self._begun[op.i] = op
        elif (begun := self._begun.pop(-1 if op.of is None else op.of, None)) is not None and value.get("who"):
            step = (begun.value or {}).get("step", "")
            text = f"{value.get('decision', '?')} for {step}: {value.get('reason') or 'no reason given'}"
            self._act(begun.i, op.t_s, "gate", text, value)

    def _act(self, i: int, t_s: float, what: str, text: str, value: dict[str, Any]) -> None:
        self.acts.append(Act(i, t_s, str(value.get("who", "?")), str(value.get("role", "")), what, text,
                             str(value.get("tag") or "")))


def names(text: str, injection: str) -> bool:
    """Does a text name the injection: as `#name`, or by a name that is no common word?"""
    words = {word.strip(".,:;!?()'\"=") for word in text.replace("=", " ").split()}
    return f"#{injection}" in words or (injection in words and not injection.isalpha())
