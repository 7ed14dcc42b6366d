"""Where a recording's phases, faults and first broken op are, found without playing it."""

from __future__ import annotations

from pathlib import Path
from typing import Literal, NamedTuple

import msgspec

from sim.history.gameday import is_hidden
from sim.history.op import Op
from tui.follow import Follower

Kind = Literal["phase", "fault", "broken", "end"]
_OP = msgspec.json.Decoder(Op)
_MARKS = (
    b'"process":"runbook","f":"step"',
    b'"process":"nemesis","f":"fault"',
    b'"f":"switch"',
    b'"f":"snapshot"',
    b'"process":"harness","f":"end"',
)


class Landmark(NamedTuple):
    """An instant one can jump to."""

    t_s: float
    kind: Kind
    name: str


def landmarks(path: Path, witnesses: list[int], *, is_masked: bool = False) -> list[Landmark]:
    """All of a stored history, by time; `witnesses` are the ops that broke something. A player gets no surprises.

    Reads the file once in a thread, block by block; only lines that may be landmarks are decoded.
    """
    found: list[Landmark] = []
    wanted = min(witnesses, default=-1)
    broken = b'{"i":%d,' % wanted
    reader = Follower(path)
    rest, begun = b"", set[str]()
    try:
        while chunk := reader.block():
            whole, _, rest = (rest + chunk).rpartition(b"\n")
            for mark in (*_MARKS, broken) if wanted >= 0 else _MARKS:
                at = whole.find(mark)
                while at >= 0:
                    begin, end = whole.rfind(b"\n", 0, at) + 1, whole.find(b"\n", at)
                    landmark = _read(whole[begin : end if end >= 0 else len(whole)], wanted, begun, is_masked)
                    if landmark is not None:
                        found.append(landmark)
                    at = whole.find(mark, end) if end >= 0 else -1
    finally:
        reader.close()
    return sorted(found)


def _read(line: bytes, wanted: int, begun: set[str], is_masked: bool) -> Landmark | None:
    try:
        op = _OP.decode(line)
    except msgspec.MsgspecError:
        return None
    if is_masked and is_hidden(op):
        return None
    value = op.value or {}
    if op.i == wanted:
        return Landmark(op.t_s, "broken", f"first broken op #{op.i}")
    if op.f == "step" and op.type == "invoke":
        name = str(value.get("step"))
        again = " again" if name in begun else ""
        begun.add(name)
        return Landmark(op.t_s, "phase", name + again)
    if op.f == "fault" and op.type == "invoke":
        return Landmark(op.t_s, "fault", str(value.get("name")))
    if op.f == "switch" and value.get("what", "edge") == "edge":
        return Landmark(op.t_s, "phase", f"switch to {value.get('to')}")
    if op.f == "snapshot":
        return Landmark(op.t_s, "phase", "snapshot")
    return Landmark(op.t_s, "end", "end") if op.f == "end" else None
