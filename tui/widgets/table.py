"""TRAFFIC: a row an operation, with its last seconds as a sparkline."""

from __future__ import annotations

from tui import words
from tui.ink import Line, Opens, Role, between, box, columns, spark
from tui.rates import NAMES, OTHER, Row
from tui.state import Shown
from tui.widgets.lines import Lines

NARROW, WIDE = (14, 7, 7, 8, 0, 7), (19, 6, 6, 7, 5, 6)
"""Cells of: operation, rate, a quantile (there are three, the last a cell wider), failed, shed, wrong."""


class TrafficTable(Lines):
    """Bare rows when narrow, a box with the sender's own health when wide."""

    def draw(self, shown: Shown, width: int, height: int) -> list[Line]:
        if width < 90 or height < 9:
            return self._rows(shown, width, height, narrow=True)
        inside = self._rows(shown, width - 4, height - 3, narrow=False)
        inside += [[] for _ in range(height - 3 - len(inside))]
        return box(
            [("TRAFFIC", "strong")],
            [("latency from when it was due, last 10 s", "past")],
            [*inside, self._sender(shown, width - 4)],
            width,
            height,
        )

    def _rows(self, shown: Shown, width: int, height: int, *, narrow: bool) -> list[Line]:
        fixed = sum(NARROW if narrow else WIDE) + 2 * (NARROW if narrow else WIDE)[2] + 3
        cells = max(4, min(60, width - fixed))
        lines = [self._head(cells, narrow)]
        for name, row in shown.traffic.shown_rows(shown.now_s, height - 1):
            lines.append(self._row(shown, name, row, cells, narrow))
        if len(lines) == 1:
            lines.append([(" no operation yet", "past")])
        return lines

    def _head(self, cells: int, narrow: bool) -> Line:
        name, rate, quantile, count, shed, wrong = NARROW if narrow else WIDE
        lead = " " if narrow else ""
        row: list[tuple[str, int, Role]] = [
            (lead + "OPERATION", name, "past"), ("req/s", -rate, "past"), ("", 2, ""),
            (f"last {cells} s", cells, "past"), ("p50", -quantile, "past"), ("p95", -quantile, "past"),
            ("p99 ms", -quantile - 1, "past"), ("failed", -count, "past"), ("shed", -shed, "past"),
            ("wrong", -wrong, "past")]  # fmt: skip
        return columns([cell for cell in row if cell[1]])

    def _row(self, shown: Shown, label: str, row: Row, cells: int, narrow: bool) -> Line:
        now_s = shown.now_s
        name, rate, quantile, count, shed, wrong = NARROW if narrow else WIDE
        p50, p95, p99 = (words.ms(q) for q in row.quantiles(now_s))
        series = row.series(now_s, cells)
        said = " " + NAMES.get(label, label) if narrow else label
        asked = shown.traffic.others if label == OTHER else f"op:{label} not:probe"
        wrongs = "" if label == OTHER else words.count(row.wrong)
        told: list[tuple[str, int, Role]] = [
            (Opens(said, "series", label), name, ""), (Opens(f"{row.rate(now_s):.1f}", "recent", asked), -rate, ""),
            ("", 2, ""), (spark(series, max(series, default=0)), cells, ""),
            (Opens(p50, "quantile", f"0.5 {asked}"), -quantile, ""),
            (Opens(p95, "quantile", f"0.95 {asked}"), -quantile, ""),
            (Opens(p99, "quantile", f"0.99 {asked}"), -quantile - 1, ""),
            (Opens(words.count(row.failed), "log", f"{asked} is:failed"), -count, "bad" if row.failed else ""),
            (Opens(words.count(row.shed), "log", f"{asked} is:shed"), -shed, "ask" if row.shed else ""),
            (Opens(wrongs, "figure", "revocation.uses"), -wrong, "bad" if row.wrong else "")]  # fmt: skip
        return columns([cell for cell in told if cell[1]])

    def _sender(self, shown: Shown, width: int) -> Line:
        gauge, host = shown.gauge, shown.gauge.get("host") or {}
        late = gauge.get("late_p99_s")
        unsent = int(gauge.get("unsent") or 0)
        cpu = f"machine {float(host['cpu']) * 100:.0f} % of {host.get('cores', '?')} cores" if "cpu" in host else ""
        slow: Role = "ask" if late is not None and float(late) > 0.05 else "past"
        return between(
            [
                ("sender late p99 ", "past"),
                (Opens(f"{words.ms(late)} ms", "gauge", "late_p99_s"), slow),
                (Opens(f"   unsent {unsent}", "gauge", "unsent"), "ask" if unsent else "past"),
            ],
            [(Opens(cpu, "gauge", "host.cpu"), "past")],
            width,
        )
