"""The project's own scenarios, inheritance, and the resolved copy of the run folder."""

import pytest

from sim.errors import BadInput
from sim.scenario import Anchor, Fault, find_scenario, load_scenario, load_text, resolved, scenario_files

FILES = scenario_files()
TEN = "10-upgrade-b-capture-replay"


def write(folder, text, name="mine.yaml"):
    path = folder / name
    path.write_text(text)
    return path


@pytest.mark.parametrize("path", FILES, ids=lambda p: p.stem)
def test_every_scenario_loads_and_is_held_to_its_expect(path):
    scenario = load_scenario(path)
    assert scenario.slug == path.stem
    assert scenario.asks.endswith("?")
    assert scenario.in_place or scenario.runbook[-1].role in ("close", "verify")
    assert scenario.notes == ()


def test_only_few_are_played_by_every_test():
    assert [load_scenario(path).slug[:2] for path in FILES if load_scenario(path).ci] == ["10", "11", "12", "13", "14"]


@pytest.mark.parametrize("path", FILES, ids=lambda p: p.stem)
def test_the_resolved_copy_loads_back_to_an_equal_scenario(path, tmp_path):
    scenario = load_scenario(path)
    copy = load_scenario(write(tmp_path, resolved(scenario), "scenario.yaml"))
    assert copy == scenario
    assert copy.slug == path.stem
    assert resolved(copy) == resolved(scenario)
    assert "extends" not in resolved(scenario)


def test_scenario_ten_says_what_the_format_promises():
    ten = load_scenario(TEN)
    assert [s.name for s in ten.runbook] == [
        "baseline",
        "lifetime",
        "capture",
        "copy",
        "cleanup",
        "migrate",
        "repair",
        "cutover",
        "replay",
        "soak",
        "verify",
        "close",
    ]
    assert (ten.tokens.access, ten.tokens.refresh) == (15.0, 2_592_000.0)
    assert (ten.traffic.rate, ten.traffic.day, ten.traffic.begin_at, ten.traffic.client_timeout) == (
        240.0,
        1440.0,
        0.0,
        5.0,
    )
    assert sum(ten.traffic.mix.values()) == pytest.approx(1)
    assert (ten.stack.edge.coalescing, ten.stack.edge.buffer, ten.stack.edge.buffer_max) == (10.0, 3.0, 2000)
    assert (ten.step("migrate").deadline, ten.step("copy").deadline, ten.step("verify").sample) == (120.0, 300.0, 500)
    gap = ten.tolerate["revocation.longest_gap"]
    assert (gap.max, gap.unit, gap.because) == (5.0, "s", "from the switch to the end of replay")
    assert ten.tolerate["session_continuity.lost_chains"].unit == "share"
    assert ten.tolerate["login_continuity.browser_sessions"].max == "all"
    assert ten.tolerate["latency.introspect_p99_to_baseline"].unit == "times"


def test_what_the_others_change_and_nothing_else():
    ten, eleven, twelve, thirteen, fourteen = (load_scenario(n) for n in ("10", "11", "12", "13", "14"))
    assert {s.name for s in ten.runbook} - {s.name for s in eleven.runbook} == {"capture", "replay"}
    assert not eleven.step("soak").capture_back
    assert twelve.runbook == ten.runbook
    cut = twelve.faults[0]
    assert (cut.fault, cut.link, cut.at, cut.for_) == ("down", "edge->queue", Anchor("copy", 0.0), 10.0)
    assert (twelve.stack.edge.queue_down, thirteen.stack.edge.queue_down) == ("fail_closed", "fail_open")
    assert thirteen.faults == [cut.model_copy(update={"for_": 5.0})]
    assert (fourteen.step("capture").record, fourteen.step("replay").by) == ("request", "token")
    assert [str(s.expect.kind) for s in (ten, eleven, twelve, thirteen, fourteen)] == ["held", *["named"] * 4]
    assert len({s.seed for s in (ten, eleven, twelve, thirteen, fourteen)}) == 5


def test_what_is_made_on_a_part_is_written_without_a_direction():
    twelve = load_scenario("12")
    frozen = Fault(name="frozen", fault="pause", part="queue", at=Anchor("copy", 1.0))
    scenario = twelve.model_copy(update={"faults": [*twelve.faults, frozen]})
    text = resolved(scenario, seed=12)
    assert text.count("stream: downstream") == 1 and load_text(text).faults == scenario.faults


@pytest.mark.parametrize("name", ["10", TEN, f"{TEN}.yaml", "10-up"])
def test_a_scenario_is_found_by_number_name_or_prefix(name):
    assert find_scenario(name).stem == TEN


def test_an_ambiguous_prefix_names_the_candidates():
    with pytest.raises(BadInput, match=r"fits several scenarios: 10-.*, 11-"):
        find_scenario("1")


def test_an_unknown_name_lists_or_suggests():
    with pytest.raises(BadInput) as raised:
        find_scenario("10-upgrade-b-capture-reply")
    assert raised.value.todo == f"did you mean {TEN}?"


GAME_DAY = f"""\
format: 1
extends: {TEN}
title: "Game day 1: the queue goes while we migrate"
asks: Does the team notice a dead capture before the cutover, and does it stop?
seed: random
stack:
  override: our-stack.yaml
population: {{grants: 200000, extra_sql: odd-rows.sql}}
change:
  copy: {{exec: [./ops/copy.sh], undo: [./ops/drop-green.sh], verify: [./ops/count.sh], deadline: 10m}}
  cutover: {{gate: {{ask: "Cut over to 2.3.0?", who: lead, timeout: 5m, on_timeout: postpone, unattended: refuse}}}}
  migrate: {{deadline: 5m}}
insert:
  - {{before: cutover, manual: Freeze deploys and write down the change number, who: operator, deadline: 3m}}
faults:
  - {{name: slow-green, fault: latency, link: green-hydra->green-postgres, latency: 250ms, at: soak + 5s, for: 10s}}
guards:
  - {{when: availability.failed_share > 1%, for: 3s, then: rollback}}
  - {{when: revocation.oldest_wait > 2m, for: 0s, then: pause}}
tolerate: {{write_loss.grants: {{max: 400, because: the window is 130 s}}}}
gameday:
  roles: {{lead: decides and approves}}
  goals: ["dead queue noticed in 60 s"]
  card:
    - {{name: queue-gone, fault: down, link: edge->queue, at: migrate + 20s, for: 90s, noticed_in: 60s, hope: hold}}
expect: open
"""


@pytest.fixture
def game_day(tmp_path):
    for name in ("our-stack.yaml", "odd-rows.sql", "ops/copy.sh", "ops/drop-green.sh", "ops/count.sh"):
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.touch()
    return write(tmp_path, GAME_DAY)


def test_a_file_of_ones_own_amends_by_step_name(game_day, tmp_path):
    scenario = load_scenario(game_day)
    names = [s.name for s in scenario.runbook]
    assert names[names.index("cutover") - 1] == "manual"
    copy = scenario.step("copy")
    assert (copy.kind, copy.role, copy.deadline) == ("exec", "copy", 600.0)
    assert copy.exec == [str(tmp_path / "ops/copy.sh")]
    assert copy.undo == [str(tmp_path / "ops/drop-green.sh")]
    gate = scenario.step("cutover").gate
    assert (gate.who, gate.timeout, gate.on_timeout, gate.unattended) == ("lead", 300.0, "postpone", "refuse")
    assert scenario.step("cutover").switch == ["edge", "login_consent", "authz"]
    assert scenario.step("migrate").analyze is True
    first, second = scenario.guards
    assert (first.figure, first.op, first.limit, first.for_, first.then) == (
        "availability.failed_share",
        ">",
        0.01,
        3.0,
        "rollback",
    )
    assert (second.figure, second.limit) == ("revocation.oldest_wait", 120.0)
    assert scenario.faults[0].at == Anchor("soak", 5.0)
    assert scenario.tolerate["write_loss.grants"].max == 400
    assert scenario.tolerate["revocation.longest_gap"].max == 5
    assert scenario.stack.override == str(tmp_path / "our-stack.yaml")
    assert scenario.seed is None
    assert scenario.expect.kind == "open"
    assert [s.name for s in scenario.surprises] == ["queue-gone"]


def test_a_stored_copy_loads_when_its_files_are_gone(game_day, tmp_path):
    scenario = load_scenario(game_day)
    stored = write(tmp_path, resolved(scenario, seed=77), "scenario.yaml")
    for name in ("our-stack.yaml", "odd-rows.sql"):
        (tmp_path / name).unlink()
    copy = load_scenario(stored)
    assert copy.seed == 77
    assert copy.model_copy(update={"seed": None}) == scenario


def test_files_count_from_the_file_that_names_them(tmp_path):
    (tmp_path / "base").mkdir()
    (tmp_path / "base" / "rows.sql").touch()
    write(tmp_path / "base", f"format: 1\nextends: {TEN}\nchange: {{cleanup: {{rows: rows.sql}}}}\n", "base.yaml")
    mine = write(tmp_path, "format: 1\nextends: base/base.yaml\ntitle: two levels\n")
    assert load_scenario(mine).step("cleanup").rows == str(tmp_path / "base" / "rows.sql")


def test_lists_replace_and_maps_merge(tmp_path):
    write(
        tmp_path,
        f"format: 1\nextends: {TEN}\nstack: {{edge: {{buffer: 1s}}}}\nfaults:\n"
        "  - {name: a, fault: down, link: edge->queue, at: copy}\n",
        "base.yaml",
    )
    mine = load_scenario(write(tmp_path, "format: 1\nextends: base\nstack: {edge: {coalescing: 0s}}\nfaults: []\n"))
    assert (mine.stack.edge.buffer, mine.stack.edge.coalescing) == (1.0, 0.0)
    assert mine.faults == []


def test_edges_that_do_not_share_their_answers_are_noted():
    (note,) = load_scenario("10", sets=["stack.edge.instances=2"]).notes
    assert "answers: shared" in note
    assert not load_scenario("10").notes and not load_scenario("26").notes
    assert not load_scenario("10", sets=["stack.edge.instances=2", "stack.edge.coalescing=0s"]).notes


def test_a_runbook_replaces_the_inherited_one(tmp_path):
    mine = load_scenario(write(tmp_path, f"format: 1\nextends: {TEN}\nrunbook: [{{baseline: {{for: 10m}}}}]\n"))
    assert [s.name for s in mine.runbook] == ["baseline"]
    assert mine.runbook[0].deadline == 900.0, "the default deadline makes room for the step's own time"


def test_yaml_12_keeps_on_off_and_sexagesimals_as_text(tmp_path):
    mine = load_scenario(write(tmp_path, f"format: 1\nextends: {TEN}\ntitle: on\nstands_for: {{20s: 1:30, on: off}}\n"))
    assert (mine.title, mine.stands_for) == ("on", {"20s": "1:30", "on": "off"})
