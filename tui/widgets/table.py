"""TRAFFIC: a row an operation, with its last seconds as a sparkline."""

from __future__ import annotations

from tui import words
from tui.ink import Line, Role, between, box, columns, spark
from tui.rates import NAMES, OTHER, Row
from tui.state import Shown
from tui.widgets.lines import Lines


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
        cells = max(4, min(60, width - 62 if narrow else width - 70))
        lines = [self._head(cells, narrow)]
        for name, row in shown.traffic.shown_rows(shown.now_s, height - 1):
            lines.append(self._row(shown, name, row, cells, narrow))
        if len(lines) == 1:
            lines.append([(" no operation yet", "past")])
        return lines

    def _head(self, cells: int, narrow: bool) -> Line:
        lead = " " if narrow else ""
        shed: list[tuple[str, int, Role]] = [] if narrow else [("shed", -6, "past")]
        return columns(
            [
                (lead + "OPERATION", 14 if narrow else 19, "past"),
                ("req/s", -7, "past"),
                ("", 2, ""),
                (f"last {cells} s", cells, "past"),
                ("p50", -7, "past"),
                ("p95", -7, "past"),
                ("p99 ms", -8, "past"),
                ("failed", -8, "past"),
                *shed,
                ("wrong", -7, "past"),
            ]
        )

    def _row(self, shown: Shown, name: str, row: Row, cells: int, narrow: bool) -> Line:
        now_s = shown.now_s
        p50, p95, p99 = (words.ms(q) for q in row.quantiles(now_s))
        series = row.series(now_s, cells)
        label = {"other": "other"}.get(name, NAMES.get(name, name) if narrow else name)
        shed: list[tuple[str, int, Role]] = [] if narrow else [(words.count(row.shed), -6, "ask" if row.shed else "")]
        wrong: tuple[str, int, Role] = ("" if name == OTHER else words.count(row.wrong), -7, "bad" if row.wrong else "")
        return columns(
            [
                ((" " if narrow else "") + label, 14 if narrow else 19, ""),
                (f"{row.rate(now_s):.1f}", -7, ""),
                ("", 2, ""),
                (spark(series, max(series, default=0)), cells, ""),
                (p50, -7, ""),
                (p95, -7, ""),
                (p99, -8, ""),
                (words.count(row.failed), -8, "bad" if row.failed else ""),
                *shed,
                wrong,
            ]
        )

    def _sender(self, shown: Shown, width: int) -> Line:
        gauge, host = shown.gauge, shown.gauge.get("host") or {}
        late = gauge.get("late_p99_s")
        unsent = int(gauge.get("unsent") or 0)
        cpu = f"machine {float(host['cpu']) * 100:.0f} % of {host.get('cores', '?')} cores" if "cpu" in host else ""
        slow: Role = "ask" if late is not None and float(late) > 0.05 else "past"
        return between(
            [
                ("sender late p99 ", "past"),
                (f"{words.ms(late)} ms", slow),
                (f"   unsent {unsent}", "ask" if unsent else "past"),
            ],
            [(cpu, "past")],
            width,
        )
