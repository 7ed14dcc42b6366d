"""What is wrong with a scenario file, said so that it can be mended at once.

A message has the place (file:line:column), the line itself, a caret under the column, and what
to write instead. All problems of a file are shown together.
"""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches
from typing import TYPE_CHECKING, NamedTuple

from sim.errors import BadInput

if TYPE_CHECKING:
    from sim.scenario.place import Place

MOST_SHOWN = 10
"""Assumption: nobody mends more than ten at a time; the rest is counted."""

WIDTH = 110
"""Longer lines are cut round the caret."""


class Problem(NamedTuple):
    """One thing that is wrong."""

    what: str
    place: Place | None = None
    todo: str = ""

    def lines(self) -> list[str]:
        """As shown: place and sentence, the line, the caret, what to do."""
        if self.place is None:
            shown = [self.what]
        else:
            where = f"{self.place.source.name}:{self.place.line}:{self.place.column}"
            shown = [f"{where}: {self.what}", *_quote(self.place)]
        return [*shown, f"  do:   {self.todo}"] if self.todo else shown


def _quote(place: Place) -> list[str]:
    text = place.source.line(place.line).replace("\t", " ")
    if not text:
        return []
    column = place.column - 1
    cut = max(0, min(column - WIDTH // 2, len(text) - WIDTH))
    shown = ("…" if cut else "") + text[cut : cut + WIDTH]
    head = f"{place.line:>5} | "
    return [head + shown.rstrip(), " " * (len(head) + column - cut + (1 if cut else 0)) + "^"]


Path = tuple[str | int, ...]


class Broken(NamedTuple):
    """A rule that does not hold."""

    path: Path
    what: str
    todo: str = ""
    on_key: bool = False
    """Point at the key, not at the value."""


class BadScenario(BadInput):
    """A scenario (or a --set) is wrong; carries every problem found. Ends with 254."""

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = list(problems)
        first = self.problems[0]
        place = first.place
        where = f"{place.source.name}:{place.line}:{place.column}" if place else ""
        super().__init__(first.what, where=where, todo=first.todo)

    def __str__(self) -> str:
        shown = [line for problem in self.problems[:MOST_SHOWN] for line in problem.lines()]
        if len(self.problems) > MOST_SHOWN:
            shown.append(f"… and {len(self.problems) - MOST_SHOWN} more")
        return "\n".join(shown)


def in_order(problems: Iterable[Problem]) -> list[Problem]:
    """The problems as they stand in the files, top to bottom."""

    def place(problem: Problem) -> tuple[str, int, int]:
        at = problem.place
        return (at.source.name, at.line, at.column) if at else ("", 0, 0)

    return sorted(problems, key=place)


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """`did you mean X?` or '' if nothing is near."""
    lowered = {name.lower(): name for name in known}
    near = get_close_matches(word.lower(), lowered, n=1, cutoff=0.6)
    return f"did you mean {lowered[near[0]]}?" if near else ""


def suggest(word: str, known: Iterable[str], *, what: str = "known") -> str:
    """What to do about an unknown `word`: the nearest one, else all of them."""
    names = list(known)
    return did_you_mean(word, names) or f"{what}: {', '.join(names)}"
