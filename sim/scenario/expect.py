"""What a scenario expects of its verdict.

    held                                   every check asked held, and the run completed
    open                                   anything; the exit code still tells the verdict
    {revocation: broken, availability.shed: ">= 1"}
                                           what is named must be so; all else must have held

`ended: rolled_back` may be named as well; otherwise the run must have completed. An
expectation never changes a verdict or an exit code.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Literal, NamedTuple

from sim.scenario.quantities import amount, amount_text

VERDICTS = ("held", "broken", "unknown", "not_asked")
ENDS = ("completed", "rolled_back", "failed")
_BOUND = re.compile(r"(>=|<=|==|>|<)\s*(\S+)")


class Bound(NamedTuple):
    """A comparison with a number, such as `>= 1`."""

    op: Literal[">=", "<=", "==", ">", "<"]
    limit: float
    unit: str

    def __str__(self) -> str:
        return f"{self.op} {amount_text(self.limit, self.unit)}"

    def holds(self, figure: float) -> bool:
        """Does `figure` satisfy it?"""
        match self.op:
            case ">=":
                return figure >= self.limit
            case "<=":
                return figure <= self.limit
            case ">":
                return figure > self.limit
            case "<":
                return figure < self.limit
            case "==":
                return figure == self.limit


def bound(raw: Any) -> Bound:
    """Read `>= 1`, `< 5s` or a bare `0` (equal). Raises ValueError."""
    if isinstance(raw, int) and not isinstance(raw, bool):
        return Bound("==", float(raw), "count")
    match = _BOUND.fullmatch(str(raw).strip())
    if match is None:
        raise ValueError(f'`{raw}` is not a bound: write it like ">= 1" or "< 5s"')
    limit, unit = amount(match[2])
    return Bound(match[1], limit, unit)  # type: ignore[arg-type]  # the pattern allows no other


class Expectation(NamedTuple):
    """The `expect` of a scenario, read."""

    kind: Literal["held", "open", "named"]
    checks: dict[str, str]
    """Check → the verdict it must have; only with kind named."""
    figures: dict[str, Bound]
    """`check.figure` → what it must satisfy; only with kind named."""
    ended: str = "completed"

    def written(self) -> str | dict[str, str]:
        """As the scenario file writes it."""
        if self.kind != "named":
            return self.kind
        out = dict(self.checks)
        out.update({name: str(b) for name, b in self.figures.items()})
        if self.ended != "completed":
            out["ended"] = self.ended
        return out

    def __str__(self) -> str:
        written = self.written()
        return written if isinstance(written, str) else ", ".join(f"{k} {v}" for k, v in written.items())

    def meets(self, verdict: Mapping[str, Any]) -> tuple[bool, str]:
        """Is this verdict (verdict.json, read) as expected? → (yes, why in one sentence)."""
        if self.kind == "open":
            return True, f"open: {verdict.get('verdict', '?')}"
        checks = {c["name"]: c for c in verdict.get("checks", [])}
        wrong: list[str] = []
        ended = verdict.get("ended", "?")
        if ended != self.ended:
            wrong.append(f"the run ended {ended}, expected {self.ended}")
        for name in dict.fromkeys([*self.checks, *checks]):
            seen = checks[name]["verdict"] if name in checks else "missing"
            wanted = self.checks.get(name)
            if wanted is None and seen in ("held", "not_asked"):
                continue
            if seen != (wanted or "held"):
                said = str(checks[name].get("summary") or "") if name in checks else ""
                wrong.append(f"{name} is {seen}, expected {wanted or 'held'}" + (f" ({said})" if said else ""))
        for full, limit in self.figures.items():
            check, _, figure = full.partition(".")
            value = checks.get(check, {}).get("figures", {}).get(figure)
            if not isinstance(value, int | float) or isinstance(value, bool):
                wrong.append(f"{full} is not in the verdict, expected {limit}")
            elif not limit.holds(value):
                wrong.append(f"{full} is {value}, expected {limit}")
        if wrong:
            return False, "; ".join(wrong)
        return True, "held" if self.kind == "held" else f"as expected: {self}"


def expectation(raw: Any) -> Expectation:
    """Read the `expect` key. Raises ValueError (names are checked by the rules)."""
    if isinstance(raw, Expectation):
        return raw
    if raw in ("held", "open"):
        return Expectation(raw, {}, {})
    if not isinstance(raw, Mapping):
        raise ValueError(f"`{raw}` is not an expectation: write held, open or {{check: verdict}}")
    checks: dict[str, str] = {}
    figures: dict[str, Bound] = {}
    ended = "completed"
    for key, value in raw.items():
        if key == "ended":
            if value not in ENDS:
                raise ValueError(f"`{value}` is not an end: {', '.join(ENDS)}")
            ended = value
        elif "." in key:
            figures[key] = bound(value)
        else:
            checks[key] = str(value)
    return Expectation("named", checks, figures, ended)
