"""The databases: the migration under way, locks and who waits, sizes, temp, tables and files."""

from __future__ import annotations

from textwrap import wrap
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Container

from tui import words
from tui.base import of
from tui.ink import Line, Opens, Role, To, between, box, columns, spark, track
from tui.screens.listed import Listed
from tui.state import Shown
from tui.widgets.header import Header
from tui.widgets.lines import Lines
from tui.widgets.rows import Rows


class Migrating(Lines):
    """File, statement, progress, locks."""

    def draw(self, shown: Shown, width: int, height: int) -> list[Line]:
        """A box: what runs on green now, or what the last step did."""
        seen, inner = shown.database, width - 4
        step, progress = shown.runbook.current, shown.runbook.progress
        lines: list[Line] = []
        right = "nothing runs on a database now"
        if step is not None and step.outcome == "runs":
            right = f"{step.name}, {words.took(shown.now_s - step.begun_s)}, deadline {step.deadline_s:g} s"
        share = shown.share_done()
        if progress.get("total") and share is not None and step is not None:
            done, total = float(progress.get("done") or 0), float(progress["total"])
            full, rest = track(share, max(10, inner - 30))
            said = (
                f"{words.megabytes(done)} of {words.megabytes(total)}"
                if step.kind == "copy"
                else f"{done:,.0f} of {total:,.0f}"
            )
            lines.append([(full, ""), (rest, "past"), (f" {said}", "")])
        if seen.now is not None:
            for_s = float(progress.get("for_s") or 0.0)
            lines.append(
                between(
                    [(Opens(seen.now.name, "op", seen.progress_i), "strong")], [(f"running {for_s:.1f} s", "")], inner
                )
            )
            lines += [[(part, "")] for part in wrap(words.one_line(seen.now.statement), inner)[: max(1, height - 6)]]
            locked = [str(t) for t in progress.get("locked") or []]
            lines.append(
                [
                    ("locks against everybody  ", "past"),
                    (", ".join(locked) or "none", "ask" if locked else ""),
                    ("   it waits for one itself" if progress.get("waits") else "", "ask"),
                ]
            )
        elif not lines:
            migrate = shown.runbook.step("migrate")
            if migrate is not None and migrate.outcome == "ok":
                files = migrate.figures.get("files", len(seen.files))
                lines.append([(f"migrated: {files} files in {words.took(migrate.took_s)}", "")])
                marks = migrate.figures.get("marks") or {}
                if marks:
                    told = "   ".join(f"{k.replace('_', ' ')} {v:,}" for k, v in marks.items())
                    lines.append([("marked by the migration  ", "past"), (told, "")])
            else:
                lines.append([("the migration has not begun", "past")])
        return box([("GREEN ", "green"), ("MIGRATION", "strong")], [(right, "past")], lines, width, height)


class WhoWaits(Lines):
    """Locks waited for and the oldest transaction, side by side over time."""

    def draw(self, shown: Shown, width: int, height: int) -> list[Line]:
        """A box: two rows a side."""
        inner = width - 4
        lines: list[Line] = []
        for side in ("blue", "green"):
            series = list(shown.database.waiting[side])[-max(4, inner - 42) :]
            told = shown.gauge.get(side) or {}
            if not told:
                lines.append([(f"{side.upper():<7}", _hue(side)), ("not measured now", "past")])
                continue
            waiting = int(told.get("waiting") or 0)
            lines.append(
                [
                    (f"{side.upper():<7}", _hue(side)),
                    (Opens(f"{waiting} wait", "op", shown.gauge_i), "ask" if waiting else ""),
                    (f"  oldest {max(0.0, told.get('oldest_s') or 0.0):>4.1f} s", ""),
                    (f"  conns {told.get('connections', '-'):>3}  ", ""),
                    (spark([w for _, w, _ in series], max(1, max((w for _, w, _ in series), default=0))), "past"),
                ]
            )
        return box([("WHO WAITS FOR A LOCK", "strong")], [("once a second", "past")], lines, width, height)


class Sizes(Lines):
    """Seeded, copied, temp, rows written; what the history does not hold is said."""

    def draw(self, shown: Shown, width: int, height: int) -> list[Line]:
        """A box of label and figure."""
        seen = shown.database
        temp = [b for _, b in seen.temp]
        figures: list[Line] = []
        if seen.seeded:
            rows = sum((seen.seeded.get("rows") or {}).values())
            size = float(seen.seeded.get("size_bytes") or seen.seeded.get("bytes") or 0)
            figures.append(self._line("blue, seeded", _amount(size, rows), seen.seeded_i))
        if seen.copied:
            told = _amount(seen.copied.get("bytes"), seen.copied.get("rows"))
            figures.append(self._line("copied", told, seen.tables_i))
        if temp:
            figures.append(
                [
                    *self._line("temp on green", f"{words.megabytes(temp[-1])}", seen.progress_i),
                    ("  ", ""),
                    (spark(temp[-max(4, width - 34) :], max(temp)), "past"),
                ]
            )
        account = seen.account
        if account:
            for key in ("rows_updated", "rows_inserted", "rows_deleted", "temp_bytes", "size_bytes", "commits"):
                if key in account:
                    value = float(account[key])
                    said = words.megabytes(value) if key.endswith("_bytes") else words.count(value)
                    figures.append(
                        self._line(f"green {key.removesuffix('_bytes').replace('_', ' ')}", said, seen.account_i)
                    )
        wal: Line = [("WAL            ", "past"), ("not in this history", "past")]
        return box([("SIZES", "strong")], [("enter opens", "past")], [*figures[: height - 3], wal], width, height)

    def _line(self, label: str, said: str, i: int) -> Line:
        return [(f"{label:<15}", "past"), (Opens(said, "op", i) if i >= 0 else said, "")]


def _hue(side: str) -> Role:
    return "green" if side == "green" else "blue"


def _amount(size: float | None, rows: int | None) -> str:
    return f"{words.megabytes(float(size or 0))}  {words.count(rows or 0)} rows"


class Objects(Rows):
    """Migration files by time taken, or tables by rows."""

    tables = False

    def count(self, shown: Shown) -> int:
        """Files or tables."""
        return len(shown.database.tables if self.tables else shown.database.files)

    def opens(self, shown: Shown, n: int) -> To | None:
        """The op that told of it."""
        if self.tables:
            return To("op", str(shown.database.tables_i))
        return To("op", str(shown.database.slowest(n + 1)[n].i))

    def empty(self, shown: Shown) -> str:
        """Why there is nothing."""
        return "tables are compared at the end of the copy" if self.tables else "no migration file was seen at work yet"

    def head(self, shown: Shown, width: int) -> list[Line]:
        """The columns' names."""
        if self.tables:
            return [
                columns(
                    [
                        ("  TABLE", width - 34, "past"),
                        ("BLUE ROWS", -11, "past"),
                        ("GREEN ROWS", -12, "past"),
                        ("   EQUAL", 11, "past"),
                    ]
                )
            ]
        name = max(30, (width - 40) // 2)
        return [
            columns(
                [
                    ("  FILE, slowest first", name, "past"),
                    ("SEEN AT WORK", -13, "past"),
                    ("  LOCKS HELD", max(0, width - name - 13), "past"),
                ]
            )
        ]

    def row(self, shown: Shown, n: int, width: int, *, chosen: bool) -> Line:
        """One file or table."""
        seen = shown.database
        if self.tables:
            table = sorted(seen.tables.values(), key=lambda t: (t.equal is not False, -(t.blue or 0)))[n]
            equal = {True: "✓ equal", False: "✗ differs", None: "? not read"}[table.equal]
            return columns(
                [
                    (table.name, width - 34, "strong" if chosen else ""),
                    (f"{table.blue:,}" if table.blue is not None else "-", -11, ""),
                    (f"{table.green:,}" if table.green is not None else "-", -12, ""),
                    (f"   {equal}", 11, "" if table.equal else "bad"),
                ]
            )
        file = seen.slowest(n + 1)[n]
        name = max(30, (width + 2 - 40) // 2) - 2
        locks = ", ".join(file.locked) or "none seen"
        return columns(
            [
                (file.name, name, "strong" if chosen or file is seen.now else ""),
                (f"{file.seen_s:.1f} s", -13, ""),
                (
                    f"  {locks}{'  waited' if file.waits else ''}",
                    max(0, width - name - 13),
                    "ask" if file.waits else "past" if not file.locked else "",
                ),
            ]
        )


class DatabaseKeys(Lines):
    """What can be pressed here."""

    def draw(self, shown: Shown, width: int, height: int) -> list[Line]:
        """One line."""
        return [
            between(
                [(" ↑↓ choose  t tables, files  tab figure  enter open  e explain", "")],
                [("1-7   ? help   q ", "")],
                width,
            )
        ]


class DatabaseScreen(Listed):
    """Migration above, sizes and waiting, then the list."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("t", "tables", "tables or files")]

    def compose(self) -> ComposeResult:
        """Header, boxes, list, keys."""
        yield Header(id="header")
        yield Migrating(id="migrating")
        with Container(id="dbpair"):
            yield WhoWaits(id="waiting")
            yield Sizes(id="sizes")
        yield Objects(id="objects")
        yield from self.filter_line()
        yield DatabaseKeys(id="keys")

    def action_tables(self) -> None:
        """Tables instead of files, or back."""
        rows = self.query_one(Objects)
        rows.tables = not rows.tables
        rows.chosen = rows.first = 0
        if self.shown is not None:
            self.show(self.shown)

    def action_filter(self) -> None:
        """The list is short; the log filters."""
        of(self).open(To("log", "op:progress"))

    def action_explain(self) -> None:
        """What the step under way does."""
        of(self).explain(self.held or To("step", "migrate"))
