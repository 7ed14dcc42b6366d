"""Any op of the history again, by its index: what a figure on the screen opens.

The follower knows where each line begins; here lines are read back when somebody asks. So a
recording of a million ops costs sixteen bytes an op and not an object each.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterator

import msgspec

from sim.history.gameday import is_hidden
from sim.history.op import Op
from tui.follow import Follower

BLOCK_BYTES = 1 << 20
"""A megabyte is searched at a time: some milliseconds."""
AHEAD_BYTES = 1 << 25
"""Assumption: an op's completion stands within the next 32 MB of history, or nowhere."""

_OP = msgspec.json.Decoder(Op)


class Archive:
    """The ops a follower has read so far."""

    def __init__(self, follower: Follower, *, is_masked: bool = False) -> None:
        self.follower = follower
        self._is_masked = is_masked

    def __len__(self) -> int:
        return len(self.follower.begins)

    def line(self, i: int) -> bytes:
        """The op's line, without its break; b"" if there is no such op."""
        begins = self.follower.begins
        if not 0 <= i < len(begins):
            return b""
        end = begins[i + 1] if i + 1 < len(begins) else self.follower.end
        return self.follower.piece(begins[i], end - begins[i]).rstrip(b"\n")

    def op(self, i: int) -> Op | None:
        """The op of that index, or None; for a player what is hidden from him is not there."""
        try:
            op = _OP.decode(self.line(i))
        except msgspec.MsgspecError:
            return None
        return None if self._is_masked and is_hidden(op) else op

    def pair(self, i: int) -> tuple[Op | None, Op | None]:
        """(invocation, completion) of the op of that index; either may be missing."""
        op = self.op(i)
        if op is None:
            return None, None
        if op.of is not None:
            return self.op(op.of), op
        return (op, self._completion(i)) if op.type == "invoke" else (None, op)

    def _completion(self, i: int) -> Op | None:
        """The completion of invocation `i`, looked for in what follows it."""
        mark = b'"of":%d,' % i
        begin = self.follower.begins[i]
        for n in self.find(mark, begin, begin + AHEAD_BYTES):
            op = self.op(n)
            if op is not None and op.of == i:
                return op
        return None

    def find(self, mark: bytes, begin: int = 0, end: int | None = None) -> Iterator[int]:
        """Indexes of the ops whose line holds these bytes, in order; each once."""
        begins, last = self.follower.begins, -1
        stop = self.size if end is None else min(end, self.size)
        at = begin
        while at < stop:
            block = self.follower.piece(at, BLOCK_BYTES + len(mark))
            if not block:
                return
            hit = block.find(mark)
            while 0 <= hit < BLOCK_BYTES:
                i = bisect_right(begins, at + hit) - 1
                if i > last and i >= 0:
                    last = i
                    yield i
                # The rest of this line can only find it again.
                after = begins[i + 1] - at if i + 1 < len(begins) else len(block)
                hit = block.find(mark, max(hit + 1, after))
            at += BLOCK_BYTES

    @property
    def size(self) -> int:
        """Bytes of all ops read so far."""
        return self.follower.end

    def since(self, t_s: float) -> int:
        """The index of the first op at or after this instant."""
        return bisect_left(self.follower.times, t_s)
