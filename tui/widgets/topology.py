"""TOPOLOGY at wide sizes: who talks to whom, live rates, faults on their links."""

from __future__ import annotations

from typing import Any

from sim.scenario.replicas import origin, origin_link
from tui.ink import Line, Opens, Role, box, fit
from tui.reach import blast
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
        now_s, traffic = shown.now_s, shown.traffic
        queue = Opens(f"queue {shown.captures.in_queue:<6}", "figure", "replay_queue")
        rates = {side: row.rate(now_s) for side, row in traffic.sides.items()}
        into = {place: row.rate(now_s) for place, row in traffic.by_place.items()}
        to = {
            side: self._link(shown, f"edge->{side}-hydra", rates[side],
                             live=shown.runbook.serves(side, shown.edges) > 0, cells=11)
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
        step = shown.runbook.current
        at_work = step is not None and step.kind == "replay" and step.outcome == "runs"
        replaying = self._link(shown, "replayer->", float(at_work), cells=10, figure=False)
        hit = self._hit(shown)
        frame: Role = "made" if "edge" in hit else ""
        bar, rule = ("┊", "╌") if "edge" in hit else ("│", "─")
        part = self._part
        lines: list[Line] = [
            [part("clients", "clients", hit), *self._link(shown, "clients->edge", into["clients"], cells=9),
             (f" ┌{rule * 6}┐ ", frame), *to["blue"], part("blue-hydra", "BLUE ", hit, "blue"), *pg["blue"]],
            [part("resource-servers", "res.srv", hit),
             *self._link(shown, "resource-servers->edge", into["resource servers"], cells=9),
             (f" {bar}{' edge ' if shown.edges == 1 else f'edge×{shown.edges}':6}{bar}", frame)],
            [(" " * 19 + f"└{rule * 2}┬{rule * 3}┘ ", frame), *to["green"],
             part("green-hydra", "GREEN", hit, "green"), *pg["green"]],
            [(" " * 22, ""), *self._down(shown)],
            [(" " * 15, ""), (queue, "bad" if shown.captures.missing else ""),
             *replaying, (" replayer", "" if at_work else "past")],
            *(self._admin(shown, what, hit) for what in ("login_consent", "authz")),
            *self._faults(shown, width),
        ]  # fmt: skip
        lines += [[] for _ in range(9 - len(lines))]
        toxic: Role = "made" if shown.faults else "past"
        return [*lines, [("━ live route  ─ in use  ╌ idle  ", "past"), ("≈ toxic  ✗ cut  ┊reached┊", toxic)]]

    def _link(
        self, shown: Shown, name: str, rate: float, *, cells: int, live: bool = False, figure: bool = True
    ) -> Line:
        """An arrow of so many cells; a fault on it replaces its stroke."""
        fault = self._fault(shown, name)
        if fault is not None:
            mark = "✗" if fault.get("fault") == "down" else "≈"
            said = _value(fault)[: max(0, cells - 3)] if cells > 6 else ""
            left = (cells - 1 - len(said)) // 2
            arrow = mark * left + said + mark * (cells - 1 - left - len(said)) + "▶"
            return [(Opens(arrow, "screen", "faults"), "made")]
        used = rate > 0
        stroke = "━" if live and used else "─" if used else "╌"
        label = (f"{rate:.0f}/s" if rate >= 10 else f"{rate:.1f}/s") if figure and used else ""
        left = max(1, (cells - 1 - len(label)) // 2)
        arrow = stroke * left + label + stroke * max(0, cells - 1 - left - len(label)) + "▶"
        found = next((link for link in shown.links if link.startswith(name)), None)
        piece = Opens(arrow, "link", found) if found is not None else arrow
        return fit([(piece, "strong" if live and used else "" if used else "past")], cells)

    def _part(self, name: str, said: str, hit: set[str], role: Role = "") -> tuple[str, Role]:
        """A part; one that an active fault can reach has a dotted magenta edge."""
        return (f"┊{said}┊", "made") if name in hit else (f" {said} ", role)

    def _hit(self, shown: Shown) -> set[str]:
        """Everybody whom an active fault can reach."""
        hit: set[str] = set()
        for fault in shown.faults.values():
            hit |= {origin(name) for name in blast(str(fault.get("link") or fault.get("part") or ""), shown.links)}
        return hit

    def _down(self, shown: Shown) -> Line:
        """The link from the edge to the queue, drawn downwards."""
        fault = self._fault(shown, "edge->queue")
        if fault is not None:
            return [("✗ cut" if fault.get("fault") == "down" else f"≈ {fault.get('fault')}", "made")]
        if not shown.captures.is_on:
            return [("▼ capture off", "past")]
        return [(f"▼ {shown.traffic.revoking.rate(shown.now_s):.1f}/s captured", "")]

    def _admin(self, shown: Shown, what: str, hit: set[str]) -> Line:
        name, side = what.replace("_", "-"), shown.runbook.sides[what]
        arrow = self._link(shown, f"{name}->", 1.0, cells=4, figure=False)
        said, role = self._part(name, name, hit)
        return [(said.ljust(16), role), *arrow, (f" {side.upper()} admin", "green" if side == "green" else "blue")]

    def _fault(self, shown: Shown, name: str) -> dict[str, Any] | None:
        return next((f for f in shown.faults.values() if origin_link(str(f.get("link", ""))).startswith(name)), None)

    def _faults(self, shown: Shown, width: int) -> list[Line]:
        return [
            fit(
                [(f"{'✗' if f.get('fault') == 'down' else '≈'} {name}: {f.get('fault')} on {f.get('link')}", "made")],
                width,
            )
            for name, f in list(shown.faults.items())[:2]
        ]


def _value(fault: dict[str, Any]) -> str:
    """`250 ms` of a latency, else the fault's own name."""
    toxic = fault.get("toxic") or {}
    return f"{toxic['latency']}ms" if "latency" in toxic else str(fault.get("fault", ""))
