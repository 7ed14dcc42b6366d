"""What every part of the screen may ask of the app, whichever file does it.

Panels and screens know this and not the app itself, so that nothing imports in a circle.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from textual.app import App
from textual.dom import DOMNode

from tui.archive import Archive
from tui.ink import To
from tui.landmarks import Landmark
from tui.playback import Source
from tui.screens.sheets import Choice, Question
from tui.servicelogs import ServiceLogs
from tui.state import Shown


class RunApp(App[list[str]]):
    """One run on the screen: its state, its history, and what keys do.

    What it returns is the command line that its terminal is to run next, if somebody asked for one.
    """

    folder: Path
    source: Source
    shown: Shown
    archive: Archive
    services: ServiceLogs
    landmarks: list[Landmark]
    is_searched: bool
    """Whether the recording was searched for landmarks."""
    read_only: bool
    child: int = 0
    """The run's process, if this screen came up with it; 0 = somebody else's run."""
    role: str
    """On a game day, whose screen it is; "" = a player without a role."""

    @property
    def is_still(self) -> bool:
        """Is motion to be spared (TEXTUAL_ANIMATIONS=none)?"""
        return self.animation_level == "none"

    def open(self, to: To) -> None:
        """Show what a figure stands for."""
        raise NotImplementedError

    def explain(self, to: To) -> None:
        """Say what it means."""
        raise NotImplementedError

    def copy_of(self, to: To) -> None:
        """Put it on the clipboard."""
        raise NotImplementedError

    def copied(self, text: str, what: str) -> None:
        """Put this text on the clipboard and say so."""
        raise NotImplementedError

    def op_behind(self, to: To) -> int | None:
        """The op at which a figure ends."""
        raise NotImplementedError

    def front(self, name: str) -> None:
        """Bring a screen to the front."""
        raise NotImplementedError

    def refresh_now(self) -> None:
        """Read and draw."""
        raise NotImplementedError

    def read_more(self) -> None:
        """Take what is new of the history."""
        raise NotImplementedError

    def forget(self) -> None:
        """Begin anew with the same run."""
        raise NotImplementedError

    def jump(self, at_s: float) -> None:
        """Show a recording at this instant."""
        raise NotImplementedError

    def ask(self, title: str, text: str, choices: list[Choice], then: Callable[[str], None]) -> None:
        """Ask once; `then` gets the chosen value, unless nothing was chosen."""

        def answered(value: str | None) -> None:
            if value:
                then(value)

        if not any(isinstance(s, Question) for s in self.screen_stack):
            self.push_screen(Question(title, text, choices), answered)

    def may_command(self, verb: str) -> bool:
        """Can anything be commanded now?"""
        raise NotImplementedError

    def command(self, verb: str, *, by: str = "", **arguments: Any) -> None:
        """Send one command to the run."""
        raise NotImplementedError


def of(node: DOMNode) -> RunApp:
    """The app a screen or panel belongs to."""
    app = node.app
    assert isinstance(app, RunApp)
    return app
