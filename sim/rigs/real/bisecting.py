"""Which units of a population make a trial abort: found by trying sub-populations, nothing else.

Pure: units are numbers, a trial is a coroutine that says whether a set of them aborts. It is asked
as rarely and with as small sets as can be, because each question is a real migration. Assumed is
that what aborts keeps aborting with more around it.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence

Aborts = Callable[[Sequence[int]], Awaitable[bool]]
"""Does the trial of exactly these units abort?"""


class TooMany(Exception):
    """More offending sets than anybody would mend one by one; `found` are the first of them."""

    def __init__(self, found: list[list[int]]) -> None:
        super().__init__(f"{len(found)} sets of offending rows were found, and there are more")
        self.found = found


async def offenders(units: Sequence[int], aborts: Aborts, *, most: int,
                    mend: Callable[[list[int]], Awaitable[None]]) -> list[list[int]]:
    """Minimal offending sets, each mended before the next is looked for, until all units pass together.

    `aborts` of no unit at all must be False. `mend` makes a set pass from then on, by whatever it does to
    its last unit: to leave the unit out would not do, others may bring it along. Raises TooMany after `most`.
    """
    found: list[list[int]] = []
    while await aborts(units):
        if len(found) == most:
            raise TooMany(found)
        one = await smallest(units, aborts)
        found.append(one)
        await mend(one)
    return found


async def smallest(units: Sequence[int], aborts: Aborts) -> list[int]:
    """A minimal set that aborts, out of units that abort together; in their order."""
    one = await _one(units, aborts)
    return [one] if one is not None else await _together(units, aborts)


async def _one(units: Sequence[int], aborts: Aborts) -> int | None:
    """A unit that aborts alone, by halving; None if the halves' path ends at an innocent one."""
    left = list(units)
    while len(left) > 1:
        half = len(left) // 2
        # If the first half passes the second is taken unasked; the end of the path is proven.
        left = left[:half] if await aborts(left[:half]) else left[half:]
    return left[0] if left and await aborts(left) else None


async def _together(units: Sequence[int], aborts: Aborts) -> list[int]:
    """Several units that abort only together: each is needed.

    One after the other: the shortest beginning of what is left that aborts with those needed so
    far ends with the next one needed.
    """
    needed: list[int] = []
    left = list(units)
    while not await aborts(needed):
        low, high = 0, len(left)  # left[:high] aborts with those needed, left[:low] does not
        while high - low > 1:
            middle = (low + high) // 2
            if await aborts([*left[:middle], *needed]):
                high = middle
            else:
                low = middle
        needed.insert(0, left[high - 1])
        left = left[:high - 1]
    return needed


async def smallest_removal(parts: Sequence[Sequence[int]], passes_without: Aborts) -> Sequence[int] | None:
    """The first of `parts`, smallest first as they are given, without which the rest passes; None if there is none.

    `passes_without` is asked with one part at a time.
    """
    for part in parts:
        if await passes_without(part):
            return part
    return None
