"""How large both databases are, what they write, and what was seeded and copied."""

from __future__ import annotations

from tui import words
from tui.ink import Line, Opens, box, spark
from tui.state import Shown
from tui.widgets.lines import Lines
from tui.widgets.whowaits import hue

LABEL, CELL = 6, 10


class Sizes(Lines):
    """A line a side; a recording that does not hold them says so."""

    def draw(self, shown: Shown, width: int, height: int) -> list[Line]:
        """A box of labels and figures."""
        seen, room = shown.database, height - 2
        measured = any(its.is_measured for its in seen.sides.values())
        table = self._servers(shown, width - 4) if measured else []
        amounts = self._amounts(shown, width)
        if not measured:
            wal: Line = [("WAL            ", "past"), ("not in this history", "past")]
            return box([("SIZES", "strong")], [("enter opens", "past")], [*amounts[: room - 1], wal], width, height)
        return box([("SIZES", "strong")], [("WAL, temp since the start", "past")], [*table, *amounts], width, height)

    def _servers(self, shown: Shown, inner: int) -> list[Line]:
        cell = max(7, min(CELL, (inner - LABEL) // 4))
        head = "".join(f"{name:>{cell}}" for name in ("size", "WAL", "WAL/s", "temp"))
        lines: list[Line] = [[(" " * LABEL + head, "past")]]
        for side, its in shown.database.sides.items():
            name: Line = [(f"{side.upper():<{LABEL}}", hue(side))]
            if not its.is_measured:
                shared = side == "green" and shown.scenario is not None and shown.scenario.in_place
                lines.append([*name, ("uses blue's" if shared else "not measured yet", "past")])
                continue
            size = "-" if its.size_bytes is None else words.size(its.size_bytes)
            rate = f"{words.size(its.wal_rate)}/s"
            place, sized = f"databases.{side}", f"{size:>{cell}}"
            temp = words.size(its.temp_bytes) if its.temp_bytes else "0"
            lines.append([
                *name,
                (Opens(sized, "gauge", f"{place}.size_bytes {its.sized_i}") if its.sized_i >= 0 else sized, ""),
                (Opens(f"{words.size(its.wal_bytes):>{cell}}", "gauge", f"{place}.wal_bytes"), ""),
                (Opens(f" {rate:>{cell - 1}}", "gauge", f"{place}.wal_bytes"), ""),
                (Opens(f"{temp:>{cell}}", "gauge", f"{place}.temp_bytes"), ""),
            ])  # fmt: skip
            room = inner - LABEL - 4 * cell - 2
            if room >= 8:
                series = its.wal_series(room)
                lines[-1].append(("  " + spark(series, max(series, default=0)), "past"))
        return lines

    def _amounts(self, shown: Shown, width: int) -> list[Line]:
        """Of what was seeded, copied, spilled and counted at the end."""
        seen = shown.database
        figures: list[Line] = []
        if seen.account:
            figures.append(self._account(shown))
        if seen.copied:
            told = _amount(seen.copied.get("bytes"), seen.copied.get("rows"))
            figures.append(_line("copied", told, seen.tables_i))
        if seen.seeded:
            rows = sum((seen.seeded.get("rows") or {}).values())
            size = float(seen.seeded.get("size_bytes") or seen.seeded.get("bytes") or 0)
            figures.append(_line("blue, seeded", _amount(size, rows), seen.seeded_i))
        temp = [b for _, b in seen.temp]
        if temp and not seen.sides["green"].is_measured:
            figures.append([
                *_line("temp on green", words.megabytes(temp[-1]), seen.progress_i),
                ("  ", ""),
                (spark(temp[-max(4, width - 34) :], max(temp)), "past"),
            ])  # fmt: skip
        return figures

    def _account(self, shown: Shown) -> Line:
        """`rows on green  upd 195k  ins 171k  del 0  commits 168`."""
        told = shown.database.account
        parts = [f"{short} {words.count(float(told[key]))}" for short, key in (
            ("upd", "rows_updated"), ("ins", "rows_inserted"), ("del", "rows_deleted"), ("commits", "commits"))
            if key in told]  # fmt: skip
        return _line("green rows", "  ".join(parts), shown.database.account_i, 12)


def _line(label: str, said: str, i: int, size: int = 15) -> Line:
    return [(f"{label:<{size}}", "past"), (Opens(said, "op", i) if i >= 0 else said, "")]


def _amount(size: float | None, rows: int | None) -> str:
    return f"{words.megabytes(float(size or 0))}  {words.count(rows or 0)} rows"
