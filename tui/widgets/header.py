"""The first line: what runs, how to repeat it, and the state's word."""

from __future__ import annotations

from tui import words
from tui.ink import Line, Role, between
from tui.state import Shown
from tui.widgets.lines import Lines

_ROLES: dict[str, Role] = {"GATE": "ask", "PAUSED": "ask", "BUFFERING": "ask", "ABORTING": "bad"}


def state_word(shown: Shown) -> Line:
    """`● RUNNING`, `REPLAY 4×` …: who waits for you is amber, what goes wrong is red."""
    if shown.reading:
        return [(shown.reading, "past")]
    state = shown.state
    told: Line = [
        ("● " if not shown.runbook.ended else "■ ", _ROLES.get(state, "")),
        (state, _ROLES.get(state, "strong")),
    ]
    if state == "FINISHED" and shown.runbook.ended != "completed":
        told.append((f" {shown.runbook.ended.replace('_', ' ')}", "ask"))
    return [(f"{shown.replay_word}  ", "past"), *told] if shown.replay_word else told


class Header(Lines):
    """One line."""

    def draw(self, shown: Shown, width: int, height: int) -> list[Line]:
        header, scenario = shown.header, shown.scenario
        seed = f"seed {header.seed}" if header else ""
        engine = header.engine if header else ""
        grants = words.count(header.grants) if header and header.grants else ""
        right: Line = [(f"T+{words.instant(shown.now_s)}  ", ""), *state_word(shown), (" ", "")]
        if width < 120:
            gap = "  " if width >= 78 else " "
            named = gap.join(w for w in (seed, engine, f"{grants} grants" if grants else "") if w)
            return [between([(" ", ""), (shown.slug, "strong"), (gap + named, "past")], right, width)]
        versions = f"{scenario.stack.blue.hydra} → {scenario.stack.green.hydra}" if scenario else ""
        origin = header.origin_utc[11:19] + "Z" if header else ""
        soon = shown.remaining_s("cutover")
        if soon is not None:
            right = [(f"cutover in ~{words.took(soon)}   ", ""), *right]
        told = "   ".join(
            w for w in (seed, engine, f"{grants} grants" if grants else "", versions, f"began {origin}") if w
        )
        return [between([(" rehearse   ", "past"), (shown.slug, "strong"), (f"   {told}", "past")], right, width)]
