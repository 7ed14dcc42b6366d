"""REVOCATIONS: acknowledged = on green + in queue; the panel turns red when the sum is off."""

from __future__ import annotations

from tui import words
from tui.ink import Line, Opens, Role, box
from tui.state import Shown
from tui.widgets.lines import Lines

ACKNOWLEDGED, SHED = "op:revoke is:captured", "op:revoke is:shed"


class Revocations(Lines):
    """Six figures when narrow, with kinds and waiting times when wide; each opens its ops."""

    TELLS_FRESH = True

    def draw(self, shown: Shown, width: int, height: int) -> list[Line]:
        captures = shown.captures
        off = captures.missing > 0
        word = "capture ON" if captures.is_on else "capture off"
        if (shown.gauge.get("edge") or {}).get("capture", {}).get("direction") == "back" and captures.is_on:
            word = "capture ON, back to blue" if width >= 50 else "capture BACK"
        lines = self._wide(shown) if width >= 50 else self._narrow(shown)
        if off:
            said = f"✗ {captures.missing} acknowledged and not in the queue"
            lines[-1] = [(Opens(said, "gauge", "edge.capture.captured"), "bad")]
        return box(
            [("REVOCATIONS", "strong")],
            [(word, "strong" if captures.is_on else "past")],
            lines,
            width,
            height,
            edge="bad" if off else "past",
        )

    def _gap(self, shown: Shown) -> tuple[str, Role]:
        gap_s, uses = shown.figure("revocation.longest_gap"), shown.figure("revocation.uses")
        if not uses or gap_s is None:
            return "-", ""
        limit = shown.scenario.tolerate.get("revocation.longest_gap") if shown.scenario is not None else None
        over = limit is None or (limit.max != "all" and gap_s > float(limit.max))
        return words.took(gap_s), "bad" if over else ""

    def _narrow(self, shown: Shown) -> list[Line]:
        captures, gap = shown.captures, self._gap(shown)
        active = int(shown.figure("revocation.uses") or 0)
        return [
            [
                ("acknowledged ", ""),
                (Opens(f"{captures.acknowledged:>4}", "log", ACKNOWLEDGED), ""),
                ("   in queue ", ""),
                (Opens(f"{captures.in_queue:>6}", "check", "replay_queue"), ""),
            ],
            [
                ("on green     ", ""),
                (Opens(f"{captures.on_green:>4}", "step", "replay"), ""),
                ("   shed     ", ""),
                (Opens(f"{captures.shed:>6}", "log", SHED), "ask" if captures.shed else ""),
            ],
            [
                ("false-active ", ""),
                (Opens(f"{active:>4}", "figure", "revocation.uses"), gap[1] if active else ""),
                ("   gap ", ""),
                (Opens(f"{gap[0]:>11}", "figure", "revocation.longest_gap"), gap[1]),
            ],
        ]

    def _wide(self, shown: Shown) -> list[Line]:
        captures, gap = shown.captures, self._gap(shown)
        kinds = " + ".join(f"{kind} {n}" for kind, n in captures.by_kind.most_common())
        active = int(shown.figure("revocation.uses") or 0)
        waits = shown.figure("revocation.oldest_wait")
        void = Opens(f"   void {captures.void}" if captures.void else "", "step", "replay")
        lines: list[Line] = [
            [
                ("acknowledged ", ""),
                (Opens(f"{captures.acknowledged:>4}", "log", ACKNOWLEDGED), ""),
                (Opens(f" = {kinds}" if kinds else "", "log", ACKNOWLEDGED), "past"),
            ],
            [
                ("in queue ", ""),
                (Opens(f"{captures.in_queue:>8}", "check", "replay_queue"), ""),
                ("   on green ", ""),
                (Opens(f"{captures.on_green}", "step", "replay"), ""),
                (void, ""),
                ("   ", ""),
                (Opens(f"shed {captures.shed}", "log", SHED), "ask" if captures.shed else ""),
            ],
            [
                ("false-active ", ""),
                (Opens(f"{active:>4}", "figure", "revocation.uses"), gap[1] if active else ""),
                ("   longest gap ", ""),
                (Opens(gap[0], "figure", "revocation.longest_gap"), gap[1]),
            ],
        ]
        if waits is not None and captures.in_queue:
            lines.append([("oldest waits ", ""), (Opens(f"{waits:>4.0f} s", "figure", "revocation.oldest_wait"), "")])
        if captures.back:
            back = Opens(f"{captures.back}", "log", "op:revoke on:green is:captured")
            lines.append([("on green since the switch ", ""), (back, ""), (", captured for the way back", "")])
        return lines
