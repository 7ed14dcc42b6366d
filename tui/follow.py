"""Reads a history while it is still written, and never reads a byte twice.

The screen is a process of its own, so the file is all it has. A last line that is not yet
whole waits for its rest; one that never gets it (the run was killed) is simply not shown.
Packed recordings (`.xz`) are read the same way.
"""

from __future__ import annotations

import lzma
from pathlib import Path
from typing import IO, cast

import msgspec

from sim.history.op import Header, Op

CHUNK_BYTES = 1 << 18
"""About a thousand ops: some milliseconds of decoding, so that a key pressed meanwhile is felt at once."""

_OP = msgspec.json.Decoder(Op)
_HEADER = msgspec.json.Decoder(Header)


def history_file(folder: Path) -> Path:
    """The folder's history.jsonl, or history.jsonl.xz if only that is there."""
    plain, packed = folder / "history.jsonl", folder / "history.jsonl.xz"
    return packed if packed.exists() and not plain.exists() else plain


class Follower:
    """The ops of one file, each once and in order, as far as it is written."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.header: Header | None = None
        """The first line, as soon as there is one."""
        self.damaged = 0
        """Whole lines that could not be read; left out, and said on the screen."""
        self.read_bytes = 0
        self._file: IO[bytes] | None = None
        self._packed: IO[bytes] | None = None
        self._rest = b""

    def take(self, limit: int = 4000) -> list[Op]:
        """The next ops, about `limit` at most; empty if nothing new is written yet."""
        ops: list[Op] = []
        while len(ops) < limit:
            chunk = self._read()
            if not chunk:
                break
            self.read_bytes += len(chunk)
            lines = (self._rest + chunk).split(b"\n")
            self._rest = lines.pop()
            self._decode(lines, ops)
        return ops

    def share_read(self) -> float:
        """How much of what is written now has been read, 0 to 1 (of a packed file: of its packed bytes)."""
        try:
            size = self.path.stat().st_size
        except OSError:
            return 1.0
        there = self.read_bytes
        if self._packed is not None:
            there = self._packed.tell()
        return min(1.0, there / size) if size else 1.0

    def close(self) -> None:
        """Close the file."""
        if self._file is not None:
            self._file.close()
            self._file = None
        if self._packed is not None:
            self._packed.close()
            self._packed = None

    def _read(self) -> bytes:
        if self._file is None:
            try:
                if self.path.suffix == ".xz":
                    self._packed = open(self.path, "rb")
                    self._file = cast(IO[bytes], lzma.open(self._packed, "rb"))
                else:
                    self._file = open(self.path, "rb", buffering=0)
            except FileNotFoundError:
                return b""  # the run has only just begun
        return self._file.read(CHUNK_BYTES) or b""

    def _decode(self, lines: list[bytes], ops: list[Op]) -> None:
        for line in lines:
            try:
                if self.header is None:
                    self.header = _HEADER.decode(line)
                else:
                    ops.append(_OP.decode(line))
            except msgspec.MsgspecError:
                self.damaged += 1


def ops_at(path: Path, wanted: list[int]) -> list[Op]:
    """The ops of these indexes and the completions of those that are invocations, in order.

    Reads the file once more, decoding only what is asked for; for the evidence of a check.
    """
    indexes, found = set(wanted), list[Op]()
    open_marks: dict[bytes, int] = {}
    opened = lzma.open(path, "rb") if path.suffix == ".xz" else open(path, "rb")
    with opened as file:
        for number, line in enumerate(cast(IO[bytes], file), start=-1):
            if number in indexes or any(mark in line for mark in open_marks):
                try:
                    op = _OP.decode(line)
                except msgspec.MsgspecError:
                    continue
                if number in indexes or op.of in open_marks.values():
                    found.append(op)
                    open_marks = {mark: i for mark, i in open_marks.items() if i != op.of}
                if op.type == "invoke" and number in indexes:
                    open_marks[b'"of":%d' % op.i] = op.i
    return found
