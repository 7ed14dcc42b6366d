"""A screen that is mainly one list: choose, open, filter."""

from __future__ import annotations

from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.widgets import Input

from tui.ink import To
from tui.screens.watched import Watched
from tui.widgets.rows import Rows


class FilterInput(Input):
    """The line one types a filter in; escape leaves it as it was."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape", "leave", "back")]

    def action_leave(self) -> None:
        """Back to the list, the filter as it was."""
        screen = self.screen
        assert isinstance(screen, Listed)
        screen.end_filter(None)


class Listed(Watched):
    """Arrow keys choose a row, enter opens it, / filters."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("up,k", "choose(-1)", "row above", show=False),
        Binding("down,j", "choose(1)", "row below", show=False),
        Binding("pageup", "page(-1)", "page up", show=False),
        Binding("pagedown", "page(1)", "page down", show=False),
        Binding("home", "choose(-1000000000)", "first", show=False),
        Binding("end", "choose(1000000000)", "last", show=False),
        Binding("slash", "filter", "filter"),
    ]
    HINT: ClassVar[str] = "words to be found"

    def filter_line(self) -> ComposeResult:
        """The line for the filter, hidden until / is pressed."""
        yield FilterInput(placeholder=self.HINT, id="filter")

    @property
    def rows(self) -> Rows:
        """The list."""
        return self.query_one(Rows)

    @property
    def chosen_to(self) -> To | None:
        """What the chosen row opens."""
        rows = self.rows
        if self.shown is None or not rows.count(self.shown):
            return None
        return rows.opens(self.shown, rows.chosen)

    def action_choose(self, by: int) -> None:
        """The next row, up or down."""
        rows = self.rows
        last = rows.count(self.shown) - 1 if self.shown is not None else 0
        self._held = None
        rows.choose(min(max(0, rows.chosen + by), max(0, last)))
        self._put()

    def action_page(self, by: int) -> None:
        """A page of rows."""
        self.action_choose(by * self.rows.page)

    def meant(self) -> To | None:
        """The figure under the hand, else the chosen row."""
        return self.held or self.chosen_to

    # -- the filter

    def action_filter(self) -> None:
        """Type a filter."""
        line = self.query_one(FilterInput)
        line.value = self.filter_text()
        line.add_class("-open")
        line.focus()

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """Enter takes the filter."""
        self.end_filter(event.value.strip())

    def end_filter(self, text: str | None) -> None:
        """Close the line; None leaves the filter as it was."""
        line = self.query_one(FilterInput)
        line.remove_class("-open")
        self.set_focus(None)
        if text is not None:
            self.set_filter(text)

    def filter_text(self) -> str:
        """The filter as it is."""
        return ""

    def set_filter(self, text: str) -> None:
        """Filter by this from now on."""
