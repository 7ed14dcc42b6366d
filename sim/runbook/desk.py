"""The operator's desk: what people ask of a running rehearsal, and what they are told.

Commands arrive over the control socket in the same loop as the runbook; each is an op
with who said it. The runbook looks at the desk between steps and while it waits. A
refused command says why. What the desk can't do itself (faults, the edge's buffer) whoever
can has put into `acts`. On a game day a command says the role of who gives it, and what it is
about (see tagging.py).
"""

from __future__ import annotations

import inspect
import json
from collections.abc import Awaitable, Callable
from typing import Any, Literal

import msgspec
import simpy

from sim.errors import Refused, RehearsalError
from sim.history.journal import Journal
from sim.history.op import OpType
from sim.runbook.tagging import Said, role_of

Decision = Literal["go", "postpone", "rollback"]

_ASKED = {"step": "ask_step", "heal": "ask_heal"}
"""What these commands are called in the history, where a runbook's step and the nemesis' healing have the word."""

Act = Callable[[str, dict[str, Any]], Awaitable[str]]
"""(who, arguments) → what was done; raises Refused with the reason."""


class Answer(msgspec.Struct, frozen=True):
    """A gate's decision: what, by whom, why."""

    decision: Decision
    who: str
    reason: str = ""
    for_s: float = 0.0


class Desk:
    """Requests of operators, as events the runbook can wait for."""

    POSTPONE_S = 60.0
    """Assumption: the screen's `p` postpones by a minute unless told otherwise."""

    def __init__(self, env: simpy.Environment, journal: Journal, status: Callable[[str], dict[str, Any]]) -> None:
        """`status` says where the run stands, to whoever has that role (see status.py)."""
        self._env, self._journal, self._status = env, journal, status
        self.paused = False
        self.resumed = env.event()
        self.aborted = env.event()
        """Fires once with the reason when the run is to be rolled back."""
        self.stopped = False
        """Somebody wants the run stopped and cleaned up now, without undoing step by step."""
        self.on_stop: Callable[[], None] = lambda: None
        self.on_panic: Callable[[], None] = lambda: None
        """Heals every fault and lets go what waits at the edge, at once."""
        self.acts: dict[str, Act] = {}
        """What others do for the desk: inject, heal, faults, buffer."""
        self.said = Said()
        """What people wrote and commanded so far."""
        self.one_step = False
        """The runbook pauses again once it has begun one step."""
        self.waiting: str | None = None
        """The step whose gate waits for a decision, or None."""
        self.decided = env.event()
        self.postponed_until_s = 0.0
        self.past_return = False
        """Set by the runbook once there is no way back."""

    async def handle(self, verb: str, who: str, arguments: dict[str, Any]) -> str:
        """Carry out one command (see sim.control.VERBS).

        Raises Refused with the reason; either way an op of process `operator` is written.
        """
        if verb == "status":
            return json.dumps(self._status(str(arguments.get("role", ""))))
        if verb == "faults":
            return await self.faults(who, arguments)
        i = self._journal.invoke("operator", _ASKED.get(verb, verb), value={"who": who, **_plain(arguments)})
        if verb not in ("note", "tag"):
            self.said.remember(i, self._journal.now_s(), who, verb, arguments)
        kind: OpType = "fail"
        told = ""
        try:
            told = getattr(self, verb)(who, arguments)
            if inspect.isawaitable(told):
                told = await told
            kind = "ok"
            return str(told)
        except Refused as refused:
            told = str(refused)
            raise
        except RehearsalError as error:  # what should have done it could not: that is an answer too
            told = str(error)
            raise Refused(error.what, where=error.where, seen=error.seen, todo=error.todo) from error
        finally:
            self._journal.complete(i, kind, value={"told": told, **role_of(arguments)})

    def open_gate(self, step: str) -> simpy.Event:
        """A gate waits from now on; the event fires with an Answer."""
        self.waiting = step
        self.decided = self._env.event()
        return self.decided

    def close_gate(self) -> None:
        """The gate no longer waits (decided or timed out)."""
        self.waiting = None

    def pause(self, who: str, arguments: dict[str, Any]) -> str:
        if self.paused:
            raise Refused("the runbook is paused already")
        self.paused = True
        self.resumed = self._env.event()
        return "the runbook pauses after the step under way; traffic goes on"

    def resume(self, who: str, arguments: dict[str, Any]) -> str:
        if not self.paused:
            raise Refused("the runbook is not paused")
        self.one_step = False
        self._go_on()
        return "the runbook goes on"

    def step(self, who: str, arguments: dict[str, Any]) -> str:
        if self.aborted.triggered:
            raise Refused("the run is being rolled back: its undos are not stepped")
        if not self.paused:
            return self.pause(who, arguments)
        self.one_step = True
        self._go_on()
        return "the runbook runs one step and pauses again"

    def _go_on(self) -> None:
        self.paused = False
        self.resumed.succeed()

    def begun(self) -> None:
        """The runbook passed its pause and begins a step; if one was asked for, it pauses after it."""
        if self.one_step:
            self.one_step = False
            self.pause("step", {})

    def approve(self, who: str, arguments: dict[str, Any]) -> str:
        return self._decide(Answer("go", who, str(arguments.get("reason", ""))))

    def nogo(self, who: str, arguments: dict[str, Any]) -> str:
        return self._decide(Answer("rollback", who, str(arguments.get("reason", ""))))

    def postpone(self, who: str, arguments: dict[str, Any]) -> str:
        try:
            for_s = float(arguments.get("for_s", self.POSTPONE_S))
        except (TypeError, ValueError):
            raise Refused("postpone takes a number of seconds") from None
        if not 0 < for_s <= 3600:
            raise Refused("postpone by more than nothing and at most an hour")
        if self.waiting:
            return self._decide(Answer("postpone", who, str(arguments.get("reason", "")), for_s))
        if self.past_return:
            raise Refused("nothing is left to postpone")
        self.postponed_until_s = max(self._env.now, self.postponed_until_s) + for_s
        return f"the next step that waits for its hour does so {for_s:g} s longer"

    def abort(self, who: str, arguments: dict[str, Any]) -> str:
        if self.past_return:
            raise Refused("there is no way back any more: blue is closed", todo="let the run end")
        if self.aborted.triggered:
            raise Refused("the run is being rolled back already")
        self.aborted.succeed(f"{who}: {arguments.get('reason') or 'abort'}")
        return "rolling back to blue"

    def panic(self, who: str, arguments: dict[str, Any]) -> str:
        self.on_panic()
        self.one_step = False
        if self.paused:
            self._go_on()
        done = "healing every fault, nothing waits at the edge any more"
        if self.past_return:
            return f"{done}; there is no way back any more: blue is closed"
        if self.aborted.triggered:
            return f"{done}; the run is being rolled back already"
        self.aborted.succeed(f"{who}: panic")
        return f"{done}, rolling back to blue"

    async def inject(self, who: str, arguments: dict[str, Any]) -> str:
        return await self._act("inject", who, arguments)

    async def heal(self, who: str, arguments: dict[str, Any]) -> str:
        return await self._act("heal", who, arguments)

    async def faults(self, who: str, arguments: dict[str, Any]) -> str:
        return await self._act("faults", who, arguments)

    async def buffer(self, who: str, arguments: dict[str, Any]) -> str:
        return await self._act("buffer", who, arguments)

    async def _act(self, verb: str, who: str, arguments: dict[str, Any]) -> str:
        if verb not in self.acts:
            raise Refused(f"this run takes no {verb}")
        return await self.acts[verb](who, arguments)

    def stop(self, who: str, arguments: dict[str, Any]) -> str:
        self.stopped = True
        self.on_stop()
        return "stopping now and cleaning up"

    def note(self, who: str, arguments: dict[str, Any]) -> str:
        text = str(arguments.get("text", "")).strip()
        if not text:
            raise Refused("a note needs a text")
        about = {"tag": str(arguments["tag"])[:60]} if arguments.get("tag") else {}
        op = self._journal.note("harness", "note", {"text": text[:400], "level": "info", "who": who,
                                                    **about, **role_of(arguments)})
        self.said.remember(op.i, op.t_s, who, text[:400], arguments)
        return "noted"

    def tag(self, who: str, arguments: dict[str, Any]) -> str:
        return self.said.tag(arguments)

    def _decide(self, answer: Answer) -> str:
        if not self.waiting:
            raise Refused("no gate waits for a decision")
        step, self.waiting = self.waiting, None
        self.decided.succeed(answer)
        return f"{answer.decision} for {step}"


def _plain(arguments: dict[str, Any]) -> dict[str, Any]:
    inner = arguments.get("parameters")
    flat = {**arguments, **inner} if isinstance(inner, dict) else arguments
    return {str(key)[:20]: value for key, value in flat.items() if isinstance(value, str | int | float)}
