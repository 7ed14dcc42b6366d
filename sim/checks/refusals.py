"""Who wanted to take an app's access back and was refused on purpose, and for how long.

A refused revocation is worse than a refused login: the person believes that something must end
now. So it counts from the first refusal until that grant's revocation was acknowledged, or, where
its owner gave up, until anybody's was.
"""

from __future__ import annotations

from typing import NamedTuple

from sim.history.op import Op


class _Wait(NamedTuple):
    """Refusals of one grant's revocation that no later request has mended: the first and the last."""

    i: int
    since_s: float
    last_i: int
    last_s: float


class Refusals:
    """Fed with every completion of a revocation.

    Only a request sent after a refusal mends it, so completions that follow each other may come
    in any order.
    """

    def __init__(self) -> None:
        self._waiting: dict[str, _Wait] = {}
        """By grant, or by who asked for a login."""
        self._longest_s = 0.0
        self._shed_i, self._open_s = -1, -1.0
        """Index at which somebody was last refused, and when a later request of somebody's first passed."""
        self.people: set[str] = set()

    def feed(self, begun: Op, done: Op, *, shed: bool) -> None:
        """Take one revocation's answer."""
        names = (begun.value or {}).get("grants") or [begun.grant or begun.process]
        if shed:
            self.people.add(begun.process)
            self._shed_i, self._open_s = done.i, -1.0
            for name in names:
                wait = self._waiting.get(name)
                self._waiting[name] = (_Wait(done.i, done.t_s, done.i, done.t_s) if wait is None
                                       else wait._replace(last_i=done.i, last_s=done.t_s))
        elif done.type == "ok":
            if self._open_s < 0 <= self._shed_i < begun.i:
                self._open_s = done.t_s
            for name in names:
                self._mended(name, begun, done)

    def _mended(self, name: str, begun: Op, done: Op) -> None:
        wait = self._waiting.get(name)
        if wait is None or begun.i < wait.i:
            return
        self._longest_s = max(self._longest_s, done.t_s - wait.since_s)
        if wait.last_i > begun.i:  # refused again by a request that was under way beside this one
            self._waiting[name] = _Wait(wait.last_i, wait.last_s, wait.last_i, wait.last_s)
        else:
            del self._waiting[name]

    def longest_s(self, now_s: float) -> float:
        """The longest time in which somebody could not revoke; 0 if nobody was refused."""
        until_s = self._open_s if self._open_s >= 0 else now_s
        return max([self._longest_s, *(until_s - wait.since_s for wait in self._waiting.values())])
