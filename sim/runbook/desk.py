"""The operator's desk: what people ask of a running rehearsal, and what they are told.

Commands arrive over the control socket in the same loop as the runbook; each is an op
with who said it. The runbook looks at the desk between steps and while it waits. A
refused command says why.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal

import msgspec
import simpy

from sim.errors import Refused
from sim.history.journal import Journal
from sim.history.op import OpType

Decision = Literal["go", "postpone", "rollback"]


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

    def __init__(self, env: simpy.Environment, journal: Journal, status: Callable[[], dict[str, Any]]) -> None:
        self._env, self._journal, self._status = env, journal, status
        self.paused = False
        self.resumed = env.event()
        self.aborted = env.event()
        """Fires once with the reason when the run is to be rolled back."""
        self.stopped = False
        """Somebody wants the run stopped and cleaned up now, without undoing step by step."""
        self.on_stop: Callable[[], None] = lambda: None
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
            return str(self._status())
        i = self._journal.invoke("operator", verb, value={"who": who, **_plain(arguments)})
        kind: OpType = "fail"
        told = ""
        try:
            told = getattr(self, verb)(who, arguments)
            kind = "ok"
            return str(told)
        except Refused as refused:
            told = str(refused)
            raise
        finally:
            self._journal.complete(i, kind, value={"told": told})

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
        self.paused = False
        self.resumed.succeed()
        return "the runbook goes on"

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

    def stop(self, who: str, arguments: dict[str, Any]) -> str:
        self.stopped = True
        self.on_stop()
        return "stopping now and cleaning up"

    def note(self, who: str, arguments: dict[str, Any]) -> str:
        text = str(arguments.get("text", "")).strip()
        if not text:
            raise Refused("a note needs a text")
        self._journal.note("harness", "note", {"text": text[:400], "level": "info", "who": who})
        return "noted"

    def _decide(self, answer: Answer) -> str:
        if not self.waiting:
            raise Refused("no gate waits for a decision")
        step, self.waiting = self.waiting, None
        self.decided.succeed(answer)
        return f"{answer.decision} for {step}"


def _plain(arguments: dict[str, Any]) -> dict[str, Any]:
    return {str(key)[:20]: value for key, value in arguments.items() if isinstance(value, str | int | float)}
