"""Ops, steps, faults, commands and service lines in one order of time, filtered: the log's lines.

It keeps indexes only. Without a filter nothing is searched; with one, blocks of the history are
looked through a slice at a time, so that keys stay quick however long the history is.
"""

from __future__ import annotations

import time
from array import array
from bisect import bisect_left, bisect_right

import msgspec

from sim.history.op import Op
from tui.archive import Archive
from tui.query import Query, matches, may_hold
from tui.servicelogs import LogLine, ServiceLogs
from tui.state import Shown

BLOCK_OPS = 1000

_OP = msgspec.json.Decoder(Op)


class Logbook:
    """What the log's screen shows of one run."""

    def __init__(self, archive: Archive, services: ServiceLogs) -> None:
        self.archive, self.services = archive, services
        self.query = Query("")
        self._hits: array[int] = array("I")
        self._looked = 0
        """Ops looked at for the filter so far."""
        self._service_hits: list[int] = []
        self._services_looked = 0
        self._ops: array[int] = array("I")
        self._until = 0
        self._chosen: list[int] = []
        self._places: list[int] = []
        """Of each service line shown: how many ops stand before it."""

    def ask(self, query: Query) -> None:
        """Begin anew with another filter."""
        self.query = query
        self._hits, self._looked = array("I"), 0
        self._service_hits, self._services_looked = [], 0
        self._places = []
        if query.from_s > 0:
            self._looked = self.archive.since(query.from_s)

    def advance(self, shown: Shown, budget_s: float) -> bool:
        """Look through what was not looked at, at most so long; True if there is more to look at."""
        self._until = self.services.until(shown.now_s)
        if self.query.is_empty:
            self._ops = shown.lines
            self._place(list(range(self._until)))
            return False
        if self.query.only:
            self._ops = array("I", sorted(i for i in self.query.only if i < shown.ops))
            self._places = []
            return False
        ends = time.perf_counter() + budget_s
        last = min(shown.ops, self.archive.since(self.query.to_s))
        while self._looked < last and time.perf_counter() < ends:
            self._look(min(last, self._looked + BLOCK_OPS), shown)
        self._ops = self._hits
        self._look_at_services()
        return self._looked < last

    def _look(self, until: int, shown: Shown) -> None:
        follower, begin = self.archive.follower, self._looked
        self._looked = until
        lines = shown.lines
        first, last = bisect_left(lines, begin), bisect_left(lines, until)
        if first == last:
            return
        at = follower.begins[begin]
        end = follower.begins[until] if until < len(follower.begins) else follower.end
        block = follower.piece(at, end - at).split(b"\n")
        for n in range(first, last):
            i = lines[n]
            line = block[i - begin] if i - begin < len(block) else b""
            if not may_hold(self.query, line):
                continue
            try:
                op = _OP.decode(line)
            except msgspec.MsgspecError:
                continue
            asked = self.archive.op(op.of) if self.query.slow_s and op.of is not None else None
            if matches(self.query, op, asked):
                self._hits.append(i)

    def _look_at_services(self) -> None:
        query = self.query
        if self._services_looked > self._until:
            self._service_hits, self._services_looked = [], 0
        if not (query.ops or query.who or query.other or query.grant or query.on or query.outcome or query.slow_s):
            for n in range(self._services_looked, self._until):
                line = self.services.lines[n]
                said = f"{line.source} {line.text}".lower().encode()
                if query.from_s <= line.t_s < query.to_s and all(word in said for word in query.words):
                    self._service_hits.append(n)
        self._services_looked = self._until
        self._place(self._service_hits)

    def _place(self, chosen: list[int]) -> None:
        """Where each service line stands among the ops; old places stay, as both only grow."""
        times, ops = self.archive.follower.times, self._ops
        if len(self._places) > len(chosen):
            self._places = []
        for n in chosen[len(self._places) :]:
            t_s = self.services.lines[n].t_s
            self._places.append(bisect_right(ops, t_s, key=lambda i: times[i]))
        self._chosen = chosen

    def __len__(self) -> int:
        return len(self._ops) + len(self._places)

    def __getitem__(self, k: int) -> int | LogLine:
        """The k-th line: an op's index, or a service's line."""
        # Service line j stands at places[j] + j.
        j = bisect_left(range(len(self._places)), k, key=lambda n: self._places[n] + n)
        if j < len(self._places) and self._places[j] + j == k:
            return self.services.lines[self._chosen[j]]
        return self._ops[k - j]

    def near(self, t_s: float) -> int:
        """The line nearest after an instant."""
        times = self.archive.follower.times
        n = bisect_left(self._ops, t_s, key=lambda i: times[i])
        return n + bisect_right(self._places, n)
