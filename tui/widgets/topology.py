"""TOPOLOGY at wide sizes: who talks to whom, live rates, faults on their links."""

from __future__ import annotations

from typing import Any

from tui.ink import Line, Role, box, fit
from tui.state import Shown
from tui.widgets.lines import Lines


class Topology(Lines):
    """━ live route, ─ in use, ╌ idle, ≈ toxic, ✗ cut."""

    def draw(self, shown: Shown, width: int, height: int) -> list[Line]:
        tried, proven = shown.links_tried, shown.links_proven
        said = f"{proven}/{tried} links proven" if tried else "links not tried yet"
        role: Role = "ask" if proven < tried else "past"
        return box([("TOPOLOGY", "strong")], [(said, role)], self._picture(shown, width - 4), width, height)

    def _picture(self, shown: Shown, width: int) -> list[Line]:
        now_s, traffic, route = shown.now_s, shown.traffic, shown.runbook.route
        rates = {side: row.rate(now_s) for side, row in traffic.sides.items()}
        into = {place: row.rate(now_s) for place, row in traffic.by_place.items()}
        to = {
            side: self._link(shown, f"edge->{side}-hydra", rates[side], live=side == route, cells=12) for side in rates
        }
        pg: dict[str, Line] = {
            side: [
                *self._link(shown, f"{side}-hydra->{side}-postgres", rates[side], cells=3, figure=False),
                (" pg", ""),
            ]
            for side in rates
        }
        step = shown.runbook.current
        at_work = step is not None and step.kind == "replay" and step.outcome == "runs"
        replaying = self._link(shown, "replayer->", float(at_work), cells=10, figure=False)
        lines: list[Line] = [
            [("clients ", ""), *self._link(shown, "clients->edge", into["clients"], cells=9), (" ┌──────┐ ", ""),
             *to["blue"], (" BLUE  ", "blue"), *pg["blue"]],
            [("res.srv ", ""), *self._link(shown, "resource-servers->edge", into["resource servers"], cells=9),
             (" │ edge │", "")],
            [(" " * 18 + "└──┬───┘ ", ""), *to["green"], (" GREEN ", "green"), *pg["green"]],
            [(" " * 21, ""), *self._down(shown)],
            [(f"{'queue ' + str(shown.captures.in_queue):>27} ", "bad" if shown.captures.missing else ""), *replaying,
             (" replayer", "" if at_work else "past")],
            *(self._admin(shown, what) for what in ("login_consent", "authz")),
            *self._faults(shown, width),
        ]  # fmt: skip
        lines += [[] for _ in range(9 - len(lines))]
        toxic: Role = "made" if shown.faults else "past"
        return [*lines, [("━ live route  ─ in use  ╌ idle  ", "past"), ("≈ toxic  ✗ cut", toxic)]]

    def _link(
        self, shown: Shown, name: str, rate: float, *, cells: int, live: bool = False, figure: bool = True
    ) -> Line:
        """An arrow of so many cells; a fault on it replaces its stroke."""
        fault = self._fault(shown, name)
        if fault is not None:
            mark = "✗" if fault.get("fault") == "down" else "≈"
            return [(f"{mark * (cells - 1)}▶", "made")]
        used = rate > 0
        stroke = "━" if live and used else "─" if used else "╌"
        label = (f"{rate:.0f}/s" if rate >= 10 else f"{rate:.1f}/s") if figure and used else ""
        left = max(1, (cells - 1 - len(label)) // 2)
        arrow = stroke * left + label + stroke * max(0, cells - 1 - left - len(label)) + "▶"
        return fit([(arrow, "strong" if live and used else "" if used else "past")], cells)

    def _down(self, shown: Shown) -> Line:
        """The link from the edge to the queue, drawn downwards."""
        fault = self._fault(shown, "edge->queue")
        if fault is not None:
            return [("✗ cut" if fault.get("fault") == "down" else f"≈ {fault.get('fault')}", "made")]
        if not shown.captures.is_on:
            return [("▼ capture off", "past")]
        return [(f"▼ {shown.traffic.revoking.rate(shown.now_s):.1f}/s captured", "")]

    def _admin(self, shown: Shown, what: str) -> Line:
        name, side = what.replace("_", "-"), shown.runbook.sides[what]
        arrow = self._link(shown, f"{name}->", 1.0, cells=4, figure=False)
        return [(f"{name:<14}", ""), *arrow, (f" {side.upper()} admin", "green" if side == "green" else "blue")]

    def _fault(self, shown: Shown, name: str) -> dict[str, Any] | None:
        return next((f for f in shown.faults.values() if str(f.get("link", "")).startswith(name)), None)

    def _faults(self, shown: Shown, width: int) -> list[Line]:
        return [
            fit(
                [(f"{'✗' if f.get('fault') == 'down' else '≈'} {name}: {f.get('fault')} on {f.get('link')}", "made")],
                width,
            )
            for name, f in list(shown.faults.items())[:2]
        ]
