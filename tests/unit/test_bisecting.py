"""Bisection on hand-made trials: always a minimal set, and the rest passes without it."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sim.rigs.real.bisecting import Aborts, TooMany, offenders, smallest, smallest_removal

Bad = list[frozenset[int]]


class Trial:
    """Aborts if all units of a bad set are there; counts what it was asked."""

    def __init__(self, bad: Bad) -> None:
        self.bad, self.asked = bad, 0
        self.mended: list[int] = []
        self.largest: list[int] = []

    def aborts(self, units: Sequence[int]) -> bool:
        assert len(set(units)) == len(units)
        return any(one <= set(units) - set(self.mended) for one in self.bad)

    async def mend(self, one: list[int]) -> None:
        self.mended.append(one[-1])

    async def __call__(self, units: Sequence[int]) -> bool:
        self.asked += 1
        self.largest.append(len(units))
        return self.aborts(units)


@st.composite
def populations(draw: st.DrawFn) -> tuple[int, Bad]:
    """How many units, and what aborts among them: single units and sets that abort together."""
    count = draw(st.integers(1, 70))
    sets = st.frozensets(st.integers(0, count - 1), min_size=1, max_size=min(4, count))
    return count, draw(st.lists(sets, min_size=1, max_size=6))


@given(populations())
def test_what_is_found_aborts_and_is_minimal(drawn: tuple[int, Bad]) -> None:
    count, bad = drawn
    trial = Trial(bad)
    found = asyncio.run(smallest(range(count), trial))
    assert trial.aborts(found)
    for unit in found:
        assert not trial.aborts([u for u in found if u != unit])


@given(populations())
def test_once_each_set_is_mended_everything_passes(drawn: tuple[int, Bad]) -> None:
    count, bad = drawn
    trial, fresh = Trial(bad), Trial(bad)
    found = asyncio.run(offenders(range(count), trial, most=100, mend=trial.mend))
    assert not trial.aborts(range(count))
    assert len(set(trial.mended)) == len(found), "each set mends another unit"
    for one in found:
        assert fresh.aborts(one)
        assert all(not fresh.aborts([u for u in one if u != unit]) for unit in one)


@given(st.integers(1, 5000), st.data())
def test_one_among_many_costs_a_trial_a_halving(count: int, data: st.DataObject) -> None:
    trial = Trial([frozenset({data.draw(st.integers(0, count - 1))})])
    asyncio.run(smallest(range(count), trial))
    assert trial.asked <= count.bit_length() + 1
    assert all(size <= count // 2 + 1 for size in trial.largest), "no trial is as large as the whole"


def test_nothing_is_found_where_nothing_aborts() -> None:
    trial = Trial([])
    assert asyncio.run(offenders(range(9), trial, most=3, mend=trial.mend)) == [] == trial.mended


def test_it_says_what_it_has_when_there_is_no_end() -> None:
    trial = Trial([frozenset({n}) for n in range(50)])
    with pytest.raises(TooMany) as many:
        asyncio.run(offenders(range(50), trial, most=3, mend=trial.mend))
    assert many.value.found == [[0], [1], [2]]


def test_a_pair_across_the_halves_is_found_although_each_half_passes() -> None:
    pair = Trial([frozenset({3, 61})])
    assert asyncio.run(smallest(range(64), pair)) == [3, 61]


def test_the_smallest_removal_is_the_first_that_helps() -> None:
    async def passes(part: Sequence[int]) -> bool:
        return 7 in part

    asks: Aborts = passes
    assert asyncio.run(smallest_removal([[1], [2, 3], [4, 7], [7, 8, 9]], asks)) == [4, 7]
    assert asyncio.run(smallest_removal([[1], [2]], asks)) is None
