"""The ledger: every chain and revocation the run touched, trouble first; enter shows one's life."""

from __future__ import annotations

from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType

from tui import words
from tui.ink import Line, Opens, Role, To, between, columns
from tui.ledgered import Ledgered
from tui.screens.listed import Listed
from tui.state import Shown
from tui.widgets.header import Header
from tui.widgets.lines import Lines
from tui.widgets.rows import Rows

STATE, REVOKED, CAPTURE = 25, 25, 8
FIXED = STATE + 4 + REVOKED + CAPTURE


class LedgerTitle(Lines):
    """How many of what, and the filter."""

    ledger: Ledgered | None = None

    def draw(self, shown: Shown, width: int, height: int) -> list[Line]:
        """One line of counts, one of what they mean."""
        ledger = self.ledger
        many = len(ledger.rows(shown)) if ledger is not None else 0
        captures = shown.captures
        left: Line = [(" LEDGER ", "strong")]
        if ledger is not None and ledger.filter:
            left += [("  filter ", "past"), (ledger.filter, "ask")]
        right: Line = [(f"{many:,} grants of {len(shown.stands):,} touched ", "past")]
        told: Line = [
            (" revocations: ", "past"),
            (Opens(f"{captures.acknowledged} captured", "log", "op:revoke is:captured"), ""),
            ("  in queue ", "past"),
            (Opens(f"{captures.in_queue}", "figure", "replay_queue"), ""),
            ("  on green ", "past"),
            (Opens(f"{captures.on_green}", "step", "replay"), ""),
            ("  void ", "past"),
            (Opens(f"{captures.void}", "step", "replay"), ""),
            ("  no capture ", "past"),
            (Opens(f"{captures.uncaptured}", "log", "op:revoke is:uncaptured"), "ask" if captures.uncaptured else ""),
            ("  shed ", "past"),
            (Opens(f"{captures.shed}", "log", "op:revoke is:shed"), "ask" if captures.shed else ""),
        ]
        return [between(left, right, width), told]


class Grants(Rows):
    """A row a grant."""

    ledger: Ledgered | None = None

    def count(self, shown: Shown) -> int:
        """Grants that pass the filter."""
        return len(self.ledger.rows(shown)) if self.ledger is not None else 0

    def opens(self, shown: Shown, n: int) -> To | None:
        """The grant's life."""
        rows = self.ledger.rows(shown) if self.ledger is not None else []
        return To("grant", rows[n].grant) if n < len(rows) else None

    def head(self, shown: Shown, width: int) -> list[Line]:
        """The columns' names."""
        grant = self._grant(width)
        cells: list[tuple[str, int, Role]] = [
            ("  GRANT", grant + 2, "past"),
            ("STATE", STATE, "past"),
            ("GEN", -4, "past"),
            ("  REVOKED", REVOKED, "past"),
            ("CAPTURE", -CAPTURE, "past"),
        ]
        if width > 100:
            cells.append(("  MADE", max(0, width - grant - 2 - FIXED), "past"))
        return [columns(cells)]

    def _grant(self, width: int) -> int:
        return max(7, min(34, width - 2 - FIXED))

    def empty(self, shown: Shown) -> str:
        """Why there is nothing."""
        return "no grant was touched yet, or none passes the filter"

    def row(self, shown: Shown, n: int, width: int, *, chosen: bool) -> Line:
        """State, refreshes, revocation, capture, where it was made."""
        assert self.ledger is not None
        e = self.ledger.rows(shown)[n]
        grant = self._grant(width + 2)
        cells: list[tuple[str, int, Role]] = [
            (e.grant + " ", grant, "strong" if chosen else ""),
            (f"{e.mark} {e.word}", STATE, e.role),
            (words.count(e.refreshes), -4, "past" if not e.refreshes else ""),
            (f"  {e.revoked}", REVOKED, ""),
            (e.capture or "-", -CAPTURE, "ask" if e.capture == "none" else ""),
        ]
        if width > 98:
            cells.append((f"  {e.made}", max(0, width - grant - FIXED), "past"))
        return columns(cells)


class LedgerKeys(Lines):
    """What can be pressed here."""

    def draw(self, shown: Shown, width: int, height: int) -> list[Line]:
        """One line."""
        return [
            between(
                [(" / filter   enter its life   y copy   e explain   c clear", "")],
                [("1-7   ? help   q ", "")],
                width,
            )
        ]


class LedgerScreen(Listed):
    """Filter by any word of a row: revoked, captured, lost, live, seeded, a grant's name."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("c", "clear", "clear the filter"),
        Binding("escape", "clear", "clear the filter", show=False),
    ]
    HINT = "revoked   captured   lost   live   seeded   or a grant's name"

    def __init__(self) -> None:
        super().__init__()
        self.ledger = Ledgered()

    def compose(self) -> ComposeResult:
        """Header, counts, list, filter, keys."""
        yield Header(id="header")
        yield LedgerTitle(id="ledgertitle")
        yield Grants(id="grants")
        yield from self.filter_line()
        yield LedgerKeys(id="keys")

    def show(self, shown: Shown) -> None:
        """Title and list look at the same ledger."""
        for panel in self.query(LedgerTitle):
            panel.ledger = self.ledger
        for rows in self.query(Grants):
            rows.ledger = self.ledger
        super().show(shown)

    def filter_text(self) -> str:
        """The filter as it is."""
        return self.ledger.filter

    def set_filter(self, text: str) -> None:
        """Filter by any words of a row."""
        self.ledger.filter = text
        self.rows.chosen = self.rows.first = 0
        if self.shown is not None:
            self.show(self.shown)

    def action_clear(self) -> None:
        """Everything again."""
        self.set_filter("")
