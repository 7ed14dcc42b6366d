"""Every kind of fault in every phase: which cells there are and which runs show them. Pure.

A run shows several cells at once, each in a phase of its own. If everything held, it held under
each of them; if not, nobody can say which one it was, so each is played again alone.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, Literal, NamedTuple

from sim.faults.drawing import in_phase
from sim.scenario import Fault, Scenario
from sim.scenario.kinds import PartKind, unable

Word = Literal["held", "rolled back", "broken", "unknown", "none"]
"""What a run under the cell's fault ended with; `none`: it left no verdict."""


class Cell(NamedTuple):
    """One kind of fault in one phase."""

    kind: str
    phase: str
    fault: Fault | None
    why: str = ""
    """Why there is none."""

    @property
    def name(self) -> tuple[str, str]:
        """Its row and column."""
        return self.kind, self.phase


class Seen(NamedTuple):
    """What came of one cell."""

    kind: str
    phase: str
    fault: str
    """The fault in a few words."""
    word: Word
    proven: bool
    """The fault was seen in effect and was taken off again."""
    effect_s: float | None
    """From the order to the effect, or None if it was never made."""
    why: str
    """The first check that was not held, or the fault's proof."""
    alone: bool
    """Whether the run had this fault and no other."""
    engine: str
    seed: int
    took_s: float

    @property
    def good(self) -> bool:
        """It was proven, and the rehearsal ended with a word that it can stand for."""
        return self.proven and self.word in ("held", "rolled back", "broken")


def cells(scenario: Scenario, seed: int, kinds: Sequence[str], phases: Sequence[str], links: Iterable[str],
          parts: dict[str, PartKind], engine: str) -> list[Cell]:
    """Row by row; a cell without a place for its kind says why."""
    steps = {step.name: step for step in scenario.runbook}
    links, found = list(links), []
    for kind in kinds:
        for phase in phases:
            if why := unable(kind, engine):
                found.append(Cell(kind, phase, None, why))
                continue
            fault = in_phase(seed, kind, steps[phase], scenario, links, parts)
            found.append(Cell(kind, phase, fault, "" if fault is not None else "nothing there that it can be made on"))
    return found


def rounds(todo: Sequence[Cell], together: int) -> list[list[Cell]]:
    """Runs of at most so many cells, no two of one phase, their phases as far apart as can be."""
    phases = list(dict.fromkeys(cell.phase for cell in todo))
    waiting = {phase: [cell for cell in todo if cell.phase == phase and cell.fault is not None] for phase in phases}
    apart = -(-len(phases) // together)
    made: list[list[Cell]] = []
    for first in range(apart):
        columns = [waiting[phase] for phase in phases[first::apart][:together]]
        # Kinds of one run differ: each column begins at another row.
        columns = [[*column[n:], *column[:n]] for n, column in enumerate(columns)]
        for n in range(max(map(len, columns), default=0)):
            made.append([column[n] for column in columns if n < len(column)])
    return made


def settles(seen: Sequence[Seen]) -> bool:
    """Whether one run says enough about each of its cells."""
    return len(seen) == 1 or all(one.proven and one.word == "held" for one in seen)


def figures(seen: Sequence[Seen]) -> dict[str, Any]:
    """{cells, proven, held, rolled_back, broken, unknown, none, effect_p50_s, effect_max_s, met}.

    `effect_…`: of the faults that were made, seconds from the order to the effect; None without any.
    """
    words = [one.word for one in seen]
    effects = sorted(one.effect_s for one in seen if one.effect_s is not None)
    return {"cells": len(seen), "proven": sum(one.proven for one in seen),
            **{word.replace(" ", "_"): words.count(word)
               for word in ("held", "rolled back", "broken", "unknown", "none")},
            "effect_p50_s": effects[len(effects) // 2] if effects else None,
            "effect_max_s": effects[-1] if effects else None,
            "met": bool(seen) and all(one.good for one in seen)}
