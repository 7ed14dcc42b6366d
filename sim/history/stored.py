"""A history's ops left in their file: read when they are asked for, so that a day of them fits into memory."""

from __future__ import annotations

from array import array
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import overload

import msgspec

from sim.errors import BadInput
from sim.history.op import Op

APART = 64
"""The place of every so many lines is kept: an op is found by reading that many lines at most."""

_OP = msgspec.json.Decoder(Op)


def decoded(line: bytes, where: str, number: int) -> Op:
    """One line; raises BadInput with its place if it is damaged. `number` counts from 1, the header's line."""
    try:
        return _OP.decode(line)
    except msgspec.MsgspecError as error:
        raise BadInput("a line is damaged", where=f"{where}:{number}", seen=str(error),
                       todo="restore the run folder from a copy, or run again") from error


class StoredOps(Sequence[Op]):
    """The whole lines after the header, as they stood when it was made; what is appended later is not there.

    A damaged line is told when it is read: by the first pass over all.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._begins = array("Q")
        self._count = 0
        self.torn = False
        """The file ends inside a line."""
        with path.open("rb") as lines:
            at = len(lines.readline())
            for line in lines:
                if not line.endswith(b"\n"):
                    self.torn = True
                    break
                if self._count % APART == 0:
                    self._begins.append(at)
                self._count += 1
                at += len(line)

    def __len__(self) -> int:
        return self._count

    def __iter__(self) -> Iterator[Op]:
        return self._from(0, self._count)

    @overload
    def __getitem__(self, i: int) -> Op: ...

    @overload
    def __getitem__(self, i: slice) -> list[Op]: ...

    def __getitem__(self, i: int | slice) -> Op | list[Op]:
        if isinstance(i, slice):
            begin, end, step = i.indices(self._count)
            if step != 1:
                return [self[n] for n in range(begin, end, step)]
            return list(self._from(begin, end))
        at = i + self._count if i < 0 else i
        if not 0 <= at < self._count:
            raise IndexError(i)
        return next(self._from(at, at + 1))

    def _from(self, begin: int, end: int) -> Iterator[Op]:
        if begin >= end:
            return
        where = str(self._path)
        with self._path.open("rb") as lines:
            lines.seek(self._begins[begin // APART])
            for n, line in enumerate(lines, start=begin - begin % APART):
                if n >= end:
                    return
                if n >= begin:
                    yield decoded(line, where, n + 2)
