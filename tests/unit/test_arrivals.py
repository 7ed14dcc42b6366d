"""Arrivals: the rate is met, in order, and one actor's draws are its own."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sim.traffic.arrivals import TROUGH_TO_MEAN, Curve, arrivals, rng, steady

CURVE = Curve(mean_rps=240, day_s=480)


def test_the_curve_has_its_trough_peak_and_mean_where_they_belong() -> None:
    assert CURVE.rate_rps(0) == pytest.approx(146)
    assert CURVE.rate_rps(240) == pytest.approx(2 * 240 - 146) == pytest.approx(CURVE.peak_rps)
    assert CURVE.expected(480) == pytest.approx(240 * 480)
    assert Curve(240, 480, begin_at=0.5).rate_rps(0) == pytest.approx(CURVE.peak_rps)
    assert CURVE.rate_rps(0) / CURVE.mean_rps == pytest.approx(TROUGH_TO_MEAN)


@pytest.mark.parametrize("begin_at", [0.0, 0.25, 0.5])
@pytest.mark.parametrize("until_s", [60.0, 480.0])
def test_as_many_come_as_the_curve_says(begin_at: float, until_s: float) -> None:
    curve = Curve(240, 480, begin_at)
    came = len(list(arrivals(rng(7, "all", "arrivals"), curve, 1.0, until_s)))
    expected = curve.expected(until_s)
    assert abs(came - expected) < 4 * expected**0.5  # four standard deviations of a Poisson count


def test_they_come_when_the_curve_is_high() -> None:
    came = list(arrivals(rng(7, "all", "arrivals"), CURVE, 0.5, 480))
    low = sum(t < 48 or t >= 432 for t in came)
    high = sum(192 <= t < 288 for t in came)
    low_expected = 0.5 * (CURVE.expected(48) + CURVE.expected(480) - CURVE.expected(432))
    assert low == pytest.approx(low_expected, rel=0.1)
    assert high == pytest.approx(0.5 * (CURVE.expected(288) - CURVE.expected(192)), rel=0.1)
    assert high > 2 * low


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 2**40), st.floats(0.0, 1.0), st.floats(0.1, 30.0))
def test_in_order_within_the_horizon_and_repeatable(seed: int, share: float, horizon_s: float) -> None:
    once = list(arrivals(rng(seed, "a", "arrivals"), CURVE, share, horizon_s))
    assert once == list(arrivals(rng(seed, "a", "arrivals"), CURVE, share, horizon_s))
    assert all(a < b for a, b in pairwise(once)) and all(0 <= t < horizon_s for t in once)


def test_every_actor_and_purpose_has_draws_of_its_own() -> None:
    draws = {rng(seed, actor, purpose).random() for seed in (1, 2) for actor in ("a", "b") for purpose in ("x", "y")}
    assert len(draws) == 8


def test_steady_is_steady() -> None:
    assert len(list(steady(rng(3, "a", "b"), 100, 100))) == pytest.approx(10_000, rel=0.05)
    assert list(steady(rng(3, "a", "b"), 0, 100)) == []
