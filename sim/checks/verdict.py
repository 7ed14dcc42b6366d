"""What a rehearsal showed: the structs behind verdict.json, and how one follows from many.

BROKEN > UNKNOWN > HELD; `not_asked` decides nothing. `open` exists only while a run is still
going (see forming.py) and never stands in verdict.json.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, Literal

import msgspec

if TYPE_CHECKING:
    pass

Word = Literal["held", "broken", "unknown", "not_asked", "open"]

WITNESSES = 20
"""Assumption: twenty ops are enough to see how something broke; the figures count all of them."""


class Tolerated(msgspec.Struct, frozen=True):
    """A limit the scenario wrote, and how much of it was used."""

    max: float | Literal["all"]
    unit: str
    because: str
    used: float | None
    """In the tolerance's own unit; None: a share of a whole that is not known."""

    @property
    def share(self) -> float | None:
        """Of what is allowed, 0 to 1 and beyond; None if there is no such number."""
        return None if self.used is None or self.max in ("all", 0) else self.used / float(self.max)


class Check(msgspec.Struct, frozen=True, kw_only=True):
    """One invariant's verdict."""

    name: str
    verdict: Word
    summary: str
    """One plain sentence; of a broken check its first witness."""
    evidence: int = 0
    """Operations or proofs that could have broken it."""
    figures: dict[str, float] = {}
    """Figure → value in its unit (sim.history.figures)."""
    tolerated: dict[str, Tolerated] = {}
    """Figure → the tolerance written for it."""
    witnesses: list[int] = []
    """Indexes of ops in the history that show it, oldest first."""

    def with_figures(self, figures: dict[str, float]) -> Check:
        """The same with these figures."""
        return msgspec.structs.replace(self, figures={f: round(v, 6) for f, v in figures.items()})


class Phase(msgspec.Struct, frozen=True, kw_only=True):
    """One step or undo as it went."""

    name: str
    kind: str
    begun_s: float
    took_s: float
    outcome: Literal["ok", "fail", "info", "open"]
    undo: bool = False


class Verdict(msgspec.Struct, frozen=True, kw_only=True):
    """verdict.json."""

    verdict: Word
    ended: Literal["completed", "rolled_back", "failed", "running"]
    """`running` only while forming."""
    why: str = ""
    """Why it ended so; "" if it completed."""
    scenario: str
    engine: str
    seed: int
    checks: list[Check]
    phases: list[Phase] = []
    database: dict[str, Any] = {}
    """What the steps did to green's database: rows_updated, temp_bytes, …; {} if it was not read."""
    hydra: dict[str, dict[str, float]] = {}
    """`before` (baseline on blue) and `after` (soak on green): p95_s, rss_bytes, heap_bytes, cpu_cores, goroutines."""
    planted: str = ""
    """The bug that the recall bench had planted in this run; "" in every other."""

    def check(self, name: str) -> Check:
        """The check of that name. Raises KeyError."""
        for check in self.checks:
            if check.name == name:
                return check
        raise KeyError(name)

    def figure(self, name: str) -> float | None:
        """The value of `check.figure`, or None if that check did not say it."""
        check, _, figure = name.partition(".")
        return next((c.figures.get(figure) for c in self.checks if c.name == check), None)


def worst(words: Iterable[Word]) -> Word:
    """What several verdicts come to; nothing asked at all is unknown."""
    seen = set(words)
    for word in ("broken", "unknown", "open", "held"):
        if word in seen:
            return word
    return "unknown"


def exit_code(verdict: Verdict, *, tool_failed: bool = False) -> int:
    """The command's exit code for a judged run (254 is for bad input, before there is a run).

    255 the tool failed, 1 broken, 2 unknown, 3 rolled back with blue proven well, 0 held; the
    first that applies.
    """
    if tool_failed:
        return 255
    if verdict.verdict == "broken":
        return 1
    if verdict.verdict != "held" or verdict.ended not in ("completed", "rolled_back"):
        return 2
    return 3 if verdict.ended == "rolled_back" else 0


def to_json(verdict: Verdict) -> bytes:
    """verdict.json: indented, one trailing newline."""
    return msgspec.json.format(msgspec.json.encode(verdict), indent=2) + b"\n"


def from_json(raw: bytes) -> Verdict:
    """Read verdict.json. Raises msgspec.ValidationError."""
    return msgspec.json.decode(raw, type=Verdict)
