"""Quantities: what is read, what is refused, and that every text reads back exactly."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sim.scenario import quantities as q


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("250ms", 0.25), ("20s", 20.0), ("5m", 300.0), ("2h", 7200.0), ("0s", 0.0), ("1.5h", 5400.0), ("20 s", 20.0)],
)
def test_durations_are_seconds(text, seconds):
    assert q.duration(text) == seconds


@pytest.mark.parametrize(
    ("read", "text", "number"),
    [
        (q.rate, "240/s", 240.0),
        (q.rate, "0.5/s", 0.5),
        (q.share, "83%", 0.83),
        (q.share, "0.5%", 0.005),
        (q.share, "100%", 1.0),
        (q.size, "64MiB", 64 * 2**20),
        (q.size, "10kB", 10_000),
        (q.flow, "64KiB/s", 65536.0),
        (q.offset, "+30s", 30.0),
        (q.offset, "-1h", -3600.0),
    ],
)
def test_other_quantities(read, text, number):
    assert read(text) == number


@pytest.mark.parametrize(
    ("text", "limit"),
    [
        (60, (60.0, "count")),
        ("60", (60.0, "count")),
        ("5s", (5.0, "s")),
        ("0.5%", (0.005, "share")),
        ("3x", (3.0, "times")),
    ],
)
def test_a_limit_has_its_unit(text, limit):
    assert q.amount(text) == limit


def test_a_bare_number_is_no_duration_and_the_message_says_what_to_write():
    with pytest.raises(ValueError, match="a bare number is not a duration: write 20s, 20m or 20h"):
        q.duration(20)


@pytest.mark.parametrize("raw", ["20", "1:30", "3d", "-5s", "s", "", "5 minutes", None, True, [1], "1e3s", "٣s٣"])
def test_what_is_no_duration_is_refused(raw):
    with pytest.raises(ValueError, match="is not a duration"):
        q.duration(raw)


@pytest.mark.parametrize(
    ("read", "raw"),
    [
        (q.rate, 240),
        (q.rate, "240"),
        (q.share, 5),
        (q.share, "5"),
        (q.share, "101%"),
        (q.size, 64),
        (q.size, "64MB/s"),
        (q.flow, "64KiB"),
        (q.amount, "5/s"),
        (q.amount, True),
    ],
)
def test_what_has_no_unit_or_a_wrong_one_is_refused(read, raw):
    with pytest.raises(ValueError):
        read(raw)


@given(st.floats(min_value=0, max_value=1e7, allow_nan=False).map(lambda v: round(v, 6)))
def test_every_duration_reads_back_exactly(seconds):
    assert q.duration(q.duration_text(seconds)) == seconds
    assert q.offset(q.offset_text(seconds)) == seconds and q.offset(q.offset_text(-seconds)) == -seconds


@given(st.floats(min_value=0, max_value=1, allow_nan=False).map(lambda v: round(v, 9)))
def test_every_share_reads_back_exactly(fraction):
    assert q.share(q.share_text(fraction)) == fraction


@given(st.integers(min_value=0, max_value=2**45))
def test_every_size_reads_back_exactly(number):
    assert q.size(q.size_text(number)) == number
    assert q.flow(q.flow_text(float(number))) == number


@pytest.mark.parametrize(
    ("seconds", "text"), [(0.25, "250ms"), (20, "20s"), (90, "90s"), (300, "5m"), (7200, "2h"), (0, "0s")]
)
def test_durations_are_written_as_a_person_would(seconds, text):
    assert q.duration_text(seconds) == text
