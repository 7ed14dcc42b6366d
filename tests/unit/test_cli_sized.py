"""What a scenario is too small for is said before it is played."""

from __future__ import annotations

import pytest

from sim.cli.app import call
from sim.cli.sized import notes
from sim.scenario import load_scenario, scenario_files


def test_no_shipped_scenario_is_too_small() -> None:
    for path in scenario_files():
        assert not [note for note in notes(load_scenario(str(path))) if "baseline" in note], path


def test_a_baseline_too_short_for_its_latency_is_told_with_one_that_is_long_enough() -> None:
    (note,) = notes(load_scenario("10", sets=["traffic.rate=100/s"]))
    assert "about 404 introspections" in note and "runbook.baseline.for=13s" in note
    assert notes(load_scenario("10", sets=["traffic.rate=100/s", "runbook.baseline.for=13s"])) == []


def test_it_is_said_by_validate_and_where_nothing_limits_the_latency_it_is_not(
        capfd: pytest.CaptureFixture[str]) -> None:
    assert call(["validate", "10", "--set", "traffic.rate=60/s"]) == 0
    assert "note: 10-upgrade-b-capture-replay: the baseline of 10 s" in capfd.readouterr().err
    assert call(["validate", "20", "--set", "traffic.rate=60/s"]) == 0
    assert "baseline" not in capfd.readouterr().err
