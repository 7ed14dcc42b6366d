"""--set addresses anything, steps and figures by name, and is told like a line of a file."""

import pytest

from sim.scenario import BadScenario, load_scenario, resolved


def ten(*sets):
    return load_scenario("10", sets=list(sets))


@pytest.mark.parametrize(
    ("text", "read", "value"),
    [
        ("runbook.copy.jobs=4", lambda s: s.step("copy").jobs, 4),
        ("runbook.capture.record=grant", lambda s: s.step("capture").record, "grant"),
        ("runbook.migrate.deadline=7m", lambda s: s.step("migrate").deadline, 420.0),
        ("tolerate.revocation.longest_gap.max=0s", lambda s: s.tolerate["revocation.longest_gap"].max, 0.0),
        ("stack.edge.queue_down=fail_open", lambda s: s.stack.edge.queue_down, "fail_open"),
        ("population.clients={web: 3}", lambda s: s.population.clients.web, 3),
        ("seed=random", lambda s: s.seed, None),
        ("expect.availability.shed=>= 1", lambda s: str(s.expect), "availability.shed >= 1"),
        ("expect={revocation: broken}", lambda s: s.expect.checks, {"revocation": "broken"}),
        ("title=one: two", lambda s: s.title, "one: two"),
        ("runbook.cutover.gate={ask: Go?}", lambda s: s.step("cutover").gate.ask, "Go?"),
        ("stands_for.20s=2h", lambda s: s.stands_for["20s"], "2h"),
    ],
)
def test_anything_can_be_set(text, read, value):
    assert read(ten(text)) == value


def test_a_new_tolerance_can_be_set_whole():
    scenario = ten("tolerate.availability.shed={max: 9, because: said here}")
    assert (scenario.tolerate["availability.shed"].max, scenario.tolerate["availability.shed"].because) == (
        9,
        "said here",
    )


def test_the_last_one_counts():
    assert ten("seed=1", "seed=2").seed == 2


def test_faults_are_addressed_by_name():
    assert load_scenario("12", sets=["faults.queue-gone.for=3s"]).faults[0].for_ == 3.0


def test_what_was_set_is_in_the_resolved_copy(tmp_path):
    scenario = ten("runbook.copy.jobs=7")
    path = tmp_path / "scenario.yaml"
    path.write_text(resolved(scenario))
    assert load_scenario(path).step("copy").jobs == 7


@pytest.mark.parametrize(
    ("text", "column", "what", "todo"),
    [
        ("runbook.coppy.jobs=4", 9, "there is no `coppy` here", "did you mean copy?"),
        ("runbook.copy.jbos=4", 14, "no key `jbos` in the step `copy`", "did you mean jobs?"),
        ("runbook.copy.jobs=four", 19, "`four` is not a whole number", ""),
        ("runbook.copy=4", 9, "a whole entry cannot be set", "copy.KEY=value"),
        ("stack.edge.coalescing=5", 23, "a bare number is not a duration", "write 5s"),
        ("tolerat=1", 1, "there is no key `tolerat`", "did you mean tolerate?"),
        ("tolerate.write_loss.consents.max=3", 10, "`because` is missing", "say why"),
        ("seed.x=1", 6, "deeper than the scenario", ""),
        ("nonsense", 1, "--set needs key=value", "runbook.copy.jobs=4"),
        ("=4", 1, "--set needs key=value", ""),
        ("tokens={access: 3s", 19, "this is not YAML", ""),
        ("population.extra_sql=/nowhere.sql", 22, "there is no file", ""),
    ],
)
def test_a_mistake_in_a_set_is_told_with_its_column(text, column, what, todo):
    with pytest.raises(BadScenario) as raised:
        ten(text)
    problem = raised.value.problems[0]
    assert what in problem.what
    assert todo in problem.todo
    assert (problem.place.source.name, problem.place.line, problem.place.column) == ("--set", 1, column)
    if what != "this is not YAML":
        assert text in str(raised.value)
