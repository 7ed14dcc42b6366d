"""The clock and the mouth of one part's acquisition."""

from __future__ import annotations

import time

from sim.rigs.real.acquire.parts import Progress, Row, State, Update

_BETWEEN_LINES_S = 0.2


class Telling:
    """Tells the callback how one part is coming along, at most five lines a second."""

    def __init__(self, part: str, progress: Progress) -> None:
        self.part = part
        self._progress = progress
        self._begun = time.monotonic()
        self._last_line = 0.0
        self._state: State = "checking"

    @property
    def elapsed_s(self) -> float:
        return time.monotonic() - self._begun

    def now(self, state: State, detail: str) -> None:
        """The part has come to another state."""
        self._state = state
        self._progress(Update(self.part, state, detail, self.elapsed_s))

    def line(self, text: str) -> None:
        """A line of the program that is at work; dropped if one has just been shown."""
        if time.monotonic() - self._last_line >= _BETWEEN_LINES_S:
            self._last_line = time.monotonic()
            self._progress(Update(self.part, self._state, text[:200], self.elapsed_s))

    def ready(self, row: Row) -> Row:
        """The part is here."""
        self._progress(Update(self.part, "ready", row.word, self.elapsed_s, row))
        return row
