"""The screen: a process of its own that follows one run's history and sends commands to its socket.

It reads what is written and nothing else, so it can come and go; whoever leaves it leaves the
run alone. What keys do stands beside it: commanding.py, replaying.py, opening.py.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from textual.app import SystemCommand
from textual.binding import Binding, BindingType
from textual.screen import ModalScreen, Screen

from sim.errors import RehearsalError
from sim.history.gameday import FACILITATOR
from tui import helping
from tui.archive import Archive
from tui.commanding import Commanding
from tui.landmarks import Landmark
from tui.opening import Opening
from tui.playback import Live, Recording, Source
from tui.replaying import Replaying
from tui.screens.gate import GateSheet
from tui.screens.overview import Overview
from tui.screens.sheets import TextSheet
from tui.screens.watched import Watched
from tui.servicelogs import ServiceLogs
from tui.state import Shown
from tui.themes import THEMES, dress

if TYPE_CHECKING:
    from sim.scenario import Scenario

REFRESH_S = 0.4
SLICE_S = 0.03
"""How long an old run is read before keys are looked at again."""
TELLING = frozenset({"toxiproxy"})
"""Services whose own log tells what the nemesis does, and nothing of what it does to anybody."""
VERDICT_WAIT_S = 5.0
"""Assumption: judging and writing verdict.json takes at most seconds; then the forming one is shown."""

SCREENS = {
    "overview": ("1", "everything that happens"),
    "traffic": ("2", "latency over time, by operation and persona"),
    "faults": ("3", "make one, heal one, see the proof"),
    "database": ("4", "the migration, locks, sizes"),
    "ledger": ("5", "every grant and its life"),
    "log": ("6", "everything, merged by time"),
    "verdict": ("7", "checks and their evidence"),
    "gameday": ("8", "of a game day: goals, notes; the facilitator's card"),
}
"""Screen → its key, and what the palette says of it."""


class RehearsalApp(Commanding, Replaying, Opening):
    """One run's screen."""

    CSS_PATH = "app.tcss"
    TITLE = "rehearse"
    ENABLE_COMMAND_PALETTE = True
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("space", "pause", "pause or resume the runbook", priority=False),
        Binding("s", "step", "one step of a paused runbook"),
        Binding("a", "approve", "approve the gate"),
        Binding("p", "postpone", "postpone by 60 s"),
        Binding("b", "buffer", "buffer traffic"),
        Binding("f", "fault", "a fault"),
        Binding("H", "heal_all", "heal all"),
        Binding("x", "abort", "abort, or NO-GO at a gate"),
        Binding("exclamation_mark", "panic", "panic"),
        Binding("n", "note", "a note"),
        Binding("w", "wrong", "what is wrong now (game day)"),
        Binding("G", "gate", "the go/no-go sheet"),
        *(Binding(key, f"front('{name}')", name) for name, (key, _) in SCREENS.items()),
        Binding("T", "theme", "another theme"),
        Binding("question_mark", "help", "help"),
        Binding("q", "leave", "quit"),
        Binding("ctrl+q", "quit", "quit", priority=True, show=False),
        Binding("ctrl+c", "interrupt", "abort; twice: stop", priority=True, show=False),
        Binding("plus,equals_sign", "faster(1)", "replay faster", show=False),
        Binding("minus", "faster(-1)", "replay slower", show=False),
        Binding("right,greater_than_sign", "ahead(10)", "replay: ahead 10 s", show=False),
        Binding("left,less_than_sign", "ahead(-10)", "replay: back 10 s", show=False),
        Binding("right_square_bracket", "mark('phase', 1)", "replay: next phase", show=False),
        Binding("left_square_bracket", "mark('phase', -1)", "replay: phase before", show=False),
        Binding("right_curly_bracket", "mark('fault', 1)", "replay: next fault", show=False),
        Binding("left_curly_bracket", "mark('fault', -1)", "replay: fault before", show=False),
        Binding("B", "first_broken", "replay: first broken op", show=False),
        Binding("home", "ahead(-1000000)", "replay: to the beginning", show=False),
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
        read_only: bool = False,
        role: str = "",
        child: int = 0,
    ) -> None:
        super().__init__()
        self.child = child
        self.folder, self.read_only, self.role = folder, read_only, role
        self.is_masked = role != FACILITATOR and not (folder / "verdict.json").exists()
        """A player's screen of a run that goes on: no surprise is told before its end."""
        self.source: Source = source or (Recording(folder, speed) if replay else Live(folder))
        self.shown = Shown()
        self.archive = Archive(self.source.follower, is_masked=self.is_masked)
        self.services = ServiceLogs(folder)
        self.landmarks: list[Landmark] = []
        self.is_searched = False
        """Whether the recording was searched for landmarks."""
        self.plain_glyphs = _needs_ascii()
        """Whether glyphs are written in ASCII."""
        self._refresh_s = refresh_s
        self.is_loaded = False
        """Whether the scenario was read and the history is."""
        self._is_reading = False
        self._ended_at: float | None = None
        self._told_end = False
        self._gate_shown_s = -1.0
        self._scenario: Scenario | None = None
        dress(self)

    def get_theme_variable_defaults(self) -> dict[str, str]:
        """Our colours, for the themes that do not name them."""
        return THEMES[0].variables

    def on_mount(self) -> None:
        """The first frame comes before anything is read."""
        self.install_screen(Overview(), "overview")
        self.push_screen("overview")
        self.call_after_refresh(self._after_first_frame)

    def _after_first_frame(self) -> None:
        from tui.screens.database import DatabaseScreen
        from tui.screens.faults import FaultsScreen
        from tui.screens.gameday import GameDayScreen
        from tui.screens.ledger import LedgerScreen
        from tui.screens.log import LogScreen
        from tui.screens.traffic import TrafficScreen
        from tui.screens.verdict import VerdictScreen

        self.run_worker(self._prepare, thread=True, exit_on_error=True)
        self.install_screen(TrafficScreen(), "traffic")
        self.install_screen(FaultsScreen(), "faults")
        self.install_screen(DatabaseScreen(), "database")
        self.install_screen(LedgerScreen(), "ledger")
        self.install_screen(LogScreen(), "log")
        self.install_screen(VerdictScreen(), "verdict")
        self.install_screen(GameDayScreen(), "gameday")
        self.set_interval(self._refresh_s, self.refresh_now)

    def _prepare(self) -> None:
        """Read the scenario, earlier runs and (of a recording) its landmarks beside the event loop."""
        from sim.checks.verdict import from_json
        from sim.report.earlier import earlier_runs
        from sim.scenario import load_scenario
        from tui.landmarks import landmarks

        try:
            scenario = load_scenario(str(self.folder / "scenario.yaml"))
        except RehearsalError as error:
            self.call_from_thread(self.notify, f"no checks are shown: {error}", severity="warning", timeout=15)
            scenario = None
        shown = Shown(scenario, earlier_runs(self.folder, scenario.slug if scenario else ""), is_masked=self.is_masked)
        self._scenario = scenario
        self.call_from_thread(self._begin, shown)
        if self.source.is_replay:
            try:
                verdict = from_json((self.folder / "verdict.json").read_bytes())
                witnesses = [i for c in verdict.checks if c.verdict == "broken" for i in c.witnesses]
            except (OSError, ValueError):
                witnesses = []
            self.landmarks = landmarks(self.source.follower.path, witnesses, is_masked=self.is_masked)
            self.is_searched = True

    def _begin(self, shown: Shown) -> None:
        self.shown, self.is_loaded = shown, True
        if self.is_masked and shown.day is not None:
            self.services.without = TELLING
        self.read_more()
        self.refresh_now()

    def forget(self) -> None:
        """Begin anew with the same run: a replay goes back."""
        self.shown = Shown(self._scenario, self.shown.earlier, is_masked=self.is_masked)
        self.archive = Archive(self.source.follower, is_masked=self.is_masked)
        self._told_end, self._ended_at = False, None

    # -- reading and drawing -----------------------------------------------------------------

    def read_more(self) -> None:
        """Take what is new, a slice of time long; an old run is caught up with in several."""
        ends = time.perf_counter() + SLICE_S
        shown, more = self.shown, True
        feed = shown.feed
        while more and time.perf_counter() < ends:
            ops = self.source.take(1000)
            more = len(ops) >= 1000
            for op in ops:
                feed(op)
        shown.header = self.source.header
        shown.reading = f"reading {self.source.follower.share_read() * 100:.0f} %" if more else ""
        if more and not self._is_reading:
            self._is_reading = True
            self.set_timer(0.005, self._read_again)

    def _read_again(self) -> None:
        self._is_reading = False
        self.read_more()

    def refresh_now(self) -> None:
        """One tick: read, renew the verdict, draw the screen in front."""
        shown = self.shown
        if not self.screen_stack:
            return  # a last tick while the app closes
        if self.is_loaded:
            if not shown.reading:
                self.read_more()
            if isinstance(self.source, Recording):
                held = "paused" if self.source.held else f"{self.source.speed:g}×"
                shown.replay_word = f"REPLAY {held}"
            elif shown.runbook.stack_ready_s is None and not shown.runbook.ended:
                shown.runbook.why = self._log_line()
            if not shown.reading:
                shown.settle()
                self._look_for_the_end()
                self._look_for_a_gate()
        front = next((s for s in reversed(self.screen_stack) if isinstance(s, Watched)), None)
        if front is not None and front.is_mounted:
            front.show(shown)
        if isinstance(self.screen, GateSheet) and self.screen.is_mounted:
            self.screen.show(shown)

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
        if self.is_masked and shown.kept:
            self._reveal()
        if isinstance(self.screen, Overview):
            self.front("verdict")

    def _reveal(self) -> None:
        """The run has ended: what was kept from this screen is read again and told."""
        self.is_masked = False
        self.source.close()
        self.source = Live(self.folder)
        self.services = ServiceLogs(self.folder)
        self.forget()
        self.notify("the surprises are told now: 8 the game day, 6 the log", title="the day is over")
        self.read_more()

    def _look_for_a_gate(self) -> None:
        """A gate that opens brings its sheet, once; it never covers another sheet."""
        gate = self.shown.runbook.gate
        if gate is None or not self.shown.is_gate or self.source.is_replay or self.read_only:
            return
        if gate.opened_s != self._gate_shown_s and not isinstance(self.screen, ModalScreen):
            self._gate_shown_s = gate.opened_s
            self.action_gate()

    # -- screens -----------------------------------------------------------------------------

    def action_front(self, name: str) -> None:
        """A screen by its name."""
        self.front(name)

    def front(self, name: str) -> None:
        """Bring a screen to the front; never from under an open question."""
        if isinstance(self.screen, ModalScreen):
            return
        while len(self.screen_stack) > 2:
            self.pop_screen()
        if self.screen is not self.get_screen(name):
            self.switch_screen(name)
        self.call_after_refresh(self.refresh_now)

    def action_fault(self) -> None:
        """The faults' screen; with a link or part under the hand, what is to be done to it."""
        from tui.screens.faults import FaultsScreen

        if isinstance(self.screen, ModalScreen):
            return
        held = self.screen.held if isinstance(self.screen, Watched) else None
        faults = self.get_screen("faults")
        assert isinstance(faults, FaultsScreen)
        self.front("faults")
        if held is not None and held.kind == "link":
            self.call_after_refresh(faults.choose, held.arg)
            self.call_after_refresh(faults.begin, held.arg)

    def action_theme(self) -> None:
        """Dark, light, high contrast."""
        names = [theme.name for theme in THEMES]
        self.theme = names[(names.index(self.theme) + 1) % len(names)] if self.theme in names else names[0]

    def action_help(self) -> None:
        """Keys and words."""
        if isinstance(self.screen, ModalScreen):
            return
        self.push_screen(TextSheet("keys and words", helping.text(self.shown, replay=self.source.is_replay)))

    def get_system_commands(self, screen: Screen[object]) -> Iterable[SystemCommand]:
        """The palette: Textual's own and everything a key does here."""
        yield from super().get_system_commands(screen)
        for name, (key, does) in SCREENS.items():
            yield SystemCommand(f"{name.capitalize()} ({key})", does, lambda name=name: self.front(name))
        for said, does, act in (
            ("Pause or resume the runbook", "after the step under way; never the traffic", self.action_pause),
            ("One step", "of a paused runbook", self.action_step),
            ("Approve: GO", "the gate that waits", self.action_approve),
            ("Go/no-go sheet", "of the gate that waits", self.action_gate),
            ("Postpone by 60 s", "the gate that waits, or the cutover to come", self.action_postpone),
            ("Buffer traffic, or let it go on", "requests wait at the edge", self.action_buffer),
            ("Heal all faults", "everything made by us is taken off", self.action_heal_all),
            ("Abort: roll back to blue", "asks once", self.action_abort),
            ("Panic", "at once, without a question", self.action_panic),
            ("Write a note", "a line for the history", self.action_note),
            ("Say what is wrong now", "on a game day: it counts as noticing", self.action_wrong),
            ("Replay: first broken op", "the first witness of what broke", self.action_first_broken),
        ):
            yield SystemCommand(said, does, act)

    def on_unmount(self) -> None:
        """Close the history."""
        self.source.close()


def _needs_ascii() -> bool:
    if os.environ.get("REHEARSE_ASCII"):
        return True
    encoding = (getattr(sys.__stdout__, "encoding", None) or "utf-8").lower()
    return "utf" not in encoding
