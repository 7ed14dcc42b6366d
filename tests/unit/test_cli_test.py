"""`rehearse test`: one pytest run for all, and scenarios held to their expect."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from sim.checks.judge import ORDER
from sim.checks.verdict import Check, Verdict, to_json
from sim.cli import child, holding, picker
from sim.cli import test as command
from sim.cli.app import call
from sim.errors import BadInput


@pytest.fixture
def project(tmp_path, monkeypatch):
    monkeypatch.setattr(command, "PROJECT", tmp_path)
    (tmp_path / "tests" / "unit").mkdir(parents=True)
    return tmp_path / "tests" / "unit"


@pytest.mark.parametrize(("body", "code"), [("assert True", 0), ("assert False", 1)])
def test_passing_and_failing_tests_are_told_apart(body, code, project, capfd):
    (project / "test_it.py").write_text(f"def test_it():\n    {body}\n")
    assert command.run_pytest(everything=False) == code
    assert f"1 {'failed' if code else 'passed'} in " in capfd.readouterr().out


def test_all_asks_for_every_scenario(project):
    (project / "test_it.py").write_text(
        "import os\n\ndef test_it():\n    assert os.environ['REHEARSAL_ALL_SCENARIOS'] == '1'\n"
    )
    assert command.run_pytest(everything=True) == 0
    assert command.run_pytest(everything=False) == 1


def test_one_seed_goes_to_all_scenarios(project, monkeypatch, capfd):
    (project / "test_it.py").write_text("import os\n\ndef test_it():\n    assert os.environ['REHEARSAL_SEED'] == '7'\n")
    assert call(["test", "--seed", "7"]) == 0
    assert call(["test"]) == 1
    begun = []

    def begin(line, **_):
        begun.append(line)
        return real([sys.executable, "-c", "pass"])

    real = subprocess.Popen
    monkeypatch.setattr(subprocess, "Popen", begin)
    assert call(["test", "10", "30", "--seed", "7"]) == 255
    assert [line[line.index("--seed") + 1] for line in begun] == ["7", "7"]
    capfd.readouterr()
    call(["test", "10"])
    assert "--seed" not in begun[-1]


def test_a_run_without_any_test_is_no_success(project):
    assert command.run_pytest(everything=False) == 255


def test_without_test_folders_it_is_bad_input(tmp_path, monkeypatch):
    monkeypatch.setattr(command, "PROJECT", tmp_path)
    with pytest.raises(BadInput, match="there are no tests here"):
        command.run_pytest(everything=False)


def test_a_scenario_without_a_verdict_is_not_met(capfd, tmp_path, monkeypatch):
    monkeypatch.setenv("REHEARSE_HOME", str(tmp_path))
    assert call(["test", "10", "--engine", "model", "--json"]) == 255
    told = json.loads(capfd.readouterr().out)
    assert (told[0]["met"], told[0]["verdict"]) == (False, "none")
    assert told[0]["why"] == "no verdict: rehearse run ended with 254"


def verdict(word, **checks):
    """A verdict of scenario 12 in which everything held but these."""
    return Verdict(verdict=word, ended="completed", scenario="12-queue-cut-fail-closed", engine="process", seed=12,
                   checks=[
        Check(name=name, verdict=checks.get(name, "held"), summary="said", figures={"shed": 40.0}) for name in ORDER])


@pytest.fixture
def come(tmp_path, monkeypatch):
    """What the runs come to, one after the other; None = one that leaves no verdict."""
    came = []

    def begin(command, folder):
        folder.mkdir(parents=True)
        one = came.pop(0)
        if one is not None:
            (folder / "verdict.json").write_bytes(to_json(one))
        return subprocess.Popen(["true"])

    monkeypatch.setenv("REHEARSE_HOME", str(tmp_path))
    monkeypatch.setattr(holding, "begin", begin)
    monkeypatch.setattr(child, "LOOK_S", 0.01)
    return came


def test_repeats_say_whether_they_agree(come, capfd, tmp_path):
    come += [verdict("held")] * 3 + [verdict("broken", latency="broken")] + [verdict("held")] * 2
    assert call(["test", "12", "--repeat", "6", "--jobs", "2", "--json"]) == 1
    told = json.loads(capfd.readouterr().out)
    (agreed,) = told["scenarios"]
    assert agreed == {"scenario": "12-queue-cut-fail-closed", "runs": 6, "met": 5,
                      "verdicts": {"held": 5, "broken": 1}, "differ": {"latency": {"held": 5, "broken": 1}}}
    (kept,) = (tmp_path / "repeats").glob("*/*")
    assert [one["run"] for one in told["runs"] if not one["met"]] == [str(kept)], "what was as expected is not kept"


def test_repeats_that_agree_end_well_and_one_without_a_verdict_does_not(come, capfd):
    come += [verdict("held")] * 2
    assert call(["test", "12", "--repeat", "2"]) == 0
    assert "2 held" in (said := capfd.readouterr().out) and "none" in said
    come += [verdict("held"), None]
    assert call(["test", "12", "--repeat", "2"]) == 255


def test_what_changes_scenarios_does_not_change_the_projects_own_tests(capfd):
    assert call(["test", "--repeat", "2"]) == 254
    assert call(["test", "--set", "traffic.rate=100/s"]) == 254
    assert call(["test", "12", "--set", "traffic.rat=100/s"]) == 254
    assert "rate" in capfd.readouterr().err


def test_a_wrong_scenario_is_refused_before_any_is_played(capfd):
    assert call(["test", "10", "99"]) == 254
    assert "there is no scenario `99`" in capfd.readouterr().err


@pytest.mark.parametrize(("chosen", "line"), [(["run", "11-upgrade-b-no-capture"],) * 2, ([], [])])
def test_the_picker_means_a_command_line(chosen, line, monkeypatch, tmp_path):
    monkeypatch.setenv("REHEARSE_HOME", str(tmp_path))
    told = {}

    def screen(command, check):
        path = Path(command[-1])
        told.update(json.loads(path.read_text()))
        path.write_text(json.dumps(chosen))
        return subprocess.CompletedProcess(command, 0)

    monkeypatch.setattr(subprocess, "run", screen)
    assert picker.pick() == line
    assert told["scenarios"][0]["slug"] == "10-upgrade-b-capture-replay" and told["runs"] == []


def test_a_picker_that_fails_chooses_nothing(monkeypatch, tmp_path):
    monkeypatch.setenv("REHEARSE_HOME", str(tmp_path))
    monkeypatch.setattr(subprocess, "run", lambda command, check: subprocess.CompletedProcess(command, 1))
    assert picker.pick() == []
