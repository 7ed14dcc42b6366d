"""Who waits for a lock: on which, for how long, and who holds it."""

from __future__ import annotations

from tui import words
from tui.database import WaitSeen
from tui.ink import Line, Opens, Role, box, fit, spark
from tui.state import Shown
from tui.widgets.lines import Lines


def hue(side: str) -> Role:
    """The colour of a stack."""
    return "green" if side == "green" else "blue"


class WhoWaits(Lines):
    """A line a side, and below it those who wait there now, the longest first."""

    def draw(self, shown: Shown, width: int, height: int) -> list[Line]:
        """A box."""
        inner, room = width - 4, height - 2
        waits = {side: shown.database.waiting_now(side, shown.now_s) for side in ("blue", "green")}
        each = max(1, (room - 2) // 2 // max(1, sum(bool(w) for w in waits.values())))
        lines: list[Line] = []
        for side, its in waits.items():
            lines.append(self._side(shown, side, inner))
            for wait in its[:each]:
                lines += _told(wait, inner)
        return box([("WHO WAITS FOR A LOCK", "strong")], [("once a second", "past")], lines, width, height)

    def _side(self, shown: Shown, side: str, inner: int) -> Line:
        seen = shown.database.sides[side]
        told = shown.gauge.get("databases", {}).get(side) or shown.gauge.get(side) or {}
        head: Line = [(f"{side.upper():<6}", hue(side))]
        if not told:
            shared = side == "green" and shown.scenario is not None and shown.scenario.in_place
            return [*head, ("uses blue's" if shared else "not measured now", "past")]
        place = f"databases.{side}" if seen.is_measured else side
        waiting, oldest_s = int(told.get("waiting") or 0), max(0.0, told.get("oldest_s") or 0.0)
        line: Line = [
            *head,
            (Opens(f"{waiting} wait", "gauge", f"{place}.waiting"), "ask" if waiting else ""),
            ("  ", ""),
            (Opens(f"{'oldest ' if inner > 44 else ''}tx {oldest_s:.1f} s", "gauge", f"{place}.oldest_s"), ""),
            ("  ", ""),
            (Opens(f"conns {told.get('connections', '-')}", "gauge", f"{place}.connections"), ""),
        ]
        left = inner - sum(len(piece) for piece, _ in line) - 2
        if left >= 8:
            series = [n for _, n, _ in shown.database.waiting[side]][-left:]
            line.append(("  " + spark(series, max(1, *series)) if series else "", "past"))
        return line


def _told(wait: WaitSeen, inner: int) -> list[Line]:
    """Two lines: who, how long, what for; held by whom, doing what."""
    wants = f"{wait.lock} {wait.mode}".rstrip()
    held = f", {wait.held}" if wait.held else ""
    by = "" if wait.holder == wait.does else f": {wait.does}"
    return [
        fit([(_opens(f" {wait.who} {wait.for_s:.1f} s", wait), "ask"), (f"  {wants}", "")], inner),
        fit([(f"  held by {words.one_line(wait.holder) or 'somebody who is gone'}{held}{words.one_line(by)}", "past")],
            inner),
    ]  # fmt: skip


def _opens(said: str, wait: WaitSeen) -> Opens:
    """What told of it: the last gauge, or the migration's own look at the locks."""
    return Opens(said, "gauge", f"databases.{wait.side}.waits") if wait.mode else Opens(said, "op", wait.i)
