"""Reads a history while it is still written, and never reads a byte twice.

The screen is a process of its own, so the file is all it has. A last line that is not yet
whole waits for its rest; one that never gets it (the run was killed) is simply not shown.
Packed recordings (`.xz`) are read the same way, and kept unpacked in a nameless file meanwhile.

Where each op's line begins is kept (eight bytes an op), so that any op can be read again by its
index: the screens hold indexes, never a million ops.
"""

from __future__ import annotations

import lzma
import os
import tempfile
from array import array
from pathlib import Path
from typing import IO, cast

import msgspec

from sim.history.op import Header, Op

CHUNK_BYTES = 1 << 18
"""About a thousand ops: some milliseconds of decoding, so that a key pressed meanwhile is felt at once."""

_OP = msgspec.json.Decoder(Op)
_HEADER = msgspec.json.Decoder(Header)


class Follower:
    """The ops of one file, each once and in order, as far as it is written."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.header: Header | None = None
        """The first line, as soon as there is one."""
        self.damaged = 0
        """Whole lines that could not be read; left out, and said on the screen."""
        self.read_bytes = 0
        self.begins: array[int] = array("Q")
        """Op's index → where its line begins (in the unpacked file)."""
        self.times: array[float] = array("d")
        """Op's index → its t_s."""
        self._plain: IO[bytes] | None = None
        """What was unpacked so far."""
        self.end = 0
        """Where the last whole line ends (in the unpacked file)."""
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
            if self._plain is not None:
                self._plain.write(chunk)
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
        if self._plain is not None:
            self._plain.close()
            self._plain = None

    def block(self) -> bytes:
        """The next bytes as they are, for whoever only searches them; not to be mixed with `take`."""
        return self._read()

    def piece(self, begin: int, size: int) -> bytes:
        """Bytes of the unpacked history; may be called from another thread."""
        if self._file is None or begin < 0:
            return b""
        if self._plain is not None:
            self._plain.flush()
            return os.pread(self._plain.fileno(), size, begin)
        return os.pread(self._file.fileno(), size, begin)

    def _read(self) -> bytes:
        if self._file is None:
            try:
                if self.path.suffix == ".xz":
                    self._packed = open(self.path, "rb")
                    self._file = cast(IO[bytes], lzma.open(self._packed, "rb"))
                    self._plain = tempfile.TemporaryFile()
                else:
                    self._file = open(self.path, "rb", buffering=0)
            except FileNotFoundError:
                return b""  # the run has only just begun
        return self._file.read(CHUNK_BYTES) or b""

    def _decode(self, lines: list[bytes], ops: list[Op]) -> None:
        at, begins, times = self.end, self.begins, self.times
        last_s = times[-1] if times else 0.0
        for line in lines:
            try:
                if self.header is None:
                    self.header = _HEADER.decode(line)
                else:
                    op = _OP.decode(line)
                    ops.append(op)
                    last_s = op.t_s
                    begins.append(at)
                    times.append(last_s)
            except msgspec.MsgspecError:
                self.damaged += 1
                begins.append(at)  # it was an op: the next ones keep their indexes
                times.append(last_s)
            at += len(line) + 1
        self.end = at
