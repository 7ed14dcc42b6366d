"""A check's evidence: its sentence and figures, then every op that shows it, each to be opened."""

from __future__ import annotations

from textwrap import wrap
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType

from sim.checks.verdict import Check
from sim.history.op import Op
from tui import verdicts, words
from tui.base import of
from tui.ink import Line, To, between, fit
from tui.screens.listed import Listed
from tui.state import Shown
from tui.widgets.checks import ROLES
from tui.widgets.header import Header
from tui.widgets.lines import Lines
from tui.widgets.questions import GLYPHS
from tui.widgets.rows import Rows

LEAST_ROWS = 5
"""So many rows of evidence stay in sight below a long sentence."""


class EvidenceRows(Rows):
    """A row a witness, then one that leads to all operations the check is read from."""

    check: Check | None = None
    witnesses: tuple[Op, ...] = ()

    def count(self, shown: Shown) -> int:
        """Witnesses, and the row for the rest."""
        return len(self.witnesses) + 1 if self.check is not None else 0

    def opens(self, shown: Shown, n: int) -> To | None:
        """The op; of the last row the log."""
        if self.check is None:
            return None
        if n < len(self.witnesses):
            return To("op", str(self.witnesses[n].i))
        return To("log", verdicts.READ_FROM.get(self.check.name, ""))

    def empty(self, shown: Shown) -> str:
        """Before the first verdict."""
        return "nothing is judged yet"

    def head(self, shown: Shown, width: int) -> list[Line]:
        """Sentence, figures and limits, as much as leaves room for the rows."""
        check = self.check
        if check is None:
            return []
        inner = width - 2
        title: Line = [(f" {GLYPHS[check.verdict]} {check.name}", "strong"),
                       (f"   {check.verdict.replace('_', ' ')}", ROLES[check.verdict])]  # fmt: skip
        said: list[Line] = [[(f" {part}", ROLES[check.verdict])] for part in wrap(words.one_line(check.summary), inner)]
        said += [[(f" {part}", "past")] for part in wrap(verdicts.figures_line(check), inner)]
        for limit in verdicts.limits(check):
            said += [[(f" {part}", "past")] for part in wrap(f"allowed  {limit}", inner)]
        room = max(1, self.size.height - 3 - min(LEAST_ROWS, self.count(shown)))
        if len(said) > room:
            said = [*said[: room - 1], [(" … e tells the rest", "past")]]
        n = len(check.witnesses)
        named = words.plural(n, "witness", "witnesses") if n else "no op is named as a witness"
        return [title, *said, [], [(f"  {named}, evidence {check.evidence:,}", "past")]]

    def row(self, shown: Shown, n: int, width: int, *, chosen: bool) -> Line:
        """One witness in words."""
        assert self.check is not None
        if n < len(self.witnesses):
            return fit([(verdicts.witness(self.witnesses[n]), "strong" if chosen else "")], width)
        asked = verdicts.READ_FROM.get(self.check.name, "") or "whatever clients asked"
        return fit([("all it is read from, in the log: ", "strong" if chosen else ""), (asked, "past")], width)


class EvidenceKeys(Lines):
    """What can be pressed here."""

    def draw(self, shown: Shown, width: int, height: int) -> list[Line]:
        """One line."""
        keys = " ↑↓ witness   enter its op   y copy   e explain the check"
        return [between([(keys, "")], [("esc back ", "")], width)]


class EvidenceScreen(Listed):
    """Pushed over the screen whose figure was opened."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape,q", "leave", "back")]

    def __init__(self, name: str) -> None:
        super().__init__()
        self.name_of_check = name
        self._asked: tuple[int, ...] | None = None

    def compose(self) -> ComposeResult:
        """Header, list, keys."""
        yield Header(id="header")
        yield EvidenceRows(id="evidence")
        yield from self.filter_line()
        yield EvidenceKeys(id="keys")

    def show(self, shown: Shown) -> None:
        """The check as it stands; its witnesses are looked up when they are others than before."""
        for rows in self.query(EvidenceRows):
            checks = shown.verdict.checks if shown.verdict is not None else []
            rows.check = next((c for c in checks if c.name == self.name_of_check), None)
            wanted = tuple(rows.check.witnesses) if rows.check is not None else ()
            if wanted != self._asked:
                self._asked = wanted
                rows.witnesses = tuple(verdicts.witnesses(of(self).archive, wanted))
        super().show(shown)

    def action_leave(self) -> None:
        """Back to where it was opened."""
        self.app.pop_screen()
        self.app.call_after_refresh(of(self).refresh_now)

    def action_filter(self) -> None:
        """The filter is the log's."""
        of(self).open(To("log", verdicts.READ_FROM.get(self.name_of_check, "")))

    def action_explain(self) -> None:
        """The check, whichever row is chosen."""
        of(self).explain(self.held or To("figure", self.name_of_check))
