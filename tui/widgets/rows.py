"""A list of any length: only the rows in sight are made, one is chosen."""

from __future__ import annotations

from textual.events import Click, MouseScrollDown, MouseScrollUp

from tui.base import of
from tui.ink import Line, To
from tui.state import Shown
from tui.widgets.lines import Lines


class Rows(Lines):
    """Subclasses say how many rows there are and what one looks like."""

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self.chosen = 0
        self.first = 0
        self.follows = False
        """The last row stays chosen as rows are added."""

    def count(self, shown: Shown) -> int:
        """How many rows there are now."""
        raise NotImplementedError

    def row(self, shown: Shown, n: int, width: int, *, chosen: bool) -> Line:
        """The n-th row, two cells narrower than the list: the mark stands before it."""
        raise NotImplementedError

    def opens(self, shown: Shown, n: int) -> To | None:
        """What enter on the n-th row opens."""
        return None

    def head(self, shown: Shown, width: int) -> list[Line]:
        """Lines above the rows."""
        return []

    def empty(self, shown: Shown) -> str:
        """What is said if there is no row."""
        return "nothing yet"

    def draw(self, shown: Shown, width: int, height: int) -> list[Line]:
        """Head and the rows in sight."""
        head = self.head(shown, width)
        room, total = max(1, height - len(head)), self.count(shown)
        if self.follows:
            self.chosen = total - 1
        self.chosen = max(0, min(self.chosen, total - 1))
        if self.chosen < self.first:
            self.first = self.chosen
        elif self.chosen >= self.first + room:
            self.first = self.chosen - room + 1
        self.first = max(0, min(self.first, total - room))
        lines = list(head)
        for n in range(self.first, min(total, self.first + room)):
            is_chosen = n == self.chosen
            lines.append([("▸ " if is_chosen else "  ", "strong"), *self.row(shown, n, width - 2, chosen=is_chosen)])
        if not total:
            lines.append([("  ", ""), (self.empty(shown), "past")])
        return lines

    @property
    def page(self) -> int:
        """Rows in sight."""
        return max(1, self.size.height - 2)

    def choose(self, n: int) -> None:
        """Choose a row; whoever does so no longer follows."""
        self.follows = False
        self.chosen = max(0, n)
        if self._shown is not None:
            self.show(self._shown)

    def on_click(self, event: Click) -> None:
        """A click chooses; on the chosen row it opens. (A click on a figure is the base's.)"""
        shown = self._shown
        if shown is None or any(s.y == event.y and s.x0 <= event.x < s.x1 for s in self.spots):
            return
        n = self.first + event.y - len(self.head(shown, self.size.width))
        if not self.first <= n < self.count(shown):
            return
        to = self.opens(shown, n)
        if n == self.chosen and to is not None:
            of(self).open(to)
        else:
            self.choose(n)

    def on_mouse_scroll_down(self, event: MouseScrollDown) -> None:
        """Three rows a notch."""
        self.choose(self.chosen + 3)

    def on_mouse_scroll_up(self, event: MouseScrollUp) -> None:
        """Three rows a notch."""
        self.choose(self.chosen - 3)
