"""Which revoked grant a prober looks at next, so that a gap is bounded closely.

Introspection comes at a given rate; the prober gets a share of it. First come grants whose
revocation does not hold (again and again, `HOT_S` apart), then those not yet seen refused on
the stack that serves now, then, slowly, all others until the end. So the gap of each has a
lower bound (last acceptance) and an upper bound (first refusal after it) near each other.
"""

from __future__ import annotations

import heapq
from collections import deque

from sim.history.op import token_hash
from sim.traffic.ledger import MARGIN_S, Chain

HOT_S = 0.3
"""Assumption: between two looks at a grant that was accepted though revoked; bounds gaps to 0.25–0.5 s."""
CALM_S = 3.0
"""Assumption: between two looks at a grant that was refused as it must be."""


class Look:
    """One token to be introspected."""

    __slots__ = ("chain", "gen", "hash", "kind", "token")

    def __init__(self, chain: Chain, token: str, kind: str, gen: int) -> None:
        self.chain, self.token, self.kind, self.gen = chain, token, kind, gen
        self.hash = token_hash(token)


class Watch:
    """What was seen of one revoked chain."""

    __slots__ = ("at", "chain", "last_s", "looks", "pending", "unseen")

    def __init__(self, chain: Chain, now_s: float) -> None:
        self.chain = chain
        self.looks = _looks(chain, now_s)
        self.unseen = len(self.looks)
        """Tokens not yet seen refused on the stack that serves now."""
        self.at = 0
        self.last_s = -1e9
        self.pending = False


class Watchlist:
    """The prober's queue."""

    def __init__(self) -> None:
        self._hot: list[tuple[float, int, Watch]] = []
        self._fresh: deque[Watch] = deque()
        self._calm: deque[Watch] = deque()
        self._all: list[Watch] = []
        self._n = 0
        self._turn = 0

    def add(self, chain: Chain, now_s: float) -> None:
        """A revocation was acknowledged."""
        watch = Watch(chain, now_s)
        if not watch.looks:
            return
        self._all.append(watch)
        if chain.watched:
            self._fresh.appendleft(watch)
        else:
            self._fresh.append(watch)

    def switched(self) -> None:
        """Another stack serves: nothing has been seen refused on it yet."""
        self._hot.clear()
        self._calm.clear()
        for watch in self._all:
            watch.unseen, watch.at = len(watch.looks), 0
        # cohorts first, then the latest: a capture just before the switch is replayed last
        waiting = [watch for watch in reversed(self._all) if not watch.pending]
        self._fresh = deque(sorted(waiting, key=lambda watch: not watch.chain.watched))

    @property
    def urgent(self) -> bool:
        """Whether something is accepted that must not be, or was not yet looked at."""
        return bool(self._hot or self._fresh)

    def next(self, now_s: float) -> tuple[Watch, Look] | None:
        """What to look at now; None if nothing is due. Tell `answered` what came of it."""
        self._turn += 1
        hot = bool(self._hot) and self._hot[0][0] <= now_s
        if hot and (not self._fresh or self._turn % 3):
            watch = heapq.heappop(self._hot)[2]
        elif self._fresh:
            watch = self._fresh.popleft()
        elif self._calm and now_s - self._calm[0].last_s >= CALM_S:
            watch = self._calm.popleft()
        else:
            return None
        watch.pending, watch.last_s = True, now_s
        return watch, watch.looks[watch.at % len(watch.looks)]

    def answered(self, watch: Watch, active: bool | None, now_s: float) -> None:
        """The look's answer; None: there was none that could be used."""
        watch.pending = False
        if active:
            watch.unseen = len(watch.looks)
            self._heat(watch, now_s + HOT_S)
            return
        watch.at += 1
        if active is None:
            self._heat(watch, now_s + HOT_S)
            return
        watch.unseen -= 1
        if watch.unseen > 0:
            self._heat(watch, now_s)
        else:
            watch.unseen = 0
            self._calm.append(watch)

    def _heat(self, watch: Watch, due_s: float) -> None:
        self._n += 1
        heapq.heappush(self._hot, (due_s, self._n, watch))


def _looks(chain: Chain, now_s: float) -> list[Look]:
    """The tokens that could let a revoked chain in: the copy's generation, the newest, the access token."""
    looks: list[Look] = []
    gens = [gen for gen in (chain.snapshot_gen, chain.gen) if gen is not None and gen in chain.refresh]
    for gen in dict.fromkeys(gens):
        looks.append(Look(chain, chain.refresh[gen], "refresh", gen))
    if chain.access is not None and chain.access.expires_s - now_s > 10 * MARGIN_S:
        looks.append(Look(chain, chain.access.value, "access", chain.access.gen))
    return looks
