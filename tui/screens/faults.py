"""Faults: what acts now with its proof and countdown, what was, and every link and part to make one on."""

from __future__ import annotations

from typing import Any, ClassVar, NamedTuple

from textual.app import ComposeResult
from textual.binding import Binding, BindingType

from tui import words
from tui.base import of
from tui.faultsseen import FaultSeen
from tui.ink import Line, Role, To, between, columns
from tui.reach import blast, ends, parts
from tui.screens.inject import InjectSheet
from tui.screens.listed import Listed
from tui.state import Shown
from tui.widgets.header import Header
from tui.widgets.lines import Lines
from tui.widgets.rows import Rows

WHERE, LEFT = 34, 13
"""Cells of the place and of the time left."""


class Place(NamedTuple):
    """One row: a fault, or a link or part without one."""

    kind: str
    """active, planned, past, link, part"""
    name: str
    fault: FaultSeen | None = None


def places(shown: Shown) -> list[Place]:
    """Active faults, links, parts, planned ones, past ones."""
    faults = shown.faults
    active = [Place("active", f.where, f) for f in faults.log if f.name in faults.active and f.ended_s is None]
    past = [Place("past", f.where, f) for f in reversed(faults.log) if f.ended_s is not None]
    seen = {f.name for f in faults.log}
    planned = [
        Place("planned", f.name) for f in (shown.scenario.faults if shown.scenario else []) if f.name not in seen
    ]
    links = sorted(shown.links, key=_links_first)
    return [*active, *planned, *(Place("link", n) for n in links), *(Place("part", n) for n in parts(links)), *past]


def _links_first(link: str) -> tuple[int, str]:
    """Those people ask for first: between the edge, Hydra and Postgres."""
    order = ("edge", "blue-hydra", "green-hydra", "clients", "resource-servers")
    source = ends(link)[0]
    return (order.index(source) if source in order else len(order), link)


class Places(Rows):
    """A row a fault, a link or a part."""

    def count(self, shown: Shown) -> int:
        """All of them."""
        return len(places(shown))

    def opens(self, shown: Shown, n: int) -> To | None:
        """A fault's op; a link or part asks what to do to it."""
        place = places(shown)[n]
        if place.fault is not None:
            return To("op", str(place.fault.i))
        return (
            To("link", place.name) if place.kind in ("link", "part") else To("explain", self._kind(shown, place.name))
        )

    def _kind(self, shown: Shown, name: str) -> str:
        planned = shown.scenario.faults if shown.scenario is not None else []
        return next((str(f.fault) for f in planned if f.name == name), name)

    def _what(self, width: int) -> int:
        return 16 if width < 100 else 30

    def _proof(self, width: int) -> int:
        return max(8, width - 2 - WHERE - self._what(width) - LEFT)

    def empty(self, shown: Shown) -> str:
        """Before the stack stands."""
        return "no link was tried yet: the stack starts"

    def head(self, shown: Shown, width: int) -> list[Line]:
        """The columns' names."""
        return [
            columns(
                [
                    ("  WHERE", 2 + WHERE, "past"),
                    ("WHAT", self._what(width), "past"),
                    ("PROOF", self._proof(width), "past"),
                    ("LEFT ", -LEFT, "past"),
                ]
            )
        ]

    def row(self, shown: Shown, n: int, width: int, *, chosen: bool) -> Line:
        """Where, what, whether it was seen, how long still."""
        place = places(shown)[n]
        what, proof = self._what(width + 2), self._proof(width + 2)
        if place.fault is not None:
            return self._fault(shown, place, what, proof)
        if place.kind == "planned":
            fault = next(f for f in (shown.scenario.faults if shown.scenario else []) if f.name == place.name)
            return columns(
                [
                    (fault.where or place.name, WHERE, "made"),
                    (f"{fault.fault}, planned", what, "past"),
                    (f"at {fault.at}", proof, "past"),
                    ("", -LEFT, ""),
                ]
            )
        role: Role = "strong" if chosen else ""
        if place.kind == "part":
            return columns([(place.name, WHERE, role), ("part", what, "past"), ("", proof, ""), ("", -LEFT, "")])
        proven = shown.links.get(place.name)
        said = {True: "✓ link proven", False: "? not proven", None: "… being tried"}[proven]
        return columns(
            [(place.name, WHERE, role), ("link", what, "past"), (said, proof, "" if proven else "ask"), ("", -LEFT, "")]
        )

    def _fault(self, shown: Shown, place: Place, what: int, proof: int) -> Line:
        fault = place.fault
        assert fault is not None
        over = place.kind == "past"
        seen = {True: f"✓ seen: {fault.seen}", False: f"? NOT SEEN {fault.seen}", None: "… proof awaited"}[fault.proven]
        if fault.waits:
            seen = "… waits for its point"
        for_s = fault.told.get("for_s")
        if over:
            left = f"{words.instant(fault.begun_s)}-{words.instant(fault.ended_s or 0)}"
        elif for_s is None:
            left = "until healed"
        elif fault.waits:
            left = f"then {float(for_s):.0f} s"
        else:
            begun_s = fault.begun_s if fault.made_s is None else fault.made_s
            left = f"{max(0.0, begun_s + float(for_s) - shown.now_s):.0f} s"
        role: Role = "past" if over else "made"
        mark = "–" if over else "✗" if fault.kind == "down" else "≈"
        return columns(
            [
                (f"{mark} {fault.where}", WHERE, role),
                (f"{fault.kind} {fault.figures}", what, role),
                (seen, proof, "past" if over else "ask" if fault.proven is False else ""),
                (left + " ", -LEFT, role),
            ]
        )


class FaultsTitle(Lines):
    """How many act, and whom the chosen row would hit."""

    def draw(self, shown: Shown, width: int, height: int) -> list[Line]:
        """Two lines."""
        active = shown.faults.active
        left: Line = [(" FAULTS ", "strong"), (f"  {len(active)} active", "made" if active else "past")]
        if active:
            felt = set().union(*(blast(f.where, shown.links) for f in shown.faults.log if f.name in active))
            left.append((f"   can be felt by {', '.join(sorted(felt))}", "made"))
        rows = self.screen.query_one(Places)
        known = places(shown)
        place = known[rows.chosen] if rows.chosen < len(known) else None
        told = ""
        if place is not None and place.kind in ("link", "part"):
            felt = blast(place.name, shown.links)
            told = f"a fault on {place.name} may be felt by {', '.join(sorted(felt)) or 'nobody'}"
        return [left, [(f" {told}", "past")]]


class FaultsKeys(Lines):
    """What can be pressed here."""

    def draw(self, shown: Shown, width: int, height: int) -> list[Line]:
        """One line; what does nothing now is dim."""
        able: Role = "" if shown.faults.active else "past"
        return [
            between(
                [(" enter, f a fault on it   ", ""), ("h heal   H heal all   ", able), ("e explain", "")],
                [("1-7   ? help   q ", "")],
                width,
            )
        ]


class FaultsScreen(Listed):
    """Enter on a link or part begins a fault there."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("f", "fault", "a fault"),
        Binding("h", "heal", "heal the chosen one"),
        Binding("H", "heal_all", "heal all"),
    ]

    def compose(self) -> ComposeResult:
        """Header, title, list, keys."""
        yield Header(id="header")
        yield FaultsTitle(id="faultstitle")
        yield Places(id="places")
        yield from self.filter_line()
        yield FaultsKeys(id="keys")

    @property
    def place(self) -> Place | None:
        """The chosen row."""
        known = places(self.shown) if self.shown is not None else []
        return known[self.rows.chosen] if self.rows.chosen < len(known) else None

    def choose(self, name: str) -> None:
        """Choose a link or part by its name."""
        for n, place in enumerate(places(self.shown) if self.shown is not None else []):
            if place.name == name and place.kind in ("link", "part"):
                self.rows.choose(n)

    def action_choose(self, by: int) -> None:
        """The line above says whom it would hit."""
        super().action_choose(by)
        if self.shown is not None:
            self.show(self.shown)

    def action_fault(self) -> None:
        """A fault on the chosen link or part."""
        place = self.place
        if place is None or place.kind not in ("link", "part"):
            first = next((p for p in places(self.shown) if p.kind == "link"), None) if self.shown is not None else None
            place = first
        if place is not None:
            self.begin(place.name)

    def begin(self, where: str) -> None:
        """Ask for kind and figures, then send it."""
        app = of(self)

        def made(told: dict[str, Any] | None) -> None:
            if told:
                app.command("inject", **told)

        if app.may_command("inject"):
            engine = app.shown.header.engine if app.shown.header is not None else ""
            app.push_screen(InjectSheet(where, list(app.shown.links), engine), made)

    def action_heal(self) -> None:
        """Take the chosen fault off."""
        place = self.place
        if place is None or place.fault is None or place.kind != "active":
            self.app.notify("choose an active fault; H heals all of them", severity="warning")
            return
        of(self).command("heal", name=place.fault.name)

    def action_heal_all(self) -> None:
        """Take every fault off."""
        of(self).command("heal")

    def action_filter(self) -> None:
        """What the nemesis did, in the log."""
        of(self).open(To("log", "who:nemesis"))

    def action_explain(self) -> None:
        """The chosen fault's kind, or what a link's proof is."""
        place = self.place
        if self.held is None and place is not None and place.fault is not None:
            of(self).explain(To("explain", place.fault.kind))
        else:
            of(self).explain(self.held or To("explain", "fault_proof"))
