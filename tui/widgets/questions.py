"""The four questions: where, safe?, lost if we cut now, way back. Never hidden, at any size."""

from __future__ import annotations

from tui import words
from tui.costs import costs
from tui.ink import Line, Opens, Role, fit
from tui.state import Shown
from tui.widgets.lines import Lines
from tui.widgets.phase import gate_line, way_back, where

GLYPHS: dict[str, str] = {"held": "✓", "broken": "✗", "unknown": "?", "not_asked": "–", "open": "○"}


def safe(shown: Shown) -> Line:
    """`nothing broken, 8 checks open`."""
    if shown.verdict is None:
        return [("nothing judged yet", "past")]
    broken, unknown, still = (shown.by_word(w) for w in ("broken", "unknown", "open"))
    if broken:
        return [(Opens(f"✗ {len(broken)} broken: {', '.join(c.name for c in broken)}", "check", broken[0].name), "bad")]
    if unknown:
        said = f"? {words.plural(len(unknown), 'check')} unknown: {', '.join(c.name for c in unknown)}"
        return [(Opens(said, "check", unknown[0].name), "ask")]
    if still:
        said = f", {words.plural(len(still), 'check')} open"
        return [("nothing broken", "strong"), (Opens(said, "check", still[0].name), "")]
    said = f", {words.plural(len(shown.by_word('held')), 'check')}"
    return [("✓ held", "strong"), (Opens(said, "screen", "verdict"), "")]


def lost(shown: Shown) -> Line:
    """`18 grants, 28 chains, 3 logins`."""
    grants, chains, logins = costs(shown)
    worst = max((grants, chains, logins), key=lambda c: c.share)
    role: Role = "bad" if worst.share > 1 else "ask" if worst.share >= 0.7 else "strong"
    line: Line = []
    for cost, one in ((grants, "grant"), (chains, "chain"), (logins, "login")):
        if cost is not logins or logins.now:
            line += [(", " if line else "", role), (Opens(words.plural(cost.now, one), "figure", cost.figure), role)]
    return line


def lost_label(shown: Shown) -> str:
    """After the switch it is no longer an if."""
    return "LOST AT THE CUT" if shown.runbook.switched_s is not None else "LOST IF WE CUT NOW"


def tally(shown: Shown, *, short: bool = False) -> Line:
    """`✓ 5 held  ○ 8 open  ? 0 unknown  ✗ 0 broken`; `short`: a zero keeps only its glyph."""
    told: Line = []
    roles: dict[str, Role] = {"held": "", "open": "past", "unknown": "ask", "broken": "bad"}
    for n, word in enumerate(roles):
        many = len(shown.by_word(word))
        said = f"{GLYPHS[word]} {many}" if short and not many else f"{GLYPHS[word]} {many} {word}"
        piece = ("  " if n else "") + said
        first = next(iter(shown.by_word(word)), None)
        to = ("check", first.name) if first is not None else ("screen", "verdict")
        told.append((Opens(piece, *to), roles[word] if many or word == "held" else "past"))
    return told


class Questions(Lines):
    """One line when wide; four lines and a gate's question when nothing else fits."""

    def draw(self, shown: Shown, width: int, height: int) -> list[Line]:
        four: list[tuple[str, Line]] = [
            ("WHERE", where(shown)),
            ("SAFE?", safe(shown)),
            (lost_label(shown), lost(shown)),
            ("WAY BACK", way_back(shown)),
        ]
        if height == 1:
            line: Line = []
            for n, (label, said) in enumerate(four):
                line += [("  │  " if n else " ", "past"), (f"{label}  ", "past"), *said]
            return [line]
        gap = 11 if width < 60 else 20
        lines: list[Line] = [
            [
                (" ", ""),
                *fit([(label.removeprefix("LOST ").removesuffix(" NOW") if gap == 11 else label, "past")], gap),
                *said,
            ]
            for label, said in four
        ]
        gate = gate_line(shown)
        if gate:
            lines.append([(" ", ""), *gate])
        return lines


class SoFar(Lines):
    """SAFE? in one line: counts by glyph and word, then the check that matters most, as a sentence."""

    TELLS_FRESH = True

    def draw(self, shown: Shown, width: int, height: int) -> list[Line]:
        telling = shown.telling()
        line: Line = [(" SAFE? ", "past"), *tally(shown, short=True), ("   ", "")]
        if telling is not None:
            role: Role = "bad" if telling.verdict == "broken" else "ask" if telling.verdict == "unknown" else "past"
            said = f"{GLYPHS[telling.verdict]} {telling.name}: {words.one_line(telling.summary)}"
            line.append((Opens(said, "check", telling.name), role))
        return [line]
