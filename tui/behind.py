"""The op behind a figure: what a filter of the log let through last, and the answer that is a quantile.

Looked for in the history when somebody asks, so that no figure keeps its ops.
"""

from __future__ import annotations

import time
from collections.abc import Iterator

import msgspec

from sim.checks.reading import HARNESS
from sim.history.op import Op
from tui import query
from tui.archive import Archive
from tui.rates import LATENCY_S
from tui.state import Shown

BLOCK_OPS = 1000
LOOK_S = 0.25
"""Assumption: who copies a figure waits a quarter of a second; what lies further back is found by the log."""

_OP = msgspec.json.Decoder(Op)


def newest(archive: Archive, shown: Shown, text: str) -> int | None:
    """The last line of the log that passes the filter; None if there is none, or none near the end."""
    asked = query.read(text)
    ends, last = time.perf_counter() + LOOK_S, len(shown.lines)
    if asked.only:
        return max((i for i in asked.only if i < shown.ops), default=None)
    while last > 0 and time.perf_counter() < ends:
        first = max(0, last - BLOCK_OPS)
        for i in reversed(shown.lines[first:last]):
            line = archive.line(i)
            if not query.may_hold(asked, line):
                continue
            op = archive.op(i)
            if op is None:
                continue
            if op.t_s < asked.from_s:
                return None
            if query.matches(asked, op, archive.op(op.of) if asked.slow_s and op.of is not None else None):
                return i
        last = first
    return None


def quantile(archive: Archive, shown: Shown, share: float, text: str) -> int | None:
    """The answer whose latency is that quantile of the last ten seconds, as the screen counts them."""
    asked = query.read(text)
    due: dict[int, float] = {}
    found: list[tuple[float, int]] = []
    since = archive.since(max(0.0, int(shown.now_s) - LATENCY_S))
    for op in _between(archive, since, shown.ops):
        if op.process in HARNESS or op.process.startswith("verify"):
            continue
        if op.type == "invoke":
            due[op.i] = op.t_s if op.due_s is None else op.due_s
        elif op.of is not None and query.matches(asked, op, None):
            begun_s = due.get(op.of)
            if begun_s is None and (begun := archive.op(op.of)) is not None:
                begun_s = begun.t_s if begun.due_s is None else begun.due_s
            if begun_s is not None:
                found.append((op.t_s - begun_s, op.i))
    found.sort()
    return found[min(len(found) - 1, int(share * len(found)))][1] if found else None


def _between(archive: Archive, first: int, last: int) -> Iterator[Op]:
    """The ops of these indexes, read in blocks; a damaged line is left out."""
    follower = archive.follower
    last = min(last, len(follower.begins))
    for begin in range(first, last, BLOCK_OPS):
        until = min(last, begin + BLOCK_OPS)
        end = follower.begins[until] if until < len(follower.begins) else follower.end
        for line in follower.piece(follower.begins[begin], end - follower.begins[begin]).splitlines():
            try:
                yield _OP.decode(line)
            except msgspec.MsgspecError:
                continue
