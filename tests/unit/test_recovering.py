"""Recovery: the figure back within the baseline's worst second for five seconds on end."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sim.report.recovering import WELL_S, Recovery, Signs, bound, recovery


def series(text: str, begin: int = 0) -> dict[int, float]:
    """`..x.` a second each: `.` well, `x` bad, `_` nobody asked."""
    return {begin + n: {".": 0.0, "x": 9.0}[c] for n, c in enumerate(text) if c != "_"}


def played(text: str, made_s: float, healed_s: float) -> Recovery:
    return recovery(series(text), 1.0, made_s, healed_s, len(text))


@pytest.mark.parametrize(("text", "made_s", "healed_s", "well_s"), [
    ("..xxx.....", 2.0, 4.0, 5.0),
    ("..xxx.....", 2.4, 4.0, 5.0),
    ("..xx......xx.....", 2.0, 11.0, 12.0),  # a relapse under the fault
    ("..xx.......", 2.0, math.inf, 4.0),  # the team went round it: still on, and yet well
    ("..xx...x.....", 2.0, 3.0, 8.0),  # a relapse before five seconds were over
    ("..xx.....x.....", 2.0, 3.0, 4.0),  # after five seconds it is another story
    ("....xx.....", 2.0, 5.0, 6.0),  # felt later than made
    ("..xx_.....", 2.0, 3.0, 5.0),  # nobody asked for a second: nothing is said of it
])
def test_it_has_recovered_at_the_end_of_its_last_bad_second(text: str, made_s: float, healed_s: float,
                                                            well_s: float) -> None:
    assert played(text, made_s, healed_s) == Recovery(True, 9.0, well_s)


@pytest.mark.parametrize("text", ["..xx....", "..xxxx", "..xx..__...", "..xx" + "_" * 9])
def test_without_five_seconds_in_which_it_is_seen_well_it_has_not(text: str) -> None:
    assert played(text, 2.0, 3.0) == Recovery(True, 9.0, None)


@pytest.mark.parametrize("text", ["...........", "xx.........", "..____....."])
def test_what_never_left_its_baseline_was_not_hurt(text: str) -> None:
    assert played(text, 2.0, 4.0) == Recovery(False, 0.0, None)


def test_it_is_compared_with_the_worst_whole_second_of_the_baseline() -> None:
    found = {3: 5.0, 4: 1.0, 5: 2.0, 6: 7.0, 7: 3.0}
    assert bound(found, 3.5, 7.0) == 7.0
    assert bound(found, 3.5, 6.9) == 2.0, "a second that is cut is none"
    assert bound(found, 8.0, 20.0) is None
    assert recovery({n: 2.0 for n in range(10)}, 2.0, 1.0, 2.0, 10.0).hurt is False, "as bad as the baseline is within"


@given(st.text("x._", min_size=1, max_size=60), st.integers(0, 20), st.integers(0, 30))
def test_whatever_happens_it_is_said_well_only_where_five_seconds_follow(text: str, made: int, lasts: int) -> None:
    came = played(text, float(made), float(made + lasts))
    assert came.hurt == ("x" in text[made:]) or (not came.hurt and came.well_s is None)
    if came.well_s is not None:
        at = int(came.well_s)
        assert came.hurt and at > made and text[at - 1] != "." and text[at:at + WELL_S] == "." * WELL_S


def test_calls_are_counted_in_the_second_in_which_they_were_due() -> None:
    signs = Signs()
    for n in range(100):
        signs.feed("introspect", 1.005 * 1 + n / 1000, 1.1 + n / 1000, failed=False, shed=False)
    signs.feed("introspect", 2.2, 7.2, failed=True, shed=False)
    signs.feed("revoke", 2.3, 2.4, failed=False, shed=True)
    signs.feed("introspect", 2.4, 6.4, failed=False, shed=False)
    signs.feed("refresh", 2.5, 2.9, failed=False, shed=False)
    assert signs.series("availability.failed_share") == {1: 0.0, 2: 0.25}
    assert signs.series("availability.shed") == {1: 0.0, 2: 1.0}
    late = signs.series("latency.introspect_p99")
    assert late[1] == pytest.approx(0.095) and late[2] == pytest.approx(4.0), "of answered introspections alone"
    assert signs.broke(2.0, 3.0) == 2 and signs.broke(3.0, 9.0) == 0
    with pytest.raises(KeyError):
        signs.series("revocation.uses")
