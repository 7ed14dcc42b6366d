"""The figure behind a step's precondition: the runbook's plan says which, the history what it is now.

A precondition that nothing measures has no figure, and neither has one whose figure is not known yet.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tui import words
from tui.ink import Line, Opens, Role
from tui.state import Shown


def measured(shown: Shown, name: str) -> Line:
    """What is known of it now, each figure opening its op; [] if nothing is."""
    kind, _, what = name.partition(".")
    if kind == "link":
        return _link(shown, what)
    measure = MEASURES.get(name)
    return measure(shown) if measure is not None else []


def _role(is_well: bool) -> Role:
    return "strong" if is_well else "bad"


def _serving(shown: Shown, side: str) -> Line:
    row = shown.traffic.sides[side]
    rate = row.rate(shown.now_s)
    return [(Opens(f"{side} answers {rate:.0f}/s", "recent", f"on:{side}"), _role(rate > 0)),
            (Opens(f", failed {row.failed}", "log", f"on:{side} is:failed"), _role(not row.failed))]  # fmt: skip


def _lifetime(shown: Shown) -> Line:
    issued = shown.traffic.issued
    return [(Opens(f"the last token's: {issued.lifetime_s:g} s", "op", issued.i), "strong")] if issued else []


def _link(shown: Shown, name: str) -> Line:
    proven = shown.links.get(name)
    if proven is None:
        return []
    return [(Opens(f"{name} {'proven' if proven else 'not proven'}", "log", f"op:link {name}"), _role(proven))]


def _open_captures(shown: Shown) -> Line:
    told = (shown.gauge.get("edge") or {}).get("capture") or {}
    if "open" not in told:
        return []
    still = int(told["open"])
    return [(Opens(f"without an outcome {still}", "gauge", "edge.capture.open"), "ask" if still else "strong"),
            (Opens(f", captured {int(told.get('captured') or 0)}", "log", "op:revoke is:captured"), "")]  # fmt: skip


def _copied(shown: Shown) -> Line:
    op = shown.read.get("equality")
    if op is None:
        return []
    value = op.value or {}
    different = int(value.get("different") or 0)
    return [(Opens(f"{int(value.get('keys') or 0):,} keys, {different} different", "op", op.i), _role(not different))]


def _left(shown: Shown) -> Line:
    """Odd rows that are left after the cleanup, over all classes."""
    figures = _figures(shown, "cleanup")
    classes = figures.get("classes")
    if not isinstance(classes, dict):
        return []
    left = sum(int(told.get("left") or 0) for told in classes.values() if isinstance(told, dict))
    return [(Opens(f"{int(figures.get('found') or 0):,} found, {left} left", "step", "cleanup"), _role(not left))]


def _applied(shown: Shown) -> Line:
    op = shown.read.get("migrations")
    if op is None:
        return []
    value = op.value or {}
    missing, unexpected = len(value.get("missing") or ()), len(value.get("unexpected") or ())
    more = f", {unexpected} unexpected" if unexpected else ""
    said = f"{value.get('applied')} applied of {value.get('expected')}{more}"
    return [(Opens(said, "op", op.i), _role(not missing and not unexpected))]


def _green(shown: Shown) -> Line:
    line: Line = [(Opens(shown.side_word("green"), "screen", "database"), "strong")]
    tried = [proven for link, proven in shown.links.items() if "green" in link]
    if tried:
        proven = sum(bool(p) for p in tried)
        said = f", {proven} of {len(tried)} links proven"
        line.append((Opens(said, "log", "op:link green"), _role(proven == len(tried))))
    return line


def _blue(shown: Shown) -> Line:
    ready = (shown.gauge.get("blue") or {}).get("ready")
    if ready is None:
        return []
    return [(Opens("blue is ready" if ready else "blue is not ready", "gauge", "blue.ready"), _role(bool(ready)))]


def _kept(shown: Shown) -> Line:
    grants = _figures(shown, "copy").get("grants")
    return [] if grants is None else [(Opens(f"kept: {words.one_line(grants)}", "step", "copy"), "strong")]


def _replayed(shown: Shown) -> Line:
    figures = _figures(shown, "replay")
    if "captured" not in figures:
        return []
    captured, replayed = int(figures["captured"]), int(figures.get("replayed") or 0)
    void = int(figures.get("void") or 0) + int(figures.get("skipped") or 0)
    lost = captured - replayed - void
    more = f", {lost} missing" if lost else ""
    return [(Opens(f"{captured} captured, {replayed} replayed, {void} void{more}", "step", "replay"), _role(not lost))]


def _figures(shown: Shown, kind: str) -> dict[str, Any]:
    """What a step that is done said; {} of any other."""
    step = shown.runbook.step(kind)
    return step.figures if step is not None and step.outcome == "ok" else {}


MEASURES: dict[str, Callable[[Shown], Line]] = {
    "serving.blue": lambda shown: _serving(shown, "blue"),
    "serving.green": lambda shown: _serving(shown, "green"),
    "serving.any": lambda shown: _serving(shown, shown.runbook.route),
    "token.lifetime": _lifetime,
    "capture.open": _open_captures,
    "copy.different": _copied,
    "cleanup.left": _left,
    "migration.applied": _applied,
    "green.ready": _green,
    "blue.ready": _blue,
    "grants.kept": _kept,
    "replay.done": _replayed,
}
"""Figure as the plan names it → how it is read; a link's is `link.` and the link."""
