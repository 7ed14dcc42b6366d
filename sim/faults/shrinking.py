"""Delta debugging: from a list that breaks something to one of which nothing can be left out.

The minimizing algorithm ddmin (Zeller and Hildebrandt, Simplifying and Isolating Failure-Inducing
Input, IEEE TSE 28(2), 2002): first halves, then ever smaller parts and what is left without each.
Pure: whether something breaks is asked of an oracle, which may be a rehearsal of minutes.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import Generic, NamedTuple, TypeVar

T = TypeVar("T")
Oracle = Callable[[tuple[T, ...]], bool]
"""Does this list break it? May raise `Enough`."""


class Enough(Exception):
    """No further question may be asked: the best list so far is the answer."""


class Shrunk(NamedTuple, Generic[T]):
    """What is left."""

    kept: tuple[T, ...]
    """In the order given. It breaks, by the oracle's word."""
    is_minimal: bool
    """True: without any one of them it does not. False: the questions ended before that was known."""


def shrink(items: Sequence[T], breaks: Oracle[T]) -> Shrunk[T]:
    """The smallest part of `items` that ddmin finds; `items` as a whole is known to break.

    No list is asked about twice. If the oracle answers the same each time, and every question could be
    asked, the answer is 1-minimal.
    """
    answers: dict[tuple[int, ...], bool] = {}

    def ask(some: tuple[int, ...]) -> bool:
        if some not in answers:
            answers[some] = breaks(tuple(items[n] for n in some))
        return answers[some]

    kept = tuple(range(len(items)))
    is_minimal = False
    try:
        if kept and ask(()):
            kept = ()
        parts = 2
        while len(kept) > 1:
            smaller = next((one for one in _candidates(kept, parts) if ask(one)), None)
            if smaller is None and parts >= len(kept):
                break
            if smaller is None:
                parts = min(2 * parts, len(kept))
            else:
                parts = 2 if len(smaller) <= -(-len(kept) // parts) else max(parts - 1, 2)
                kept = smaller
        is_minimal = True
    except Enough:
        pass
    return Shrunk(tuple(items[n] for n in kept), is_minimal)


def _candidates(kept: tuple[int, ...], parts: int) -> list[tuple[int, ...]]:
    """Each of so many parts alone, then what is left without each."""
    edges = [len(kept) * n // parts for n in range(parts + 1)]
    alone = [kept[a:b] for a, b in pairwise(edges)]
    without = [kept[:a] + kept[b:] for a, b in pairwise(edges)]
    return [*alone, *without]
