"""A scenario's fault as Toxiproxy's toxic: its units, what a probe must see, the seeded jitter."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sim.faults.toxics import SEEN_SHARE, as_op, jittered, toxic
from sim.scenario import Fault


def fault(kind: str, **more: Any) -> Fault:
    return Fault.model_validate({"name": "f", "fault": kind, "link": "edge->queue", "at": "copy", **more})


@pytest.mark.parametrize(("made", "attributes", "effect", "least_s"), [
    (fault("latency", latency="200ms"), {"latency": 200, "jitter": 0}, "slower", 0.16),
    (fault("latency", latency="1.5s", jitter="500ms"), {"latency": 1500, "jitter": 0}, "slower", 0.8),
    (fault("latency", latency="100ms", jitter="300ms"), {"latency": 100, "jitter": 0}, "slower", 0.0),
    (fault("bandwidth", rate="64KB/s"), {"rate": 64}, "slower", 0.0),
    (fault("bandwidth", rate="10B/s"), {"rate": 1}, "slower", 0.0),
    (fault("slow_close", delay="2s"), {"delay": 2000}, "slower", 0.0),
    (fault("timeout"), {"timeout": 0}, "no_answer", 0.0),
    (fault("timeout", timeout="3s"), {"timeout": 3000}, "no_answer", 0.0),
    (fault("reset_peer"), {"timeout": 0}, "refused", 0.0),
    (fault("slicer", average_size="100B", size_variation="20B", delay="5ms"),
     {"average_size": 100, "size_variation": 20, "delay": 5000}, "slower", 0.004),
    (fault("limit_data", bytes="1KB"), {"bytes": 1000}, "no_answer", 0.0),
    (fault("down"), {}, "refused", 0.0),
])
def test_toxiproxy_s_own_units(made: Fault, attributes: dict[str, int], effect: str, least_s: float) -> None:
    """ms, KB/s, bytes, and microseconds for the slicer's delay."""
    told = toxic(made)
    assert (told.kind, told.attributes, told.effect) == (made.fault, attributes, effect)
    assert told.least_delay_s == pytest.approx(least_s, abs=1e-6)
    assert all(isinstance(value, int) for value in told.attributes.values())


def test_a_probe_need_not_see_more_than_the_smallest_delay_there_can_be() -> None:
    made = fault("latency", latency="1s", jitter="400ms")
    least_s = min(jittered(made, 10, n)["latency"] for n in range(500)) / 1000
    assert toxic(made).least_delay_s <= least_s * SEEN_SHARE + 1e-3


def test_one_seed_gives_one_schedule_and_another_another() -> None:
    made = fault("latency", latency="500ms", jitter="200ms")
    schedule = [jittered(made, 10, n)["latency"] for n in range(1, 41)]
    assert schedule == [jittered(made, 10, n)["latency"] for n in range(1, 41)]
    assert schedule != [jittered(made, 11, n)["latency"] for n in range(1, 41)]
    assert len(set(schedule)) > 20, "it moves"
    other = made.model_copy(update={"name": "g"})
    assert schedule != [jittered(other, 10, n)["latency"] for n in range(1, 41)], "two faults do not move together"


def test_the_schedule_is_the_same_on_every_machine_and_in_every_process() -> None:
    """Fixed figures: a hash of the interpreter's own or a changed key would move them."""
    made = fault("latency", latency="500ms", jitter="200ms")
    assert [jittered(made, 10, n)["latency"] for n in range(1, 5)] == [410, 414, 565, 316]


@settings(deadline=None)
@given(st.integers(0, 2**31), st.integers(0, 10_000), st.integers(0, 2000), st.integers(0, 2000))
def test_jitter_stays_within_its_width_and_is_never_negative(seed: int, n: int, latency: int, jitter: int) -> None:
    made = fault("latency", latency=f"{latency}ms", jitter=f"{jitter}ms")
    got = jittered(made, seed, n)
    assert max(0, latency - jitter) <= got["latency"] <= latency + jitter
    assert got["jitter"] == 0, "Toxiproxy's own randomness is never used"


def test_the_op_says_what_where_and_what_must_be_seen() -> None:
    told = as_op(fault("latency", latency="200ms", **{"for": "30s"}))
    assert told == {"name": "f", "fault": "latency", "link": "edge->queue", "stream": "downstream",
                    "toxic": {"latency": 200, "jitter": 0}, "effect": "slower", "least_delay_s": 0.16,
                    "most_delay_s": 0.2, "for_s": 30.0}
    assert "for_s" not in as_op(fault("down"))
