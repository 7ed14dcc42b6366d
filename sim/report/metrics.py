"""A running rehearsal in figures that Prometheus reads, for people who watch their own Grafana.

Counted from the ops as they are written, a few additions each; the text is made when somebody
asks. What a game day keeps from its players is not in it: they look at it too.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from collections.abc import Iterator
from typing import Any

from sim.checks.answers import is_answer
from sim.checks.reading import HARNESS
from sim.history.gameday import is_hidden
from sim.history.op import Op
from sim.report.exposition import Family, Kind, Sample, exposition

BUCKETS_S = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0)
"""Assumption: from a cached introspection to the client's timeout, about three a decade."""

_SENDER: tuple[tuple[str, Kind, str, str], ...] = (
    ("rehearse_sender_late_p99_seconds", "gauge", "late_p99_s", "How late our own sender sends: 99 of 100 less."),
    ("rehearse_sent_total", "counter", "sent", "Operations sent."),
    ("rehearse_sent_late_total", "counter", "late", "Operations our own sender sent more than 50 ms late."),
    ("rehearse_unsent_total", "counter", "unsent", "Planned operations our own sender never sent."),
)
"""Name, kind, key of the gauge op, sentence."""


class Metrics:
    """Subscribes to a journal; `text` is what /metrics answers."""

    def __init__(self, *, scenario: str, seed: int, engine: str) -> None:
        self._info = {"scenario": scenario, "seed": str(seed), "engine": engine}
        self._due: dict[int, tuple[str, float]] = {}
        """Call under way → what, and when it was due."""
        self._ended: Counter[tuple[str, str, str]] = Counter()
        """(operation, outcome, route) → how many."""
        self._latency: dict[str, list[int]] = {}
        """Operation → answered calls by bucket, those beyond the last one last."""
        self._latency_s: dict[str, float] = {}
        self._step = ""
        self._steps: dict[tuple[str, str], float] = {}
        """(step, outcome) → seconds."""
        self._state = "STARTING"
        self._faults: dict[str, dict[str, Any]] = {}
        self._gauge: dict[str, Any] = {}

    def __call__(self, op: Op) -> None:
        if op.process in HARNESS:
            if not is_hidden(op):
                self._harness(op, op.value or {})
        elif op.type == "invoke":
            self._due[op.i] = op.f, op.t_s if op.due_s is None else op.due_s
        elif op.of is not None and (begun := self._due.pop(op.of, None)) is not None:
            self._completed(op, *begun)

    def _completed(self, op: Op, f: str, due_s: float) -> None:
        value = op.value or {}
        shed, answered = bool(value.get("shed")), op.type == "ok" or (op.type == "fail" and is_answer(op.f, value))
        outcome = "shed" if shed else "answered" if answered else "failed"
        self._ended[f, outcome, op.route or "none"] += 1
        if outcome == "answered":
            took_s = max(0.0, op.t_s - due_s)
            buckets = self._latency.setdefault(f, [0] * (len(BUCKETS_S) + 1))
            buckets[bisect_left(BUCKETS_S, took_s)] += 1
            self._latency_s[f] = self._latency_s.get(f, 0.0) + took_s

    def _harness(self, op: Op, value: dict[str, Any]) -> None:
        if op.f == "gauge":
            self._gauge = value
        elif op.f == "state":
            self._state = str(value.get("state", ""))
        elif op.f in ("step", "undo"):
            name = f"{'undo ' if op.f == 'undo' else ''}{value.get('step', '')}"
            if op.type == "invoke":
                self._step = name
            else:
                self._step = ""
                self._steps[name, op.type] = float(value.get("took_s") or 0.0)
        elif op.f == "fault" and op.type == "invoke":
            self._faults[str(value.get("name"))] = value
        elif (op.f == "fault" and op.type == "fail") or (op.f == "heal" and op.type == "ok"):
            self._faults.pop(str(value.get("name")), None)

    def text(self) -> str:
        """The page of this instant."""
        return exposition(self._families())

    def _families(self) -> Iterator[Family]:
        gauge = self._gauge
        yield Family("rehearse_info", "gauge", "The rehearsal that answers here.", [Sample(1, self._info)])
        yield Family("rehearse_state", "gauge", "1 for the state the run is in.", [Sample(1, {"state": self._state})])
        yield Family("rehearse_operations_total", "counter",
                     "Clients' calls that have ended, by what they asked, how they ended and which stack answered.",
                     [Sample(n, {"operation": f, "outcome": outcome, "route": route})
                      for (f, outcome, route), n in sorted(self._ended.items())])
        yield Family("rehearse_latency_seconds", "histogram",
                     "From when an answered call was due to its answer.", self._histogram())
        yield Family("rehearse_in_flight", "gauge", "Clients' calls under way.", [Sample(len(self._due))])
        yield from self._sender()
        yield Family("rehearse_step_running", "gauge", "1 for the step of the runbook that is under way.",
                     [Sample(1, {"step": self._step})] if self._step else [])
        yield Family("rehearse_step_duration_seconds", "gauge", "How long each ended step took, and how it ended.",
                     [Sample(s, {"step": step, "outcome": how}) for (step, how), s in self._steps.items()])
        yield Family("rehearse_faults_active", "gauge", "Faults that are on and that everybody may know of.",
                     [Sample(len(self._faults))])
        yield Family("rehearse_fault_active", "gauge", "1 for each of them.", [
            Sample(1, {"name": name, "fault": str(f.get("fault", "")), "where": str(f.get("link") or f.get("part"))})
            for name, f in self._faults.items()])
        yield Family("rehearse_lost", "gauge",
                     "What only the old stack has since the copy: lost if we cut now, frozen at the switch.",
                     [Sample(n, {"what": what}) for what, n in (gauge.get("cut") or {}).items()])
        yield from self._edge(gauge.get("edge") or {})

    def _histogram(self) -> Iterator[Sample]:
        for f, buckets in sorted(self._latency.items()):
            total = 0
            for limit_s, n in zip((*BUCKETS_S, float("inf")), buckets, strict=True):
                total += n
                le = "+Inf" if limit_s == float("inf") else f"{limit_s:g}"
                yield Sample(total, {"operation": f, "le": le}, "_bucket")
            yield Sample(round(self._latency_s[f], 6), {"operation": f}, "_sum")
            yield Sample(total, {"operation": f}, "_count")

    def _sender(self) -> Iterator[Family]:
        for name, kind, key, told in _SENDER:
            value = self._gauge.get(key)
            yield Family(name, kind, told, [Sample(float(value))] if value is not None else [])

    def _edge(self, edge: dict[str, Any]) -> Iterator[Family]:
        if not edge:
            return
        yield Family("rehearse_buffering", "gauge", "1 while requests wait at the edge.",
                     [Sample(float(bool(edge.get("buffering"))))])
        yield Family("rehearse_buffered", "gauge", "Requests that wait at the edge.",
                     [Sample(float(edge.get("waiting") or 0))])
        yield Family("rehearse_edge_shed_total", "counter", "Requests the edge refused on purpose, by its reason.",
                     [Sample(float(n), {"reason": str(why)}) for why, n in (edge.get("shed") or {}).items()])
