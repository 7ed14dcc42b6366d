"""A scenario written as its difference to another: it means the same, and is short."""

from __future__ import annotations

import pytest

from sim.scenario import load_text, resolved, scenario_files
from sim.scenario.difference import as_difference

FAULT = "faults: [{name: a, fault: down, link: edge->queue, at: copy, for: 2s}]\n"


@pytest.mark.parametrize(("own", "holds", "lacks"), [
    ("title: Mine\n" + FAULT, "extends: 10-upgrade-b-capture-replay", "runbook"),
    ("change: {copy: {jobs: 3}}\n" + FAULT, "change:", "runbook"),
    ("remove: [repair]\n" + FAULT, "extends: 10-upgrade-b-capture-replay\n", "runbook"),
    ("runbook: [{baseline: {for: 4s}}]\ntolerate: {}\nexpect: open\n", "remove: [lifetime,", "runbook"),
    ("tolerate: {availability.failed: {max: 3, because: mine}}\n", "availability.failed", "write_loss"),
    ("expect: {revocation: broken}\n", "revocation: broken", "runbook"),
])
def test_it_loads_back_to_the_same_and_says_only_what_differs(own: str, holds: str, lacks: str) -> None:
    scenario = load_text(f"format: 1\nextends: 10\n{own}", name="mine.yaml")
    text = as_difference(scenario)
    assert resolved(load_text(text, name="mine.yaml"), seed=1) == resolved(scenario, seed=1)
    assert holds in text and lacks not in text


def test_what_extends_nothing_of_ours_is_written_whole() -> None:
    scenario = load_text("format: 1\ntitle: Alone\nasks: What?\nrunbook: [{baseline: {for: 3s}}]\nexpect: open\n",
                         name="mine.yaml")
    text = as_difference(scenario)
    assert resolved(load_text(text, name="mine.yaml"), seed=1) == resolved(scenario, seed=1)


def test_each_of_ours_is_one_line() -> None:
    from sim.scenario import load_scenario

    file = scenario_files()[-1]
    assert f"extends: {file.stem}" in as_difference(load_scenario(file))
