"""One op opened: the end of every figure. y copies it, e explains it, l shows what happened around it."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType

from sim.history.op import Op
from tui import opened
from tui.base import of
from tui.ink import Line, Role, To, between, box
from tui.screens.watched import Watched
from tui.state import Shown
from tui.widgets.header import Header
from tui.widgets.lines import Lines


class OpPanel(Lines):
    """The op's sheet, scrolled."""

    def __init__(self, *, id: str) -> None:
        super().__init__(id=id)
        self.begun: Op | None = None
        self.done: Op | None = None
        self.offset_y = 0
        self.figure = ""

    def draw(self, shown: Shown, width: int, height: int) -> list[Line]:
        """The frame, and what fits of the sheet."""
        archive = of(self).archive
        inside = opened.lines(archive, self.begun, self.done, shown.header, width - 4, figure=self.figure)
        room = height - 2
        self.offset_y = max(0, min(self.offset_y, len(inside) - room))
        below = len(inside) - self.offset_y - room
        said = f"↓ {below} more lines" if below > 0 else ""
        op = self.done or self.begun
        role: Role = "bad" if op is not None and op.type == "fail" else "strong"
        return box(
            [(opened.title(self.begun, self.done), role)],
            [(said, "past")] if said else [],
            inside[self.offset_y :],
            width,
            height,
        )


class OpKeys(Lines):
    """What can be pressed here."""

    def draw(self, shown: Shown, width: int, height: int) -> list[Line]:
        """One line."""
        keys = " y copy   e explain   g grant's life   l around it   ←→ before, after"
        return [between([(keys, "")], [("esc back ", "")], width)]


class OpScreen(Watched):
    """Pushed over the screen whose figure was opened."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,q", "leave", "back"),
        Binding("g", "life", "the grant's life"),
        Binding("l", "around", "the log around it"),
        Binding("left", "other(-1)", "op before"),
        Binding("right", "other(1)", "op after"),
        Binding("up,k", "scroll(-1)", "up", show=False),
        Binding("down,j", "scroll(1)", "down", show=False),
        Binding("pageup", "scroll(-10)", "up", show=False),
        Binding("pagedown", "scroll(10)", "down", show=False),
    ]

    def __init__(self, i: int, *, figure: str = "") -> None:
        super().__init__()
        self.i = i
        self.figure = figure
        """Of a gauge: the figure that was opened (`blue.rss_bytes`)."""

    def compose(self) -> ComposeResult:
        """Header, sheet, keys."""
        yield Header(id="header")
        yield OpPanel(id="opened")
        yield OpKeys(id="keys")

    def on_mount(self) -> None:
        """Read the op."""
        self._read()

    def _read(self) -> None:
        panel = self.query_one(OpPanel)
        panel.begun, panel.done = of(self).archive.pair(self.i)
        panel.figure = self.figure
        if self.shown is not None:
            self.show(self.shown)

    @property
    def op(self) -> Op | None:
        """The op: its completion if there is one."""
        panel = self.query_one(OpPanel)
        return panel.done or panel.begun

    def show(self, shown: Shown) -> None:
        """An op without an answer may get one meanwhile."""
        panel = self.query_one(OpPanel) if self.query(OpPanel) else None
        if panel is not None and panel.done is None:
            panel.begun, panel.done = of(self).archive.pair(self.i)
        super().show(shown)

    def action_leave(self) -> None:
        """Back to where it was opened."""
        self.app.pop_screen()
        self.app.call_after_refresh(of(self).refresh_now)

    def action_scroll(self, by: int) -> None:
        """Scroll a long sheet."""
        self.query_one(OpPanel).offset_y += by
        if self.shown is not None:
            self.show(self.shown)

    def action_other(self, by: int) -> None:
        """The next line of the log in time."""
        if self.shown is None or self.op is None:
            return
        lines = self.shown.lines
        n = bisect_right(lines, self.op.i) if by > 0 else bisect_left(lines, self.op.i) - 1
        if 0 <= n < len(lines):
            self.i, self.figure = lines[n], ""
            self._read()

    def meant(self) -> To | None:
        """A figure of the sheet, else the op; of a gauge what was opened of it."""
        if self.held is not None or self.op is None:
            return self.held
        return To("gauge", f"{self.figure} {self.op.i}") if self.figure else To("op", str(self.op.i))

    def action_open_held(self) -> None:
        """The op itself is open already."""
        if self.held is not None:
            super().action_open_held()

    def action_life(self) -> None:
        """The life of its grant."""
        if self.op is not None and self.op.grant:
            of(self).open(To("grant", self.op.grant))
        else:
            self.app.notify("this op is about no single grant", severity="warning")

    def action_around(self) -> None:
        """The log, a second before and after."""
        if self.op is not None:
            query = f"from:{max(0.0, self.op.t_s - 1):.2f} to:{self.op.t_s + 1:.2f}"
            of(self).open(To("log", query))
