"""Reads a history: whole for judging, or line by line while it is still written."""

from __future__ import annotations

import lzma
from collections.abc import Iterator, Sequence
from io import BytesIO
from pathlib import Path
from typing import IO, NamedTuple

import msgspec

from sim.errors import BadInput
from sim.history.op import Header, Op
from sim.history.stored import StoredOps, decoded

LARGE_BYTES = 128 << 20
"""Assumption: some six hundred thousand ops. A list of them is quicker and takes half a gigabyte; longer ones
stay in their file."""
_HEADER = msgspec.json.Decoder(Header)


def history_file(folder: Path) -> Path:
    """The folder's history.jsonl, or history.jsonl.xz if only that is there."""
    plain, packed = folder / "history.jsonl", folder / "history.jsonl.xz"
    return packed if packed.exists() and not plain.exists() else plain


class Call(NamedTuple):
    """An invocation and its completion; `done` is None while it is open."""

    begun: Op
    done: Op | None


class History:
    """All ops of a run, in order.

    `torn` is True if the last line was cut by a kill; it is dropped, and whoever shows the
    history says so.
    """

    def __init__(self, header: Header, ops: Sequence[Op], *, torn: bool = False) -> None:
        self.header, self.ops, self.torn = header, ops, torn

    @classmethod
    def load(cls, path: Path) -> History:
        """Read a history.jsonl, or a packed one (`.xz`).

        Raises BadInput if there is none or a line other than the last is damaged; in a large one that
        is told by the first pass over its ops.
        """
        try:
            if path.suffix != ".xz" and path.stat().st_size > LARGE_BYTES:
                with open(path, "rb") as file:
                    header = _header(file.readline(), str(path))
                stored = StoredOps(path)
                return cls(header, stored, torn=stored.torn)
            with lzma.open(path, "rb") if path.suffix == ".xz" else open(path, "rb") as file:
                return cls._read(file, str(path))
        except OSError as error:
            raise BadInput("there is no history to read", where=str(path), seen=str(error),
                           todo="rehearse runs lists the runs that can be read") from error

    @classmethod
    def parse(cls, raw: bytes, *, where: str = "history") -> History:
        """Read a history from its bytes (see `load`)."""
        return cls._read(BytesIO(raw), where)

    @classmethod
    def _read(cls, lines: IO[bytes], where: str) -> History:
        """Line by line: a million ops never stand in memory twice."""
        first = lines.readline()
        header = _header(first, where)
        ops: list[Op] = []
        torn = not first.endswith(b"\n")
        for number, line in enumerate(lines, start=2):
            if not line.endswith(b"\n"):
                torn = True
                break
            ops.append(decoded(line, where, number))
        return cls(header, ops, torn=torn)

    def calls(self) -> Iterator[Call]:
        """Invocations with their completions, in the order of invocation."""
        done: dict[int, Op] = {op.of: op for op in self.ops if op.of is not None}
        for op in self.ops:
            if op.type == "invoke":
                yield Call(op, done.get(op.i))

    def left_open(self) -> dict[int, Op]:
        """Invocations without a completion, by index; one pass, in which only what is under way is kept."""
        begun: dict[int, Op] = {}
        for op in self.ops:
            if op.type == "invoke":
                begun[op.i] = op
            elif op.of is not None:
                begun.pop(op.of, None)
        return begun

    def notes(self, f: str) -> Iterator[Op]:
        """Lone `info` ops of one kind, in order."""
        return (op for op in self.ops if op.type == "info" and op.of is None and op.f == f)


def _header(line: bytes, where: str) -> Header:
    try:
        return _HEADER.decode(line)
    except msgspec.MsgspecError as error:
        raise BadInput("the first line is not a history's header", where=f"{where}:1", seen=str(error),
                       todo="was this file written by rehearse run?") from error
