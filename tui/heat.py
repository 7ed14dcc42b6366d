"""How latency was spread at each second, by operation and by persona: the heat map's figures.

A cell counts answers of one second in one half-octave of latency. It grows with the run's
seconds and not with its operations.
"""

from __future__ import annotations

from math import log2

LEAST_S = 0.0005
"""The lowest row: up to half a millisecond."""
ROWS = 30
"""Half-octaves above it: the last begins at some 12 s. Assumption: clients time out before that."""
ALL = "all"


class Column:
    """One second of one series."""

    __slots__ = ("bad", "counts")

    def __init__(self) -> None:
        self.counts = [0] * ROWS
        self.bad = 0
        """Failed or shed."""


class Heat:
    """Series by name (an operation, `persona web`, `all`), each a column a second."""

    def __init__(self) -> None:
        self.series: dict[str, dict[int, Column]] = {ALL: {}}

    def note(self, f: str, persona: str, t_s: float, latency_s: float, *, bad: bool) -> None:
        """One answer."""
        row = row_of(latency_s)
        second = int(t_s)
        for name in (ALL, f, persona + "-"):
            columns = self.series.get(name)
            if columns is None:
                columns = self.series[name] = {}
            column = columns.get(second)
            if column is None:
                column = columns[second] = Column()
            column.counts[row] += 1
            column.bad += bad

    def grid(self, name: str, begin_s: float, end_s: float, cells: int, rows: int) -> list[list[int]]:
        """`rows` × `cells` counts from `begin_s` to `end_s`, the fastest row last."""
        per_cell = max((end_s - begin_s) / max(1, cells), 1e-9)
        per_row = ROWS / max(1, rows)
        made = [[0] * cells for _ in range(rows)]
        for second, column in self.series.get(name, {}).items():
            if not begin_s - 1 < second < end_s:
                continue
            # A second wider than a cell fills several: it is known no finer.
            first = max(0, int((second - begin_s) / per_cell))
            last = max(first + 1, min(cells, int((second + 1 - begin_s) / per_cell)))
            for x in range(first, min(last, cells)):
                for row, count in enumerate(column.counts):
                    if count:
                        made[rows - 1 - min(rows - 1, int(row / per_row))][x] += count
        return made

    def bad(self, name: str, begin_s: float, end_s: float, cells: int) -> list[int]:
        """Failed and shed by cell."""
        per_cell = max((end_s - begin_s) / max(1, cells), 1e-9)
        made = [0] * cells
        for second, column in self.series.get(name, {}).items():
            x = int((second - begin_s) / per_cell)
            if column.bad and 0 <= x < cells:
                made[x] += column.bad
        return made


def row_of(latency_s: float) -> int:
    """The half-octave of a latency, 0 the fastest."""
    if latency_s <= LEAST_S:
        return 0
    return min(ROWS - 1, int(2 * log2(latency_s / LEAST_S)))


def floor_of(row: float) -> float:
    """The latency at which a row begins, in seconds."""
    return float(LEAST_S * 2 ** (row / 2))
