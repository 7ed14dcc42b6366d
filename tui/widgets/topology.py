"""TOPOLOGY at wide sizes: who talks to whom, live rates, faults on their links.

The way of a request is drawn; below it stands every other link of the run's graph, a row for each part
that dials. So no link can carry a fault unseen.
"""

from __future__ import annotations

from typing import Any

from sim.scenario.kinds import JOBS
from sim.scenario.links import known_links
from sim.scenario.replicas import origin, origin_link
from tui.base import of
from tui.ink import Line, Opens, Role, box, fit, width
from tui.reach import CLIENTS, blast, ends
from tui.state import Shown
from tui.widgets.lines import Lines

DRAWN = ("clients->edge", "resource-servers->edge", "edge->blue-hydra", "edge->green-hydra", "blue-hydra->",
         "green-hydra->")  # fmt: skip
"""Beginnings of links that are arrows of the picture; all others are rows below it."""
NAMES: dict[str, tuple[str, Role]] = {
    "blue-postgres": ("blue pg", "blue"), "green-postgres": ("green pg", "green"),
    "blue-hydra": ("BLUE", "blue"), "green-hydra": ("GREEN", "green"),
}  # fmt: skip
WALK_S = 0.5
"""Source: SCREENS, what moves: at a switch the heavy stroke walks from one side to the other, once."""
NAME = 12
"""Cells of the part that dials."""


def links_of(shown: Shown) -> tuple[str, ...]:
    """Every link of this run: those that the stack gives it, and whatever it tried."""
    known: tuple[str, ...] = ()
    if shown.scenario is not None:
        absent = "green-postgres" if shown.scenario.in_place else ""
        shared = () if shown.scenario.in_place else ("green-hydra->blue-postgres", "migrator->blue-postgres")
        known = tuple(
            link for link in known_links(edges=shown.edges) if absent not in ends(link) and link not in shared
        )
    return tuple(dict.fromkeys((*known, *shown.links)))


class Topology(Lines):
    """━ live route, ─ in use, ╌ idle, ≈ toxic, ✗ cut."""

    def draw(self, shown: Shown, width: int, height: int) -> list[Line]:
        tried = sum(proven is not None for proven in shown.links.values())
        proven = sum(map(bool, shown.links.values()))
        said = f"{proven}/{tried} links proven" if tried else "links not tried yet"
        role: Role = "ask" if proven < tried else "past"
        return box([("TOPOLOGY", "strong")], [(said, role)], self._picture(shown, width - 4), width, height)

    def _picture(self, shown: Shown, width: int) -> list[Line]:
        now_s, traffic = shown.now_s, shown.traffic
        rates = {side: row.rate(now_s) for side, row in traffic.sides.items()}
        into = {place: row.rate(now_s) for place, row in traffic.by_place.items()}
        walked = self._walked(shown)
        to = {
            side: self._link(shown, f"edge->{side}-hydra", rates[side], cells=11,
                             live=shown.runbook.serves(side, shown.edges) > 0,
                             walked=None if walked >= 1 else walked if side == shown.runbook.route else 1 - walked)
            for side in rates
        }
        shared = shown.scenario is not None and shown.scenario.in_place
        databases = {"blue": "blue", "green": "blue" if shared else "green"}
        pg: dict[str, Line] = {
            side: [
                *self._link(shown, f"{side}-hydra->{its}-postgres", rates[side], cells=3, figure=False),
                (" ↑" if shared and side == "green" else " pg", ""),
            ]
            for side, its in databases.items()
        }
        hit = self._hit(shown)
        frame: Role = "made" if "edge" in hit else ""
        bar, rule = ("┊", "╌") if "edge" in hit else ("│", "─")
        edge = " edge " if shown.edges == 1 else f"edge×{shown.edges}".ljust(6)
        part = self._part
        lines: list[Line] = [
            [part("clients", "clients", hit), *self._link(shown, "clients->edge", into["clients"], cells=9),
             (f" ┌{rule * 6}┐ ", frame), *to["blue"], part("blue-hydra", "BLUE ", hit, "blue"), *pg["blue"]],
            [part("resource-servers", "res.srv", hit),
             *self._link(shown, "resource-servers->edge", into["resource servers"], cells=9),
             (f" {bar}", frame), (Opens(edge, "link", "edge"), frame), (bar, frame)],
            [(" " * 19 + f"└{rule * 6}┘ ", frame), *to["green"],
             part("green-hydra", "GREEN", hit, "green"), *pg["green"]],
            *self._rows(shown, hit, width),
        ]  # fmt: skip
        lines += [[] for _ in range(9 - len(lines))]
        return [*lines, self._faults(shown, width)]

    def _rows(self, shown: Shown, hit: set[str], cells: int) -> list[Line]:
        """A row for each part that dials by a link which is no arrow above."""
        dialled: dict[str, dict[str, str]] = {}
        asked: dict[str, str] = {}
        for link in links_of(shown):
            name = origin_link(link)
            source, target = ends(name)
            if name.startswith(DRAWN):
                continue
            if source in CLIENTS:
                asked.setdefault(target, link)
            else:
                dialled.setdefault(source, {}).setdefault(target, link)
        rows: list[Line] = []
        for source, targets in dialled.items():
            row = self._row(shown, source, targets, asked.get(source), hit)
            if width(row) > cells:  # figures give way to names
                row = self._row(shown, source, targets, asked.get(source), hit, brief=True)
            rows.append(row)
        return rows

    def _row(self, shown: Shown, source: str, targets: dict[str, str], asked: str | None, hit: set[str], *,
             brief: bool = False) -> Line:  # fmt: skip
        """` edge       ─ blue pg  ╌ green pg  ─ queue 41, 4.1/s`."""
        said, role = self._part(source, source, hit)
        row: Line = [(said, role), (" " * max(0, NAME - len(said)), "")]
        for n, (target, link) in enumerate(targets.items()):
            used, gap = self._uses(shown, source, target), "  " if n else " "
            row += [(gap, ""), self._short(shown, link, used, target, told=self._told(shown, source, target, brief))]
        if asked is not None:
            row += [("  ", ""), self._short(shown, asked, True, "clients", "◀", told=None if brief else "")]
        return row

    def _told(self, shown: Shown, source: str, target: str, brief: bool) -> str | None:
        """Figures behind a target's name; None = none, a fault's neither."""
        if brief:
            return None
        if target != "queue" or source != "edge":
            return ""
        captures = shown.captures
        return f" {captures.in_queue}" + (f", {shown.traffic.revoking.rate(shown.now_s):.1f}/s" * captures.is_on)

    def _short(self, shown: Shown, link: str, used: bool, target: str, head: str = "", *,
               told: str | None) -> tuple[str, Role]:  # fmt: skip
        """`─ blue pg`: a link in a few cells; a fault on it stands instead of its stroke, with its figure."""
        said, role = NAMES.get(target, (target, ""))
        if target == "queue" and shown.captures.missing:
            role = "bad"
        fault = self._fault(shown, origin_link(link).partition(":")[0])
        if fault is not None:
            value = "" if told is None else _value(fault)
            mark = "✗" if fault.get("fault") == "down" else f"≈{value}"
            return (Opens(f"{head}{mark} {said}", "link", str(fault.get("link") or link)), "made")
        stroke = "─" if used else "╌"
        return (Opens(f"{head}{stroke} {said}{told or ''}", "link", link), role if used else "past")

    def _uses(self, shown: Shown, source: str, target: str) -> bool:
        """Does that part use that link now, as far as the runbook tells?"""
        runbook, step = shown.runbook, shown.runbook.current
        if source in JOBS:
            return step is not None and step.kind == JOBS[source] and step.outcome == "runs"
        if source == "edge":  # it resolves each revocation before it asks Hydra, and puts it into the queue
            return shown.captures.is_on and (target != "green-postgres" or runbook.route == "green")
        return target == f"{runbook.sides.get(source.replace('-', '_'), '')}-hydra"

    def _link(
        self, shown: Shown, name: str, rate: float, *, cells: int, live: bool = False, figure: bool = True,
        walked: float | None = None,
    ) -> Line:  # fmt: skip
        """An arrow of so many cells; a fault on it replaces its stroke.

        `walked`: how much of it the heavy stroke covers while it walks to the live route's arrow, or off the other.
        """
        fault = self._fault(shown, name)
        if fault is not None:
            mark = "✗" if fault.get("fault") == "down" else "≈"
            said = _value(fault)[: max(0, cells - 3)] if cells > 6 else ""
            left = (cells - 1 - len(said)) // 2
            arrow = mark * left + said + mark * (cells - 1 - left - len(said)) + "▶"
            return [(Opens(arrow, "link", str(fault.get("link"))), "made")]
        used = rate > 0
        stroke = "━" if live and used else "─" if used else "╌"
        label = (f"{rate:.0f}/s" if rate >= 10 else f"{rate:.1f}/s") if figure and used else ""
        left = max(1, (cells - 1 - len(label)) // 2)
        arrow = stroke * left + label + stroke * max(0, cells - 1 - left - len(label)) + "▶"
        if walked is not None:
            heavy = round(walked * (cells - 1))
            at = range(heavy) if live else range(cells - 1 - heavy, cells - 1)
            arrow = "".join("━" if n in at and c in "─╌━" else "─" if c == "━" else c for n, c in enumerate(arrow))
        found = next((link for link in links_of(shown) if origin_link(link).startswith(name)), None)
        piece = Opens(arrow, "link", found) if found is not None else arrow
        return fit([(piece, "strong" if live and used else "" if used else "past")], cells)

    def _walked(self, shown: Shown) -> float:
        """How far the heavy stroke has come after a switch, 0 to 1."""
        if self.is_attached and of(self).is_still:
            return 1.0
        return max(0.0, min(1.0, (shown.now_s - shown.runbook.turned_s) / WALK_S))

    def _part(self, name: str, said: str, hit: set[str], role: Role = "") -> tuple[str, Role]:
        """A part; one that an active fault can reach has a dotted magenta edge."""
        drawn = f"┊{said}┊" if name in hit else f" {said} "
        return (drawn if name in CLIENTS else Opens(drawn, "link", name), "made" if name in hit else role)

    def _hit(self, shown: Shown) -> set[str]:
        """Everybody whom an active fault can reach, and the part that it is made on."""
        hit: set[str] = set()
        for fault in shown.faults.active.values():
            reached = blast(str(fault.get("link") or fault.get("part") or ""), links_of(shown))
            hit |= {origin(name) for name in (*reached, str(fault.get("part") or ""))}
        return hit

    def _fault(self, shown: Shown, name: str) -> dict[str, Any] | None:
        faults = shown.faults.active.values()
        return next((f for f in faults if origin_link(str(f.get("link", ""))).startswith(name)), None)

    def _faults(self, shown: Shown, cells: int) -> Line:
        """What the strokes mean; while faults act, each by what it is on, and how many more there are."""
        if not shown.faults.active:
            return [("━ live route  ─ in use  ╌ idle  ≈ toxic  ✗ cut", "past")]
        told: Line = []
        faults = list(shown.faults.active.values())
        for n, fault in enumerate(faults):
            mark = "✗" if fault.get("fault") in ("down", "kill") else "≈"
            where = str(fault.get("link") or fault.get("part") or "")
            said = f"{mark} {fault.get('fault')} {where}"
            more = f" +{len(faults) - n - 1} more" if n + 1 < len(faults) else ""
            if told and width(told) + len(said) + len(more) > cells:
                return [*told, (Opens(f"+{len(faults) - n} more", "screen", "faults"), "made")]
            told += [(Opens(said, "screen", "faults"), "made"), ("  ", "")]
        return told


def _value(fault: dict[str, Any]) -> str:
    """`250 ms` of a latency, else the fault's own name."""
    toxic = fault.get("toxic") or {}
    return f"{toxic['latency']}ms" if "latency" in toxic else str(fault.get("fault", ""))
