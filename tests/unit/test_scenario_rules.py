"""The order of steps: each rule is broken once, and says why."""

import pytest

from sim.scenario import BadScenario, load_text
from sim.scenario.order import BEFORE, NEEDS

HEAD = "format: 1\ntitle: t\nasks: q?\nrunbook: "

GOOD = ("[baseline, preflight, lifetime, capture, copy, cleanup, migrate, repair, cutover, replay, janitor, soak, "
        "restore, verify, close]")
JOB = "stack: {authz: {cleanup: {every: 5s}}}"
ORDER = GOOD.strip("[]").split(", ")


def problems(runbook, more=""):
    try:
        load_text(f"{HEAD}{runbook}\n{more}")
    except BadScenario as error:
        return [p.what for p in error.problems]
    return []


def test_the_whole_order_is_right():
    assert problems(GOOD, JOB) == []


def test_a_restore_needs_a_job_that_deletes():
    assert any("restore without a cleanup job" in p for p in problems(GOOD))


@pytest.mark.parametrize(("earlier", "later", "why"), BEFORE)
def test_a_step_before_the_one_it_follows(earlier, later, why):
    steps = [s for s in (["upgrade", *ORDER] if earlier == "upgrade" else ORDER) if s != later]
    steps.insert(steps.index(earlier), later)
    found = problems("[" + ", ".join(steps) + "]", JOB)
    assert f"{later} stands before {earlier}: {why}" in found


@pytest.mark.parametrize(("step", "needed", "why"), NEEDS)
def test_a_step_without_what_it_needs(step, needed, why):
    steps = [s for s in ORDER if s != needed]
    found = problems("[" + ", ".join(steps if step in steps else [*steps[:-1], step, steps[-1]]) + "]", JOB)
    assert f"{step} without {needed}: {why}" in found


@pytest.mark.parametrize(
    ("runbook", "what"),
    [
        ("[baseline, close, soak: {for: 1s}]", "close is not the last step"),
        ("[baseline, baseline]", "two steps are named `baseline`"),
        ("[copy, {copy: {name: copy-2}}]", "copy stands twice"),
        ("[{baseline: {name: switch}}]", "`switch` is an instant's name"),
        (
            "[capture, copy, migrate, cutover, {replay: {by: token}}]",
            "replay by token does not fit capture record: grant",
        ),
        ("[{capture: {record: request}}, copy, migrate, cutover, replay]", "replay by grant does not fit"),
        ("[{copy: {by: template}}]", "by template is not possible while blue serves"),
        ("[copy, migrate, cutover, {soak: {capture_back: true}}]", "capture_back without capture"),
        ("[{exec: [x], undo: [y], point_of_no_return: true}]", "is no point of no return"),
        ("[{lifetime: {access: 10s}}]", "the lifetime is not raised"),
        ("[upgrade, copy]", "upgrade: blue begins as the version that it is"),
        ("[{writes: {allowed: false}}, copy]", "writes are refused and never allowed again"),
        ("[{writes: {allowed: true}}, copy]", "writes are allowed already"),
    ],
)
def test_other_rules(runbook, what):
    assert any(what in found for found in problems(runbook))


def test_an_own_step_takes_the_place_of_the_one_it_is_named_after():
    copy = "{exec: [cp, a, b], undo: [rm, b], name: copy}"
    assert problems(f"[capture, {copy}, migrate, cutover, replay]") == []
    assert any("copy stands before capture" in p for p in problems(f"[{copy}, capture, migrate, cutover, replay]"))


def test_buffered_replay_needs_a_buffer():
    found = problems("[capture, copy, migrate, cutover, {replay: {traffic: buffered}}]", "stack: {edge: {buffer: 0s}}")
    assert any("stack.edge.buffer is 0s" in p for p in found)
