"""The screen: a process of its own that follows one run's history and sends commands to its socket.

It reads what is written and nothing else, so it can come and go; whoever leaves it leaves the
run alone. Commands go through the run's own socket in a thread, and the answer, a refusal too,
is shown as it was given.
"""

from __future__ import annotations

import getpass
import os
import sys
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import ClassVar

from textual.app import App, SystemCommand
from textual.binding import Binding, BindingType
from textual.screen import Screen

from sim.control import send
from sim.errors import Refused, RehearsalError
from tui import helping
from tui.playback import Live, Recording, Source
from tui.screens.overview import Overview
from tui.screens.sheets import Choice, NoteSheet, Question, TextSheet
from tui.screens.verdict import VerdictScreen
from tui.state import Shown
from tui.themes import THEMES

REFRESH_S = 0.4
SLICE_S = 0.03
"""How long an old run is read before keys are looked at again."""
VERDICT_WAIT_S = 5.0
"""Assumption: judging and writing verdict.json takes at most seconds; then the forming one is shown."""


class RehearsalApp(App[None]):
    """One run's screen."""

    CSS_PATH = "app.tcss"
    TITLE = "rehearse"
    ENABLE_COMMAND_PALETTE = True
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("space", "pause", "pause or resume the runbook", priority=False),
        Binding("a", "approve", "approve the gate"),
        Binding("p", "postpone", "postpone by 60 s"),
        Binding("x", "abort", "abort, or NO-GO at a gate"),
        Binding("n", "note", "a note"),
        Binding("1", "overview", "overview"),
        Binding("7", "verdict", "verdict"),
        Binding("question_mark", "help", "help"),
        Binding("q", "leave", "quit"),
        Binding("plus", "faster(1)", "replay faster", show=False),
        Binding("minus", "faster(-1)", "replay slower", show=False),
        Binding("right", "ahead(10)", "replay: ahead 10 s", show=False),
        Binding("end", "ahead(1000000)", "replay: to the end", show=False),
    ]

    def __init__(
        self,
        folder: Path,
        *,
        replay: bool = False,
        speed: float = 1.0,
        source: Source | None = None,
        refresh_s: float = REFRESH_S,
    ) -> None:
        super().__init__()
        self.folder = folder
        self.source: Source = source or (Recording(folder, speed) if replay else Live(folder))
        self.shown = Shown()
        self.plain_glyphs = _needs_ascii()
        """Whether glyphs are written in ASCII."""
        self._refresh_s = refresh_s
        self._is_loaded = False
        self._ended_at: float | None = None
        self._told_end = False
        for theme in THEMES:
            self.register_theme(theme)
        self.theme = "rehearse-light" if os.environ.get("REHEARSE_THEME") == "light" else "rehearse-dark"

    def get_theme_variable_defaults(self) -> dict[str, str]:
        """Our colours, for the themes that do not name them."""
        return THEMES[0].variables

    def on_mount(self) -> None:
        """The first frame comes before anything is read."""
        self.install_screen(Overview(), "overview")
        self.install_screen(VerdictScreen(), "verdict")
        self.push_screen("overview")
        self.run_worker(self._prepare, thread=True, exit_on_error=True)
        self.set_interval(self._refresh_s, self.refresh_now)

    def _prepare(self) -> None:
        """Read the scenario and earlier runs beside the event loop."""
        from sim.scenario import load_scenario
        from tui.earlier import earlier_runs

        try:
            scenario = load_scenario(str(self.folder / "scenario.yaml"))
        except RehearsalError as error:
            self.call_from_thread(self.notify, f"no checks are shown: {error}", severity="warning", timeout=15)
            scenario = None
        shown = Shown(scenario, earlier_runs(self.folder, scenario.slug if scenario else ""))
        self.call_from_thread(self._begin, shown)

    def _begin(self, shown: Shown) -> None:
        self.shown, self._is_loaded = shown, True
        self._read()
        self.refresh_now()

    # -- reading and drawing -----------------------------------------------------------------

    def _read(self) -> None:
        """Take what is new, a slice of time long; an old run is caught up with in several."""
        ends = time.perf_counter() + SLICE_S
        shown, more = self.shown, True
        while more and time.perf_counter() < ends:
            ops = self.source.take(1000)
            more = len(ops) >= 1000
            for op in ops:
                shown.feed(op)
        shown.header = self.source.header
        shown.reading = f"reading {self.source.follower.share_read() * 100:.0f} %" if more else ""
        if more:
            self.set_timer(0.005, self._read)

    def refresh_now(self) -> None:
        """One tick: read, renew the verdict, draw the screen in front."""
        shown = self.shown
        if self._is_loaded:
            if not shown.reading:
                self._read()
            if isinstance(self.source, Recording):
                held = "HELD " if self.source.held else ""
                shown.replay_word = f"{held}REPLAY {self.source.speed:g}×"
            elif shown.runbook.stack_ready_s is None and not shown.runbook.ended:
                shown.runbook.why = self._log_line()
            if not shown.reading:
                shown.settle()
                self._look_for_the_end()
        front = next((s for s in reversed(self.screen_stack) if isinstance(s, Overview | VerdictScreen)), None)
        if front is not None and front.is_mounted:
            front.show(shown)

    def _log_line(self) -> str:
        """The last line the starting run wrote for people: getting the parts may take minutes."""
        try:
            with open(self.folder / "logs" / "rehearsal.log", "rb") as file:
                file.seek(max(0, file.seek(0, os.SEEK_END) - 600))
                lines = file.read().decode(errors="replace").strip().splitlines()
        except OSError:
            return ""
        return " ".join(lines[-1].split()) if lines else ""

    def _look_for_the_end(self) -> None:
        """Once the run has ended: its verdict.json, and the verdict screen by itself."""
        shown = self.shown
        if not shown.runbook.ended or self._told_end:
            return
        now = time.monotonic()
        self._ended_at = self._ended_at if self._ended_at is not None else now
        if not shown.is_final:
            from sim.checks.verdict import from_json

            try:
                shown.conclude(from_json((self.folder / "verdict.json").read_bytes()))
            except (OSError, ValueError):
                if now - self._ended_at < VERDICT_WAIT_S and not self.source.is_replay:
                    return
        self._told_end = True
        self.action_verdict()

    # -- commands ----------------------------------------------------------------------------

    def command(self, verb: str, **arguments: str | float) -> None:
        """Send one command to the run; its answer comes as a toast."""
        if self.source.is_replay:
            self.notify("this is a replay: nothing is running that could be commanded", severity="warning")
            return
        if self.shown.runbook.ended:
            self.notify("the run has ended", severity="warning")
            return

        def ask() -> None:
            try:
                told = send(self.folder, verb, who=_who(), **arguments)
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

    def action_approve(self) -> None:
        """GO at a gate."""
        self.command("approve")

    def action_postpone(self) -> None:
        """Postpone the gate, or the cutover to come, by a minute."""
        self.command("postpone", for_s=60.0)

    def action_abort(self) -> None:
        """Asks once; at a gate it is the no-go."""
        if self.source.is_replay or self.shown.runbook.ended:
            self.command("abort")
            return
        at_gate = self.shown.is_gate
        title = "NO-GO: roll back to blue?" if at_gate else "Abort and roll back to blue?"
        self._ask(
            title,
            f"Way back now: {self.shown.way_back()[1]}.",
            [Choice("x", "yes, roll back", "nogo" if at_gate else "abort"), Choice("escape", "no, go on", "")],
            lambda verb: self.command(verb, reason="from the screen"),
        )

    def action_note(self) -> None:
        """One line for the history."""

        def write(text: str | None) -> None:
            if text:
                self.command("note", text=text)

        if self.source.is_replay or self.shown.runbook.ended:
            self.command("note")
        else:
            self.push_screen(NoteSheet(), write)

    def action_leave(self) -> None:
        """A finished run or a replay just ends the screen; a living run is asked about."""
        if self.source.is_replay or self.shown.runbook.ended:
            self.exit()
            return

        def decided(value: str) -> None:
            if value == "leave":
                self.exit()
            elif value == "abort":
                self.command("abort", reason="from the screen")

        self._ask(
            "The run goes on. What now?",
            "Left alone it ends by itself; rehearse watch latest comes back to it.",
            [
                Choice("l", "leave it running and quit", "leave"),
                Choice("x", "abort it: roll back to blue", "abort"),
                Choice("escape", "stay here", ""),
            ],
            decided,
        )

    def _ask(self, title: str, text: str, choices: list[Choice], then: Callable[[str], None]) -> None:
        def answered(value: str | None) -> None:
            if value:
                then(value)

        if not any(isinstance(s, Question) for s in self.screen_stack):
            self.push_screen(Question(title, text, choices), answered)

    # -- screens and replay ------------------------------------------------------------------

    def action_overview(self) -> None:
        """The overview."""
        self._front("overview")

    def action_verdict(self) -> None:
        """The verdict screen."""
        self._front("verdict")

    def _front(self, name: str) -> None:
        if any(isinstance(s, Question | NoteSheet) for s in self.screen_stack):
            return  # never from under an open question
        self.switch_screen(name)
        self.call_after_refresh(self.refresh_now)

    def action_help(self) -> None:
        """Keys and words."""
        self.push_screen(TextSheet("Keys and words", helping.text(self.shown, replay=self.source.is_replay)))

    def action_faster(self, steps: int) -> None:
        """A replay's speed."""
        if isinstance(self.source, Recording):
            self.source.faster(steps)
            self.refresh_now()

    def action_ahead(self, seconds: float) -> None:
        """A replay goes ahead."""
        if isinstance(self.source, Recording):
            self.source.skip(seconds)
            self.refresh_now()

    def get_system_commands(self, screen: Screen[object]) -> Iterable[SystemCommand]:
        """The palette: Textual's own and everything a key does here."""
        yield from super().get_system_commands(screen)
        for name, does, act in (
            ("Pause or resume the runbook", "after the step under way; never the traffic", self.action_pause),
            ("Approve: GO", "the gate that waits", self.action_approve),
            ("Postpone by 60 s", "the gate that waits, or the cutover to come", self.action_postpone),
            ("Abort: roll back to blue", "asks once", self.action_abort),
            ("Write a note", "a line for the history", self.action_note),
            ("Overview", "everything that happens", self.action_overview),
            ("Verdict", "checks and their evidence", self.action_verdict),
        ):
            yield SystemCommand(name, does, act)

    def on_unmount(self) -> None:
        """Close the history."""
        self.source.close()


def _who() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return "screen"


def _needs_ascii() -> bool:
    if os.environ.get("REHEARSE_ASCII"):
        return True
    encoding = (getattr(sys.__stdout__, "encoding", None) or "utf-8").lower()
    return "utf" not in encoding
