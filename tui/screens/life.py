"""One grant from its making to its end, across blue, queue, copy and green."""

from __future__ import annotations

from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType

from sim.history.op import Op
from tui import words
from tui.base import of
from tui.ink import Line, Role, To, between, fit
from tui.life import GLYPH, Moment, moments
from tui.screens.listed import Listed
from tui.state import Shown
from tui.widgets.header import Header
from tui.widgets.lines import Lines
from tui.widgets.rows import Rows

LANES: tuple[tuple[str, Role], ...] = (("BLUE", "blue"), ("QUEUE", ""), ("COPY", ""), ("GREEN", "green"))


class LifeRows(Rows):
    """A line a moment, four lanes before it."""

    grant = ""
    moments: list[Moment] | None = None

    def count(self, shown: Shown) -> int:
        """Moments."""
        return len(self.moments or [])

    def empty(self, shown: Shown) -> str:
        """While the history is searched."""
        return "searching the history …" if self.moments is None else "no op names it"

    def opens(self, shown: Shown, n: int) -> To | None:
        """The op; of an instant of the runbook, the log around it."""
        moment = (self.moments or [])[n]
        if moment.i >= 0:
            return To("op", str(moment.i))
        return To("log", f"from:{max(0.0, moment.t_s - 0.5):.2f} to:{moment.t_s + 0.5:.2f}")

    def head(self, shown: Shown, width: int) -> list[Line]:
        """The grant, then the lanes."""
        line: Line = [("  T+      ", "past")]
        for name, role in LANES:
            line.append((f"{name:<6}", role or "past"))
        line.append((" WHO            WHAT", "past"))
        return [[(f" {self.grant}", "strong"), ("   │ alive   ◆ waits in the queue   ✗ ended", "past")], line]

    def row(self, shown: Shown, n: int, width: int, *, chosen: bool) -> Line:
        """Instant, lanes, who, what."""
        moment = (self.moments or [])[n]
        line: Line = [(f"{words.instant(moment.t_s, tenths=True):<8}", "past")]
        for lane, (stood, (_, role)) in enumerate(zip(moment.lanes, LANES, strict=True)):
            here = lane == moment.at
            glyph = "●" if here and moment.i >= 0 else GLYPH[stood]
            line.append((f"{glyph:<6}", "bad" if here and moment.role == "bad" else role or ("strong" if here else "")))
        room = max(0, width - 33)
        line.append((f" {moment.who[:13]:<15}", "past"))
        line += between([(moment.what, moment.role)], [(moment.how + " ", moment.role or "past")], room - 15)
        return fit(line, width)


class LifeKeys(Lines):
    """What can be pressed here."""

    def draw(self, shown: Shown, width: int, height: int) -> list[Line]:
        """One line."""
        return [
            between([(" ↑↓ moment   enter its op   y copy   l its lines in the log", "")], [("esc back ", "")], width)
        ]


class LifeScreen(Listed):
    """Pushed over the screen that named the grant."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,q", "leave", "back"),
        Binding("l", "in_log", "its lines in the log"),
    ]

    def __init__(self, grant: str) -> None:
        super().__init__()
        self.grant = grant
        self._pairs: list[tuple[Op | None, Op | None]] | None = None
        self._until = -1

    def compose(self) -> ComposeResult:
        """Header, moments, keys."""
        yield Header(id="header")
        yield LifeRows(id="life")
        yield from self.filter_line()
        yield LifeKeys(id="keys")

    def on_mount(self) -> None:
        """Search beside the event loop: a long history takes a moment."""
        self.query_one(LifeRows).grant = self.grant
        archive, shown = of(self).archive, of(self).shown
        until = shown.ops

        def search() -> None:
            pairs: list[tuple[Op | None, Op | None]] = []
            begins = archive.follower.begins
            end = begins[until] if until < len(begins) else None
            for i in archive.find(self.grant.encode(), 0, end):
                op = archive.op(i)
                if op is not None and not (op.type == "invoke" and self._is_answered(op, until)):
                    asked = archive.op(op.of) if op.of is not None else None
                    pairs.append((op, None) if op.type == "invoke" else (asked, op))
            self.app.call_from_thread(self._found, pairs)

        self.run_worker(search, thread=True, exit_on_error=False)

    def _is_answered(self, op: Op, until: int) -> bool:
        """Its completion has a line of its own: it names the grant too."""
        _, done = of(self).archive.pair(op.i)
        return done is not None and done.i < until

    def _found(self, pairs: list[tuple[Op | None, Op | None]]) -> None:
        self._pairs = pairs
        if self.shown is not None:
            self.show(self.shown)

    def show(self, shown: Shown) -> None:
        """The moments as far as they are known."""
        if self._pairs is not None and self.query(LifeRows) and self._until != shown.ops:
            self._until = shown.ops
            self.query_one(LifeRows).moments = moments(self._pairs, shown, self.grant)
        super().show(shown)

    def action_leave(self) -> None:
        """Back to where it was opened."""
        self.app.pop_screen()
        self.app.call_after_refresh(of(self).refresh_now)

    def action_in_log(self) -> None:
        """Its lines in the log."""
        of(self).open(To("log", f"grant:{self.grant}"))

    def action_filter(self) -> None:
        """The log filters; here everything of one grant is shown."""
        self.action_in_log()
