"""Where the screen's ops come from: a run that lives, or a recording played at some speed.

Both give ops in order and say what time it is on the screen; only a recording can be held,
hurried or skipped ahead.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable
from pathlib import Path
from typing import Protocol

from sim.history.history import history_file
from sim.history.op import Header, Op
from tui.follow import Follower

SPEEDS = (0.5, 1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 50.0)
AHEAD_OPS = 2000
"""How many ops of a recording are read before they are due."""


class Source(Protocol):
    """Ops for the screen."""

    follower: Follower
    is_replay: bool
    at_s: float
    """The instant of a recording that is shown; of a living run 0."""

    @property
    def header(self) -> Header | None:
        """The history's first line, once it is there."""

    def take(self, limit: int = 4000) -> list[Op]:
        """The ops that are to be shown now and were not yet given."""

    def close(self) -> None:
        """Close the file."""


class Live:
    """A run that is going on (or has ended): whatever is written is shown."""

    is_replay = False
    at_s = 0.0

    def __init__(self, folder: Path) -> None:
        self.follower = Follower(history_file(folder))

    @property
    def header(self) -> Header | None:
        """The history's first line, once it is there."""
        return self.follower.header

    def take(self, limit: int = 4000) -> list[Op]:
        """What is new."""
        return self.follower.take(limit)

    def close(self) -> None:
        """Close the file."""
        self.follower.close()


class Recording:
    """A stored history, played as it went, `speed` times as fast."""

    is_replay = True

    def __init__(self, folder: Path, speed: float = 1.0, clock: Callable[[], float] = time.monotonic) -> None:
        self.follower = Follower(history_file(folder))
        self.speed = speed
        self.held = False
        self._clock = clock
        self._last_s = clock()
        self._ahead: deque[Op] = deque()
        self.at_s = 0.0
        """The instant of the recording that is shown."""

    @property
    def header(self) -> Header | None:
        """The history's first line, once it is there."""
        return self.follower.header

    def take(self, limit: int = 4000) -> list[Op]:
        """The ops up to the instant that is shown now."""
        now_s = self._clock()
        if not self.held:
            self.at_s += (now_s - self._last_s) * self.speed
        self._last_s = now_s
        ops: list[Op] = []
        while len(ops) < limit:
            if not self._ahead:
                self._ahead.extend(self.follower.take(AHEAD_OPS))
                if not self._ahead:
                    break
            if self._ahead[0].t_s > self.at_s:
                break
            ops.append(self._ahead.popleft())
        return ops

    def skip(self, seconds: float) -> None:
        """Go ahead by so many seconds of the recording."""
        self.at_s += seconds

    def rewind(self, at_s: float) -> None:
        """Begin anew, to be shown at this instant: whoever reads must forget what was given."""
        self.follower.close()
        self.follower = Follower(self.follower.path)
        self._ahead.clear()
        self.at_s = max(0.0, at_s)
        self._last_s = self._clock()

    def faster(self, steps: int) -> float:
        """The next higher (or, below zero, lower) speed; returns it."""
        nearest = min(range(len(SPEEDS)), key=lambda n: abs(SPEEDS[n] - self.speed))
        self.speed = SPEEDS[max(0, min(len(SPEEDS) - 1, nearest + steps))]
        return self.speed

    def close(self) -> None:
        """Close the file."""
        self.follower.close()
