"""`rehearse test`: one pytest run for all, and scenarios held to their expect."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from sim.cli import picker
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
