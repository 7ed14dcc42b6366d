"""Delta debugging: what is left breaks, and nothing of it can be left out."""

from __future__ import annotations

from random import Random

from hypothesis import given
from hypothesis import strategies as st

from sim.faults.shrinking import Enough, shrink

ITEMS = st.integers(0, 14)


class Fake:
    """An oracle that counts, never answers twice, and may have had enough."""

    def __init__(self, says: object, most: int = 10**6) -> None:
        self.says, self.most = says, most
        self.asked: list[tuple[int, ...]] = []

    def __call__(self, some: tuple[int, ...]) -> bool:
        assert some not in self.asked, "asked twice"
        if len(self.asked) >= self.most:
            raise Enough
        self.asked.append(some)
        return bool(self.says(some))  # type: ignore[operator]


@given(ITEMS, st.sets(st.integers(0, 13), max_size=5))
def test_exactly_what_is_needed_is_left(n: int, needed: set[int]) -> None:
    needed = {k for k in needed if k < n}
    fake = Fake(lambda some: needed <= set(some))
    shrunk = shrink(range(n), fake)
    assert shrunk.kept == tuple(sorted(needed)) and shrunk.is_minimal
    assert len(fake.asked) <= n * n + 3 * n + 1, "the paper's bound"


@given(ITEMS, st.integers(0, 2**31), st.floats(0.05, 0.95))
def test_whatever_the_oracle_says_nothing_can_be_left_out(n: int, seed: int, share: float) -> None:
    """Two faults may hide each other: an oracle need not be monotone."""
    def says(some: tuple[int, ...]) -> bool:
        return len(some) == n or Random(f"{seed}{some}").random() < share

    shrunk = shrink(range(n), Fake(says))
    assert shrunk.is_minimal and says(shrunk.kept)
    assert list(shrunk.kept) == sorted(shrunk.kept), "in the order given"
    assert not any(says(shrunk.kept[:k] + shrunk.kept[k + 1:]) for k in range(len(shrunk.kept)))


@given(st.integers(1, 14), st.sets(st.integers(0, 13), min_size=1, max_size=4), st.integers(0, 30))
def test_stopped_at_any_time_the_best_so_far_is_kept(n: int, needed: set[int], most: int) -> None:
    needed = {k % n for k in needed}
    fake = Fake(lambda some: needed <= set(some), most)
    shrunk = shrink(range(n), fake)
    assert needed <= set(shrunk.kept) and len(fake.asked) <= most
    said_yes = [some for some in fake.asked if needed <= set(some)]
    assert len(shrunk.kept) == min((len(some) for some in said_yes), default=n)
    if shrunk.is_minimal:
        assert set(shrunk.kept) == needed


def test_what_breaks_without_any_of_them_is_not_theirs() -> None:
    fake = Fake(lambda some: True)
    assert shrink("abc", fake) == ((), True) and fake.asked == [()]  # type: ignore[comparison-overlap]
    assert shrink((), Fake(lambda some: False)) == ((), True)
