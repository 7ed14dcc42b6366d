"""runbook.md: what really ran, in its step, with times, undo and abort criteria; secrets masked only."""

from __future__ import annotations

import json
import re
import stat
from pathlib import Path

import pytest
from builders import Tale

from sim.checks.verdict import from_json
from sim.history.journal import Journal
from sim.rehearsal import plan_of
from sim.report.earlier import Earlier
from sim.report.files import write_reports
from sim.report.procedure import procedure
from sim.rigs.real.secrets import Secrets
from sim.scenario import Scenario, load_scenario


@pytest.fixture(scope="module")
def ten() -> Scenario:
    return load_scenario("10")


def walked(ten: Scenario) -> Tale:
    """The whole runbook, each step with a command of its own."""
    tale = Tale()
    tale.note("runbook", "plan", steps=plan_of(ten))
    for n, step in enumerate(ten.runbook):
        i = tale.begin("runbook", "step", step=step.name, kind=step.kind)
        tale.note("runbook", "cmd", kind="exec", command=f"do-{step.name} --password ***")
        tale.wait(n)
        tale.end(i, route=None, step=step.name, took_s=n + 0.3)
    return tale.ended()


def section(text: str, name: str) -> str:
    """What stands below a step's heading."""
    found = re.search(rf"^## \d+\. {name}\n(.*?)(?=^## )", text, re.M | re.S)
    assert found is not None, name
    return found[1]


def test_how_long_a_step_took_before_stands_beside_what_it_took_now(ten: Scenario) -> None:
    text = procedure(walked(ten).history(), ten, Earlier({"copy": 2.94, "migrate": 11.0}, 3))
    assert "- took before: 2.9 s, the median of 3 earlier runs of this scenario" in section(text, "copy")
    assert "took before" not in section(text, "repair"), "no earlier run came there"
    assert "the median of the earlier run of" in procedure(walked(ten).history(), ten, Earlier({"copy": 3.0}, 1))


def test_runbook_md_looks_at_the_runs_beside_it(ten: Scenario, tmp_path: Path) -> None:
    history = walked(ten).history()
    for n in (1, 2):
        (tmp_path / str(n)).mkdir()
        write_reports(tmp_path / str(n), history, ten)
        verdict = json.loads((tmp_path / str(n) / "verdict.json").read_text())
        (tmp_path / str(n) / "verdict.json").write_text(json.dumps({**verdict, "scenario": ten.slug}))
    assert "took before" not in (tmp_path / "1" / "runbook.md").read_text()
    copy = section((tmp_path / "2" / "runbook.md").read_text(), "copy")
    took, before = re.findall(r"^- took(?: before)?: ([\d.]+) s", copy, re.M)
    assert (took, before) == ("3.3", "3.0"), "the verdict's phases are measured, a step's own word is this tale's"


def test_every_step_with_its_own_command_time_and_undo(ten: Scenario) -> None:
    text = procedure(walked(ten).history(), ten)
    for n, step in enumerate(ten.runbook):
        own = section(text, step.name)
        assert f"## {n + 1}. {step.name}\n" in text
        assert f"exec: do-{step.name} --password ***" in own
        assert [other.name for other in ten.runbook if f"do-{other.name} " in own] == [step.name]
        told = plan_of(ten)[n]
        assert f"- took: {n}.3 s" in own
        assert f"- undo: {told['undo']}" in own and f"- needs: {told['needs']}" in own
        assert f"- an abort here costs: {told['abort_costs']}" in own
        assert f"- deadline: {step.deadline:g} s" in own


def test_the_head_says_which_run_it_was(ten: Scenario) -> None:
    text = procedure(walked(ten).history(), ten)
    assert text.startswith(f"# {ten.title}\n\n{ten.asks}\n")
    assert f"Scenario `{ten.slug}`, seed 1, engine test" in text and "2026-01-01T00:00:00Z" in text
    assert "Secrets are masked" in text


def test_abort_criteria_are_guards_and_tolerances_with_reasons(ten: Scenario) -> None:
    text = procedure(walked(ten).history(), ten)
    criteria = text.split("## Abort criteria")[1]
    assert ten.tolerate
    for name, tolerance in ten.tolerate.items():
        assert f"- tolerated: `{name}` up to {tolerance.written()} because {tolerance.because}" in criteria
    for guard in ten.guards:
        assert f"`{guard.when}`" in criteria and f"then {guard.then}" in criteria


def test_a_command_is_shown_once_though_it_ran_often(ten: Scenario) -> None:
    tale = Tale()
    i = tale.begin("runbook", "step", step="copy", kind="copy")
    for _ in range(3):
        tale.note("runbook", "cmd", kind="sql", command="SELECT 1")
    tale.end(i, route=None, step="copy", took_s=1.0)
    assert section(procedure(tale.history(), ten), "copy").count("SELECT 1") == 1


def test_steps_that_touch_in_time_keep_their_own_commands(ten: Scenario) -> None:
    """One step ends and the next begins within one tick of the clock."""
    tale = Tale(step_s=0.0)
    for name in ("copy", "cleanup"):
        i = tale.begin("runbook", "step", step=name, kind=name)
        tale.note("runbook", "cmd", kind="exec", command=f"do-{name}")
        tale.end(i, route=None, step=name, took_s=0.0)
    text = procedure(tale.history(), ten)
    assert "do-cleanup" not in section(text, "copy") and "do-copy" not in section(text, "cleanup")
    assert "do-copy" in section(text, "copy") and "do-cleanup" in section(text, "cleanup")


def test_a_failed_step_says_why_and_later_ones_were_not_reached(ten: Scenario) -> None:
    tale = Tale()
    i = tale.begin("runbook", "step", step="migrate", kind="migrate")
    tale.end(i, "fail", route=None, error="a row breaks a constraint", step="migrate", took_s=2.5)
    text = procedure(tale.history(), ten)
    assert "- took: failed after 2.5 s: a row breaks a constraint" in section(text, "migrate")
    assert "- took: not reached" in section(text, "cutover")


def test_a_step_cut_off_by_the_run_s_end_was_reached(ten: Scenario, tmp_path: Path) -> None:
    """As the journal writes it at its close: an info without figures."""
    from sim.history.history import History

    journal = Journal(tmp_path / "history.jsonl", scenario="t", seed=1, engine="test")
    journal.invoke("runbook", "step", value={"step": "copy", "kind": "copy"})
    journal.note("runbook", "cmd", {"kind": "exec", "command": "pg_dump"})
    journal.close()
    text = procedure(History.load(journal.path), ten)
    own = section(text, "copy")
    assert "not reached" not in own and "the run ended before an answer" in own
    assert "exec: pg_dump" in own


def test_the_way_back_is_told_with_its_own_commands(ten: Scenario) -> None:
    tale = Tale()
    i = tale.begin("runbook", "step", step="copy", kind="copy")
    tale.end(i, "fail", route=None, error="no space", step="copy", took_s=1.0)
    i = tale.begin("runbook", "undo", step="copy")
    tale.note("runbook", "cmd", kind="sql", command="DROP DATABASE hydra")
    tale.wait(2)
    tale.end(i, route=None, step="copy")
    own = section(procedure(tale.history(), ten), "copy")
    assert "- undone: ok in 2.0 s" in own
    assert own.index("undone") < own.index("sql: DROP DATABASE hydra")


def test_no_secret_comes_into_it_that_was_masked(ten: Scenario) -> None:
    own = Secrets(system="s3cret-system", database="pa55word", control="t0ken")
    tale = Tale()
    i = tale.begin("runbook", "step", step="copy", kind="copy")
    tale.note("runbook", "cmd", kind="exec", command=own.mask("pg_dump postgres://hydra:pa55word@h/hydra"))
    tale.end(i, route=None, step="copy", took_s=1.0)
    text = procedure(tale.history(), ten)
    assert "pg_dump postgres://hydra:***@h/hydra" in text and "pa55word" not in text


def test_all_reports_of_a_run_are_for_its_owner_and_agree(ten: Scenario, tmp_path: Path) -> None:
    verdict, text = write_reports(tmp_path, walked(ten).history(), ten)
    assert {p.name for p in tmp_path.iterdir()} == {
        "verdict.json", "report.txt", "report.json", "report.html", "junit.xml", "runbook.md"}
    assert {stat.S_IMODE(p.stat().st_mode) for p in tmp_path.iterdir()} == {0o600}
    assert from_json((tmp_path / "verdict.json").read_bytes()) == verdict
    assert (tmp_path / "report.txt").read_text() == text
    assert text.startswith(verdict.verdict.upper())
    assert f'tests="{len(verdict.checks)}"' in (tmp_path / "junit.xml").read_text()
