"""The log: ops, faults, steps, commands and the services' own lines, merged by time."""

from __future__ import annotations

from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType

from sim.checks.reading import HARNESS
from sim.history.op import Op
from tui import opened, query, words
from tui.base import of
from tui.events import event
from tui.ink import Line, Role, To, between, fit
from tui.logbook import Logbook
from tui.rates import outcome
from tui.screens.listed import Listed
from tui.servicelogs import LogLine
from tui.state import Shown
from tui.widgets.header import Header
from tui.widgets.lines import Lines
from tui.widgets.rows import Rows


class LogTitle(Lines):
    """The filter, how many lines it leaves, and whether the end is followed."""

    book: Logbook | None = None
    follows = True
    more = False

    def draw(self, shown: Shown, width: int, height: int) -> list[Line]:
        """One line."""
        book = self.book
        if book is None:
            return [[(" LOG", "strong")]]
        asked = book.query
        left: Line = [(" LOG ", "strong")]
        left += [(" filter ", "past"), (asked.text, "ask")] if not asked.is_empty else [(" everything", "past")]
        if asked.wrong:
            left += [("   ? ", "ask"), (asked.wrong, "ask")]
        cut = book.services.left_out
        tail = f"   only the end of {', '.join(cut)}" if cut and width > 110 else ""
        right: Line = [
            ("searching …  " if self.more else "", "ask"),
            (f"{len(book):,} lines{tail}   ", "past"),
            ("● following " if self.follows else "○ held: F follows ", "strong" if self.follows else "past"),
        ]
        return [between(left, right, width)]


class LogRows(Rows):
    """A line an op: instant, who, what, how it went."""

    book: Logbook | None = None

    def count(self, shown: Shown) -> int:
        """Lines the filter leaves."""
        return len(self.book) if self.book is not None else 0

    def head(self, shown: Shown, width: int) -> list[Line]:
        """The columns' names."""
        return [[("  " + f"{'T+':<8}{'WHO':<14}WHAT", "past")]]

    def opens(self, shown: Shown, n: int) -> To | None:
        """The op; a service's line opens what happened around it."""
        entry = self.book[n] if self.book is not None else None
        if entry is None:
            return None
        if isinstance(entry, int):
            return To("op", str(entry))
        return To("log", f"from:{max(0.0, entry.t_s - 1):.2f} to:{entry.t_s + 1:.2f}")

    def empty(self, shown: Shown) -> str:
        """Why there is nothing."""
        return "no line passes the filter: / changes it, an empty one shows everything"

    def row(self, shown: Shown, n: int, width: int, *, chosen: bool) -> Line:
        """One line, cut to the width."""
        assert self.book is not None
        entry = self.book[n]
        if not isinstance(entry, int):
            return fit(
                [
                    (f"{words.instant(max(0.0, entry.t_s), tenths=True):<8}", "past"),
                    (f"{entry.source[:13]:<14}", "past"),
                    (entry.text, "past"),
                ],
                width,
            )
        begun, done = self.pair(entry)
        op = done or begun
        if op is None:
            return fit([("a damaged line", "ask")], width)
        said, how = opened.one_line(begun, done)
        role, mark = _look(op)
        room = max(0, width - 23)
        left: Line = [(mark, role), (said, role)]
        right: Line = [(how, role or "past")] if how else []
        return [
            (f"{words.instant(op.t_s, tenths=True):<8}", "past"),
            (f"{op.process[:13]:<14}", "past"),
            *(between(left, right, room) if right else fit(left, room)),
        ]

    def pair(self, i: int) -> tuple[Op | None, Op | None]:
        """The op and, of a completion, its invocation; a bare invocation stays one."""
        assert self.book is not None
        op = self.book.archive.op(i)
        if op is None or op.type == "invoke":
            return op, None
        return (self.book.archive.op(op.of), op) if op.of is not None else (None, op)


def _look(op: Op) -> tuple[Role, str]:
    """Colour and glyph: bad ✗, shed and warnings ?, made by us ≈, steps ▸."""
    told = event(op)
    if told is not None:
        marks = {"error": "✗ ", "warn": "? ", "gate": "? ", "fault": "≈ ", "heal": "≈ ", "step": "▸ ", "cmd": ""}
        return told.role if told.kind != "step" else "strong", marks.get(told.kind, "")
    if op.process in HARNESS or op.type == "invoke":
        return "past", ""
    failed, shed = outcome(op)
    return ("bad", "✗ ") if failed else ("ask", "? ") if shed else ("", "")


class LogKeys(Lines):
    """What can be pressed here."""

    def draw(self, shown: Shown, width: int, height: int) -> list[Line]:
        """One line."""
        return [
            between(
                [(" / filter  F follow  enter open  y copy  e explain  c clear", "")],
                [("1-7   ? help   q ", "")],
                width,
            )
        ]


class LogScreen(Listed):
    """Follows the end until somebody chooses a line."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("F", "follow", "follow"),
        Binding("c", "clear", "clear the filter"),
        Binding("escape", "clear", "clear the filter", show=False),
    ]
    HINT = "words, op:refresh,revoke who:web grant:2da8 on:green is:failed slow:100ms from:00:57 to:63.5 #12,#15"

    def compose(self) -> ComposeResult:
        """Header, title, lines, filter, keys."""
        yield Header(id="header")
        yield LogTitle(id="logtitle")
        yield LogRows(id="log")
        yield from self.filter_line()
        yield LogKeys(id="keys")

    def __init__(self) -> None:
        super().__init__()
        self.book: Logbook | None = None
        self._asked: str | None = None
        self._wants_follow = True

    def show(self, shown: Shown) -> None:
        """Look for more lines, then draw."""
        if not self.query(LogRows):
            return
        app, rows, title = of(self), self.query_one(LogRows), self.query_one(LogTitle)
        if self.book is None or self.book.archive is not app.archive:
            self.book = Logbook(app.archive, app.services)
            self.book.ask(query.read(self._asked or ""))
            rows.book = title.book = self.book
            rows.follows = self._wants_follow
        if shown.header is not None:
            self.book.services.poll(shown.header.origin_utc)
        title.more = self.book.advance(shown, 0.02)
        title.follows = rows.follows
        super().show(shown)
        if title.more:
            self.set_timer(0.005, lambda: self.show(of(self).shown))

    def filter_text(self) -> str:
        """The filter as it is."""
        return self.book.query.text if self.book is not None else ""

    def set_filter(self, text: str) -> None:
        """Filter by this; a filter shows its first line, no filter follows the end."""
        self._asked = text
        self._wants_follow = not text
        if self.book is not None:
            self.book.ask(query.read(text))
        for rows in self.query(LogRows):
            rows.chosen = rows.first = 0
            rows.follows = not text
        if self.shown is not None:
            self.show(self.shown)

    def action_copy(self) -> None:
        """The chosen op; of a service's line the line itself."""
        rows, book = self.query_one(LogRows), self.book
        entry = book[rows.chosen] if book is not None and self.held is None and rows.chosen < len(book) else None
        if isinstance(entry, LogLine):
            of(self).copied(f"{entry.source}: {entry.text}", "line")
        else:
            super().action_copy()

    def action_follow(self) -> None:
        """Stay at the end, or stop to."""
        rows = self.query_one(LogRows)
        rows.follows = self._wants_follow = not rows.follows
        if self.shown is not None:
            self.show(self.shown)

    def action_clear(self) -> None:
        """Everything again."""
        self.set_filter("")
