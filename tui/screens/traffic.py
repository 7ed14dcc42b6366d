"""Traffic: each operation and persona, and how its latency was spread over time."""

from __future__ import annotations

from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType

from tui import words
from tui.base import of
from tui.heat import ALL, ROWS, floor_of
from tui.ink import Line, Opens, Role, To, between, box, columns, spark
from tui.rates import Row
from tui.screens.listed import Listed
from tui.state import Shown
from tui.widgets.header import Header
from tui.widgets.lines import Lines
from tui.widgets.rows import Rows

SHADES = " ·░▒▓█"
ZOOM_S = 60.0


def names(shown: Shown) -> list[str]:
    """Series in their order: all, operations, personas."""
    traffic = shown.traffic
    ops = sorted((n for n in traffic.heat.series if n != ALL and not n.endswith("-")), key=lambda n: -_total(shown, n))
    actors = sorted((n for n in traffic.heat.series if n.endswith("-")), key=lambda n: -_total(shown, n))
    return [ALL, *ops, *actors] if traffic.total else []


def _total(shown: Shown, name: str) -> int:
    row = row_of(shown, name)
    return row.total if row is not None else 0


def row_of(shown: Shown, name: str) -> Row | None:
    """The figures of a series."""
    traffic = shown.traffic
    if name.endswith("-"):
        return traffic.personas.get(name[:-1])
    return traffic.by_f.get(name)


def asked_by(name: str) -> str:
    """The log's filter for a series."""
    if name == ALL:
        return ""
    return f"who:{name}" if name.endswith("-") else f"op:{name}"


class Series(Rows):
    """A row an operation, then a row a persona."""

    def count(self, shown: Shown) -> int:
        """Operations and personas."""
        return len(names(shown))

    def opens(self, shown: Shown, n: int) -> To | None:
        """Its ops of the last ten seconds."""
        return To("log", f"{asked_by(names(shown)[n])} from:{max(0.0, shown.now_s - 10):.1f}".strip())

    def empty(self, shown: Shown) -> str:
        """Before the first answer."""
        return "no operation yet"

    def head(self, shown: Shown, width: int) -> list[Line]:
        """The columns' names."""
        cells = self._cells(width)
        return [
            columns(
                [
                    ("  OPERATION, PERSONA", 22, "past"),
                    ("req/s", -7, "past"),
                    ("", 2, ""),
                    (f"last {cells} s", cells, "past"),
                    ("p50", -8, "past"),
                    ("p95", -8, "past"),
                    ("p99 ms", -8, "past"),
                    ("failed", -8, "past"),
                    ("shed ", -7, "past"),
                ]
            )
        ]

    def _cells(self, width: int) -> int:
        return max(4, min(60, width - 71))

    def row(self, shown: Shown, n: int, width: int, *, chosen: bool) -> Line:
        """Rate, sparkline, quantiles, failures."""
        name, now_s = names(shown)[n], shown.now_s
        row = row_of(shown, name)
        if row is None:
            return []
        cells = self._cells(width + 2)
        series = row.series(now_s, cells)
        p50, p95, p99 = (words.ms(q) for q in row.quantiles(now_s))
        said = f"persona {name[:-1]}" if name.endswith("-") else "all operations" if name == ALL else name
        query = asked_by(name)
        return columns(
            [
                (said, 20, "strong" if chosen else "past" if name.endswith("-") else ""),
                (Opens(f"{row.rate(now_s):.1f}", "recent", query), -7, ""),
                ("", 2, ""),
                (spark(series, max(series, default=0)), cells, ""),
                (Opens(p50, "quantile", f"0.5 {query}".strip()), -8, ""),
                (Opens(p95, "quantile", f"0.95 {query}".strip()), -8, ""),
                (Opens(p99, "quantile", f"0.99 {query}".strip()), -8, ""),
                (Opens(words.count(row.failed), "log", f"{query} is:failed".strip()), -8, "bad" if row.failed else ""),
                (Opens(words.count(row.shed) + " ", "log", f"{query} is:shed".strip()), -7, "ask" if row.shed else ""),
            ]
        )


LEAST_NAME = 3
"""Fewer letters of a step's name say nothing: a mark where it begins does."""


class HeatMap(Lines):
    """Seconds to the right, latency upwards, shade by how many; phases and faults below."""

    name_of = ALL
    zoomed = False
    cursor: int | None = None
    """The cell under the cursor, or None."""

    def span(self, shown: Shown) -> tuple[float, float]:
        """From when to when it is drawn."""
        columns = shown.traffic.heat.series.get(ALL) or {}
        begin_s = float(min(columns, default=0))
        end_s = max(begin_s + 10.0, shown.now_s)
        return (max(begin_s, end_s - ZOOM_S) if self.zoomed else begin_s), end_s

    def cells(self, width: int) -> int:
        """Cells of the time axis."""
        return max(10, width - 4 - 9)

    def draw(self, shown: Shown, width: int, height: int) -> list[Line]:
        """The frame and the map."""
        heat, (begin_s, end_s) = shown.traffic.heat, self.span(shown)
        cells, rows = self.cells(width), max(3, min(ROWS, height - 6))
        grid = heat.grid(self.name_of, begin_s, end_s, cells, rows)
        top = max((c for line in grid for c in line), default=0)
        per_cell = (end_s - begin_s) / cells
        faulted = self._faulted(shown, begin_s, per_cell, cells)
        lines: list[Line] = []
        for n, counts in enumerate(grid):
            floor_s = floor_of((rows - 1 - n) * ROWS / rows)
            label = f"{words.ms(floor_s):>6} ms" if n % 2 == (rows - 1) % 2 else ""
            lines.append([(f"{label:<9}", "past"), *self._shades(counts, top, faulted)])
        bad = heat.bad(self.name_of, begin_s, end_s, cells)
        lines.append([("failed   ", "past"), ("".join("✗" if b else " " for b in bad), "bad")])
        lines.append([("faults   ", "past"), ("".join("≈" if f else " " for f in faulted), "made")])
        lines.append([("         ", ""), *self._phases(shown, begin_s, per_cell, cells)])
        lines.append(self._axis(begin_s, end_s, cells))
        said = f"persona {self.name_of[:-1]}" if self.name_of.endswith("-") else self.name_of
        return box(
            [(f"LATENCY OF {said.upper()}", "strong"), ("  from when each was due", "past")],
            [self._told(shown, begin_s, per_cell, grid)],
            lines,
            width,
            height,
        )

    def _shades(self, counts: list[int], top: int, faulted: list[bool]) -> Line:
        """One row: neighbours of one role together; the cursor's cell in its own."""
        made: Line = []
        for x, count in enumerate(counts):
            shade = SHADES[0] if not count else SHADES[max(1, min(5, round((count / top) ** 0.5 * 5)))]
            if x == self.cursor and not count:
                shade = "│"
            role: Role = "strong" if x == self.cursor else "made" if faulted[x] else ""
            if made and made[-1][1] == role:
                made[-1] = (made[-1][0] + shade, role)
            else:
                made.append((shade, role))
        return made

    def _faulted(self, shown: Shown, begin_s: float, per_cell: float, cells: int) -> list[bool]:
        marks = [False] * cells
        for fault in shown.faults.log:
            ends_s = fault.ended_s if fault.ended_s is not None else shown.now_s
            for x in range(
                max(0, int((fault.begun_s - begin_s) / per_cell)), min(cells, int((ends_s - begin_s) / per_cell) + 1)
            ):
                marks[x] = True
        return marks

    def _phases(self, shown: Shown, begin_s: float, per_cell: float, cells: int) -> Line:
        """The steps under the map, a mark where each begins, every other one shaded."""
        line = [" "] * cells
        for n, step in enumerate(s for s in shown.runbook.steps if s.outcome != "waits"):
            took_s = step.took_s if step.outcome != "runs" else shown.now_s - step.begun_s
            first = int((step.begun_s - begin_s) / per_cell)
            last = int((step.begun_s + took_s - begin_s) / per_cell)
            if last < 0 or first >= cells:
                continue
            fill = "━" if n % 2 else "─"
            first, last = max(0, first), min(cells - 1, max(first, last))
            for x in range(first, last + 1):
                line[x] = fill
            line[first] = "┊"
            name = step.name[: last - first - 1] if last - first > LEAST_NAME else ""
            for x, letter in enumerate(name, start=first + 1):
                line[x] = letter
        return [("".join(line), "past")]

    def _axis(self, begin_s: float, end_s: float, cells: int) -> Line:
        marks = [words.instant(begin_s + (end_s - begin_s) * n / 4) for n in range(5)]
        gap = (cells - 5) // 4
        text = "".join(mark.ljust(gap) for mark in marks[:4])
        return [("   T+    ", "past"), (text[: cells - 5].ljust(cells - 5) + marks[4], "past")]

    def _told(self, shown: Shown, begin_s: float, per_cell: float, grid: list[list[int]]) -> tuple[str, Role]:
        if self.cursor is None:
            return ("denser is more; ←→ a moment", "past")
        at_s = begin_s + self.cursor * per_cell
        many = sum(line[self.cursor] for line in grid if self.cursor < len(line))
        return (f"T+{words.instant(at_s)}  {many} answers: enter", "strong")

    def moment(self, shown: Shown) -> str:
        """The log's filter for the cursor's cell."""
        begin_s, end_s = self.span(shown)
        per_cell = (end_s - begin_s) / self.cells(self.size.width)
        at_s = begin_s + (self.cursor or 0) * per_cell
        return f"{asked_by(self.name_of)} from:{at_s:.2f} to:{at_s + max(per_cell, 0.05):.2f}".strip()


class TrafficKeys(Lines):
    """What can be pressed here."""

    def draw(self, shown: Shown, width: int, height: int) -> list[Line]:
        """One line."""
        return [
            between(
                [(" ↑↓ operation  ←→ moment  enter its ops  z minute or all  esc", "")],
                [("1-7   ? help   q ", "")],
                width,
            )
        ]


class TrafficScreen(Listed):
    """The list above, the map of the chosen row below."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("left", "cursor(-1)", "moment before", show=False),
        Binding("right", "cursor(1)", "moment after", show=False),
        Binding("shift+left", "cursor(-10)", "ten before", show=False),
        Binding("shift+right", "cursor(10)", "ten after", show=False),
        Binding("z", "zoom", "last minute or all"),
        Binding("escape", "no_cursor", "no moment", show=False),
    ]

    def compose(self) -> ComposeResult:
        """Header, list, map, keys."""
        yield Header(id="header")
        yield Series(id="series")
        yield HeatMap(id="heat")
        yield TrafficKeys(id="keys")

    def show(self, shown: Shown) -> None:
        """The map is of the chosen row."""
        if self.query(Series):
            known = names(shown)
            chosen = self.query_one(Series).chosen
            self.query_one(HeatMap).name_of = known[chosen] if chosen < len(known) else ALL
        super().show(shown)

    def choose(self, name: str) -> None:
        """Choose a row by the series' name."""
        known = names(self.shown) if self.shown is not None else []
        if name in known:
            self.rows.choose(known.index(name))
            self.action_choose(0)

    def action_choose(self, by: int) -> None:
        """Another row, another map."""
        super().action_choose(by)
        if self.shown is not None:
            self.show(self.shown)

    def action_cursor(self, by: int) -> None:
        """Move the cursor; it begins at the right edge."""
        heat = self.query_one(HeatMap)
        last = heat.cells(heat.size.width) - 1
        heat.cursor = max(0, min(last, (last if heat.cursor is None else heat.cursor) + by))
        if self.shown is not None:
            heat.show(self.shown)

    def action_no_cursor(self) -> None:
        """Take the cursor away."""
        self.query_one(HeatMap).cursor = None
        if self.shown is not None:
            self.show(self.shown)

    def action_zoom(self) -> None:
        """The last minute, or the whole run."""
        heat = self.query_one(HeatMap)
        heat.zoomed = not heat.zoomed
        if self.shown is not None:
            self.show(self.shown)

    def action_filter(self) -> None:
        """The filter is the log's: its ops of all time."""
        of(self).open(To("log", asked_by(self.query_one(HeatMap).name_of)))

    def action_explain(self) -> None:
        """What the figures mean."""
        of(self).explain(self.held or To("explain", "latency"))

    def action_open_held(self) -> None:
        """The ops of the cursor's moment, else as in every list."""
        heat = self.query_one(HeatMap)
        if heat.cursor is not None and self.held is None and self.shown is not None:
            of(self).open(To("log", heat.moment(self.shown)))
        else:
            super().action_open_held()
