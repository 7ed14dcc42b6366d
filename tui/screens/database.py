"""The databases: the migration under way, who waits for which lock, sizes, WAL, temp, tables and files."""

from __future__ import annotations

from textwrap import wrap
from typing import ClassVar, Literal

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Container

from tui import words
from tui.base import of
from tui.database import TableSeen, WaitSeen
from tui.ink import Line, Opens, To, between, box, columns, track
from tui.screens.listed import Listed
from tui.state import Shown
from tui.widgets.header import Header
from tui.widgets.lines import Lines
from tui.widgets.rows import Rows
from tui.widgets.sizes import Sizes
from tui.widgets.whowaits import WhoWaits, hue

View = Literal["files", "tables", "waits"]
VIEWS: tuple[View, ...] = ("files", "tables", "waits")
TABLE = 41
"""Cells of a table's figures, beside its name."""


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


class Objects(Rows):
    """Migration files by time taken, tables by bytes, or everybody who was seen waiting for a lock."""

    view: View = "files"

    def count(self, shown: Shown) -> int:
        """How many of them."""
        seen = shown.database
        return {"files": len(seen.files), "tables": len(seen.objects()), "waits": len(seen.waited())}[self.view]

    def opens(self, shown: Shown, n: int) -> To | None:
        """The op that told of it."""
        seen = shown.database
        if self.view == "files":
            return To("op", str(seen.slowest(n + 1)[n].i))
        if self.view == "waits":
            return To("op", str(seen.waited()[n].i))
        compared = seen.objects()[n].equal is not None
        return To("op", str(seen.tables_i if compared else max(its.sized_i for its in seen.sides.values())))

    def empty(self, shown: Shown) -> str:
        """Why there is nothing."""
        return {
            "files": "no migration file was seen at work yet",
            "tables": "tables are sized every few seconds, and compared at the end of the copy",
            "waits": "nobody was seen waiting for a lock",
        }[self.view]

    def head(self, shown: Shown, width: int) -> list[Line]:
        """The columns' names."""
        if self.view == "tables":
            return [
                columns([
                    ("  TABLE", width - TABLE, "past"), ("BLUE ROWS", -9, "past"), ("SIZE", -7, "past"),
                    ("GREEN ROWS", -11, "past"), ("SIZE", -7, "past"), ("  EQUAL", 7, "past"),
                ])
            ]  # fmt: skip
        if self.view == "waits":
            return [columns([("  WHO WAITED", 16, "past"), ("FOR", -8, "past"), ("  LOCK", 34, "past"),
                             ("HELD BY", max(0, width - 58), "past")])]  # fmt: skip
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
        """One file, table or wait."""
        if self.view == "tables":
            return _table(shown.database.objects()[n], width, chosen=chosen)
        if self.view == "waits":
            return _wait(shown, shown.database.waited()[n], width, chosen=chosen)
        seen = shown.database
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


def _table(table: TableSeen, width: int, *, chosen: bool) -> Line:
    name = table.name.removeprefix("hydra_") if width < 100 else table.name
    rows = [f"{n:,}" if n is not None else "-" for n in (table.blue, table.green)]
    sizes = [words.size(b) if b is not None else "-" for b in (table.blue_bytes, table.green_bytes)]
    equal = {True: "✓", False: "✗ no", None: "?"}[table.equal]
    return columns([
        (name, width + 2 - TABLE - 2, "strong" if chosen else ""),
        (rows[0], -9, ""), (sizes[0], -7, "past" if table.blue_bytes is None else ""),
        (rows[1], -11, ""), (sizes[1], -7, "past" if table.green_bytes is None else ""),
        (f"  {equal}", 7, "bad" if table.equal is False else "past" if table.equal is None else ""),
    ])  # fmt: skip


def _wait(shown: Shown, wait: WaitSeen, width: int, *, chosen: bool) -> Line:
    now = any(w is wait or (w.who, w.lock, w.holder) == (wait.who, wait.lock, wait.holder)
              for w in shown.database.waiting_now(wait.side, shown.now_s))  # fmt: skip
    lock = wait.lock.removeprefix("hydra_") if width < 100 else wait.lock
    holder = wait.holder if wait.holder == wait.does else f"{wait.holder}: {wait.does}"
    return columns([
        (f"{wait.who} {wait.side}", 14, "strong" if chosen else hue(wait.side)),
        (f"{wait.for_s:.1f} s", -8, "ask" if now else ""),
        (f"  {lock} {wait.mode}", 34, ""),
        (words.one_line(holder), max(0, width - 56), "" if now else "past"),
    ])  # fmt: skip


class DatabaseKeys(Lines):
    """What can be pressed here."""

    def draw(self, shown: Shown, width: int, height: int) -> list[Line]:
        """One line."""
        return [
            between(
                [(" ↑↓  t files, tables, waits  tab figure  enter open  e explain", "")],
                [("1-7   ? help   q ", "")],
                width,
            )
        ]


class DatabaseScreen(Listed):
    """Migration above, sizes and waiting, then the list."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("t", "turn", "files, tables or waits")]

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

    def action_turn(self) -> None:
        """Files, tables, who waited, and files again."""
        rows = self.query_one(Objects)
        rows.view = VIEWS[(VIEWS.index(rows.view) + 1) % len(VIEWS)]
        rows.chosen = rows.first = 0
        if self.shown is not None:
            self.show(self.shown)

    def action_filter(self) -> None:
        """The list is short; the log filters."""
        of(self).open(To("log", "op:progress"))

    def action_explain(self) -> None:
        """What the step under way does."""
        of(self).explain(self.held or To("step", "migrate"))
