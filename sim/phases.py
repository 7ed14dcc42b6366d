"""Where the runbook stands: instants that traffic and nemesis can wait for.

An anchor is a step's name (it began), `<step>.end` (it succeeded), `snapshot` (the copy's
data is fixed) or `switch` (the edge points at green). Each is reached at most once; the last
instant holds if a step is repeated after an undo.
"""

from __future__ import annotations

import simpy


class Phases:
    """Anchors as SimPy events of one environment."""

    def __init__(self, env: simpy.Environment) -> None:
        self._env = env
        self._events: dict[str, simpy.Event] = {}
        self.times_s: dict[str, float] = {}
        """Anchor → environment time at which it was reached."""

    def reached(self, anchor: str) -> simpy.Event:
        """An event that fires when `anchor` is reached (at once if it already was)."""
        return self._events.setdefault(anchor, self._env.event())

    def mark(self, anchor: str) -> None:
        """The runbook reached `anchor` now."""
        self.times_s[anchor] = self._env.now
        event = self.reached(anchor)
        if not event.triggered:
            event.succeed(self._env.now)
