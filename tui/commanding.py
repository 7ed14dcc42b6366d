"""What a person asks of the run from the screen: each goes through the run's socket, each is answered."""

from __future__ import annotations

import contextlib
import getpass
import os
import signal
from typing import Any

from textual.widgets import Input

from sim.control import send
from sim.errors import Refused
from sim.history.gameday import NOW
from tui.base import RunApp
from tui.playback import Recording
from tui.screens.gate import GateSheet
from tui.screens.sheets import Choice, Interrupted, NoteSheet


class Commanding(RunApp):
    """The keys that act."""

    def may_command(self, verb: str) -> bool:
        """Can anything be commanded now? Says why not."""
        if self.source.is_replay:
            why = "this is a replay: nothing is running that could be commanded"
        elif self.read_only:
            why = "this screen only watches: it was opened read-only"
        elif self.shown.runbook.ended:
            why = "the run has ended"
        else:
            return True
        self.notify(why, title=f"{verb}: refused", severity="warning")
        return False

    def command(self, verb: str, *, by: str = "", **arguments: Any) -> None:
        """Send one command to the run; its answer, a refusal too, comes as a toast."""
        if not self.may_command(verb):
            return
        if self.role:
            arguments["role"] = self.role

        def ask() -> None:
            try:
                told = send(self.folder, verb, who=by or who(), **arguments)
            except Refused as refused:
                self.call_from_thread(
                    self.notify, str(refused), title=f"{verb}: refused", severity="warning", markup=False
                )
            else:
                self.call_from_thread(self.notify, told, title=verb, markup=False)

        self.run_worker(ask, thread=True, group="commands")

    def action_pause(self) -> None:
        """Pause or resume the runbook (of a replay: the replay); never the traffic."""
        if isinstance(self.source, Recording):
            self.source.held = not self.source.held
            self.refresh_now()
            return
        self.command("resume" if self.shown.state == "PAUSED" or self.shown.runbook.pause_asked else "pause")

    def action_step(self) -> None:
        """One step of a paused runbook."""
        self.command("step")

    def action_approve(self) -> None:
        """GO at a gate."""
        self.command("approve")

    def action_postpone(self) -> None:
        """Postpone the gate, or the cutover to come, by a minute."""
        self.command("postpone", for_s=60.0)

    def action_buffer(self) -> None:
        """Let requests wait at the edge, or let them go on."""
        on = not bool((self.shown.gauge.get("edge") or {}).get("buffering"))
        self.command("buffer", on=on)

    def action_panic(self) -> None:
        """At once and without a question: everything made by us off, back to blue."""
        self.command("panic")

    def action_heal_all(self) -> None:
        """Take every fault off."""
        self.command("heal")

    def action_abort(self) -> None:
        """Asks once; at a gate it is the no-go."""
        at_gate = self.shown.is_gate
        if not self.may_command("abort"):
            return
        self.ask(
            "NO-GO: roll back to blue?" if at_gate else "Abort and roll back to blue?",
            f"Way back now: {self.shown.way_back()[1]}.",
            [Choice("x", "yes, roll back", "nogo" if at_gate else "abort"), Choice("escape", "no, go on", "")],
            lambda verb: self.command(verb, reason="from the screen"),
        )

    def action_note(self) -> None:
        """One line for the history."""
        self._write("A note for the history")

    def action_wrong(self) -> None:
        """On a game day: one line about what is wrong now; it counts as noticing."""
        if self.shown.day is None:
            self.notify("this is no game day: n writes a note", severity="warning")
        else:
            self._write("What is wrong now?", tag=NOW)

    def _write(self, title: str, **more: str) -> None:
        def write(text: str | None) -> None:
            if text:
                self.command("note", text=text, **more)

        if self.may_command("note"):
            self.push_screen(NoteSheet(title), write)

    def action_gate(self) -> None:
        """The go/no-go sheet of the gate that waits."""
        if not self.shown.is_gate or self.source.is_replay:
            self.notify("no gate waits for a decision", severity="warning")
            return

        def decided(answer: tuple[str, str, str] | None) -> None:
            if answer is not None:
                verb, name, reason = answer
                extra = {"for_s": 60.0} if verb == "postpone" else {}
                self.command(verb, by=name, reason=reason, **extra)

        self.push_screen(GateSheet(who()), decided)
        self.call_after_refresh(self.refresh_now)

    @property
    def _may_just_leave(self) -> bool:
        """A finished run, a replay, a screen that only watches: nothing is left that could be asked."""
        return self.source.is_replay or bool(self.shown.runbook.ended) or self.read_only

    def action_interrupt(self) -> None:
        """Ctrl-C: once asks to roll back, twice stops and cleans up at once; what is marked is copied instead."""
        marked = self.screen.get_selected_text() or (
            self.focused.selected_text if isinstance(self.focused, Input) else ""
        )
        if marked:
            self.copy_to_clipboard(marked)
            return
        if self._may_just_leave:
            self.exit()
            return
        if isinstance(self.screen, Interrupted):
            self.screen.dismiss("stop")
            return
        title, text, back = self._stands()

        def decided(value: str | None) -> None:
            if value == "leave":
                self.exit()
            elif value == "stop":
                self._stop()
            elif value:
                self.command(value, reason="Ctrl-C on the screen")

        choices = [
            *([Choice("x", "yes, roll back (enter too)", "abort"), Choice("enter", "", "abort")] if back else []),
            Choice("ctrl+c", "stop and clean up now, nothing is rolled back", "stop"),
            Choice("l", "leave it running and quit", "leave"),
            Choice("escape", "stay here", ""),
        ]
        self.push_screen(Interrupted(title, text, choices), decided)

    def _stands(self) -> tuple[str, str, bool]:
        """(question, text, whether there is a way back) of an interrupt at this instant."""
        left = "Left alone it ends by itself."
        if self.shown.runbook.stack_ready_s is None:
            return "The run is still starting.", "There is nothing to roll back.", False
        if self.shown.state == "ABORTING":
            return "The run is being rolled back already.", left, False
        if self.shown.way_back()[0] == "closed":
            return "There is no way back any more.", left, False
        return "Abort and roll back to blue?", f"Way back now: {self.shown.way_back()[1]}.", True

    def _stop(self) -> None:
        """Stop and clean up at once; a run that takes no commands yet is told by a signal, if it is ours."""
        if self.child and not (self.folder / "control.json").exists() and not self.shown.runbook.ended:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.child, signal.SIGTERM)
            self.notify("it stops and cleans up", title="stop")
            return
        self.command("stop", reason="Ctrl-C twice on the screen")

    async def action_quit(self) -> None:
        """Ctrl-Q, and Quit in the palette: asks as `q` does, from under any sheet."""
        self.action_leave()

    def action_leave(self) -> None:
        """A finished run or a replay just ends the screen; a living run is asked about."""
        if self._may_just_leave:
            self.exit()
            return

        def decided(value: str) -> None:
            if value == "leave":
                self.exit()
            elif value == "abort" and self.shown.runbook.stack_ready_s is None:
                self._stop()  # nothing stands yet that could be rolled back
            elif value == "abort":
                self.command("abort", reason="from the screen")

        self.ask(
            "The run goes on. What now?",
            "Left alone it ends by itself; rehearse watch latest comes back to it.",
            [
                Choice("l", "leave it running and quit", "leave"),
                Choice("x", "abort it: roll back to blue", "abort"),
                Choice("escape", "stay here", ""),
            ],
            decided,
        )


def who() -> str:
    """The person at this terminal."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return "screen"
