"""The command line's own behaviour: exit codes, messages, streams, start-up."""

import json
import subprocess
import sys

import pytest

from sim.cli.app import call
from sim.cli.commands import BENCHES, COMMANDS
from sim.errors import BadInput, PartMissing
from sim.scenario import scenario_files


@pytest.fixture(autouse=True)
def own_home(tmp_path, monkeypatch):
    monkeypatch.setenv("REHEARSE_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("REHEARSE_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("NO_COLOR", "1")


@pytest.mark.parametrize(
    ("line", "said", "todo"),
    [
        ("rnu 10", "there is no command `rnu`", "did you mean run?"),
        ("frobnicate", "there is no command `frobnicate`", "one of run, compare"),
        ("validate 10 --reslved", "there is no flag `--reslved`", "did you mean --resolved?"),
        ("validate -q", "there is no flag `-q`", "rehearse validate --help"),
        ("validate", "missing argument", "rehearse validate --help"),
        ("bench", "missing command", "one of edge, overload, sender, screen"),
        ("bench egde", "there is no command `egde`", "did you mean edge?"),
        ("run 10 --engine dockr", "dockr", "did you mean docker?"),
        ("run 10 --seed abc", "--seed", ""),
        ("runs --json extra", "unexpected extra argument", ""),
        ("validate 99", "there is no scenario `99`", "10-upgrade-b-capture-replay"),
        ("validate ./nowhere/x.yaml", "there is no such scenario file", ""),
        ("explain revoction", "nothing to explain", "did you mean revocation?"),
        ("report nosuch", "there is no run yet", "rehearse run 10"),
        ("new x", "a scenario is a .yaml file", "rehearse new x.yaml --from 10"),
    ],
)
def test_bad_input_ends_with_254_and_a_way_on(line, said, todo, capsys):
    assert call(line.split()) == 254
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith("error: ")
    assert said in err
    assert todo in err
    assert "Traceback" not in err


def test_help_is_a_result_and_names_every_command(capsys):
    assert call(["--help"]) == 0
    out, err = capsys.readouterr()
    assert err == ""
    for name, command in COMMANDS.items():
        assert f"  {name}" in out
        assert command.does in out
    assert call(["bench", "--help"]) == 0
    out = capsys.readouterr().out
    assert all(command.does in out for command in BENCHES.values())


def test_bare_rehearse_in_a_pipe_is_help(capsys):
    assert call([]) == 0
    assert "Usage: rehearse" in capsys.readouterr().out


def test_a_commands_help_leaves_out_what_only_programmers_ask(capsys):
    assert call(["schema", "--help"]) == 0
    out = capsys.readouterr().out
    assert "JSON Schema" in out
    assert "Raises" not in out


def test_help_starts_without_the_heavy_modules():
    code = (
        "import sys; from sim.cli.app import call; call(['--help']);"
        "heavy = {'pydantic', 'ruamel', 'rich', 'textual', 'aiohttp', 'asyncpg', 'docker', 'faker', 'networkx'};"
        "print(sorted(heavy & {m.partition('.')[0] for m in sys.modules}))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "[]"


def test_validating_starts_without_an_engines_modules():
    code = (
        "import sys; from sim.cli.app import call; call(['validate', '12']);"
        "heavy = {'rich', 'textual', 'aiohttp', 'asyncpg', 'docker', 'faker', 'networkx', 'simpy', 'nats', 'uvloop'};"
        "print(sorted(heavy & {m.partition('.')[0] for m in sys.modules}))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "[]"


def test_the_entry_point_ends_with_the_code():
    done = subprocess.run([sys.executable, "-m", "sim.cli.app", "rnu"], capture_output=True, text=True, check=False)
    assert done.returncode == 254
    assert "Traceback" not in done.stderr


def test_a_reader_that_has_enough_is_no_failure():
    command = f"{sys.executable} -m sim.cli.app schema --output /dev/null | head -n 1; exit ${{PIPESTATUS[0]}}"
    done = subprocess.run(["bash", "-c", command], capture_output=True, text=True, check=False)
    assert done.returncode == 0
    assert "BrokenPipe" not in done.stderr


@pytest.mark.parametrize(
    ("error", "code"),
    [(BadInput("no good", where="x.yaml:1:2", seen="y", todo="z"), 254), (PartMissing("no hydra here"), 255)],
)
def test_a_known_error_is_told_without_a_traceback(error, code, capsys, monkeypatch):
    def fail():
        raise error

    monkeypatch.setattr("sim.cli.runs.list_runs", fail)
    assert call(["runs"]) == code
    assert capsys.readouterr().err == "error: " + str(error) + "\n"


def test_a_bug_ends_with_255_and_leaves_its_traceback_in_a_private_file(capsys, monkeypatch, tmp_path):
    def fail():
        raise ZeroDivisionError("oh")

    monkeypatch.setattr("sim.cli.runs.list_runs", fail)
    assert call(["runs"]) == 255
    err = capsys.readouterr().err
    assert "rehearse itself failed: ZeroDivisionError: oh" in err
    assert "Traceback" not in err
    log = tmp_path / "cache" / "last-failure.log"
    assert "ZeroDivisionError" in log.read_text()
    assert log.stat().st_mode & 0o077 == 0


def test_an_interruption_is_no_verdict(capsys, monkeypatch):
    def interrupt():
        raise KeyboardInterrupt

    monkeypatch.setattr("sim.cli.runs.list_runs", interrupt)
    assert call(["runs"]) == 255
    assert capsys.readouterr().err == "interrupted\n"


def test_a_command_whose_module_is_missing_says_so(capsys, monkeypatch):
    monkeypatch.setitem(COMMANDS, "runs", COMMANDS["runs"]._replace(module="sim.cli.nowhere"))
    assert call(["runs"]) == 255
    assert "the command `runs` is not part of this installation" in capsys.readouterr().err


def test_flags_come_from_the_environment_too(capsys, monkeypatch):
    monkeypatch.setenv("REHEARSE_JSON", "1")
    assert call(["runs"]) == 0
    assert json.loads(capsys.readouterr().out) == []


def test_validate_says_what_it_saw(capsys):
    assert call(["validate", "10", "11"]) == 0
    out, err = capsys.readouterr()
    assert out.splitlines()[0] == "10-upgrade-b-capture-replay: 12 steps, at least 40 s, expects held"
    assert err == "next: rehearse run 10 --dry\n"


def test_validate_tells_the_place_of_a_mistake(capsys, tmp_path):
    path = tmp_path / "x.yaml"
    path.write_text("format: 1\nextends: 10\nseed: banana\n")
    assert call(["validate", str(path)]) == 254
    out, err = capsys.readouterr()
    assert out == ""
    assert err.splitlines() == [
        f"error: {path}:3:7: `banana` is not a seed",
        "    3 | seed: banana",
        "              ^",
        "  do:   write an integer or random",
    ]
    assert call(["validate", str(path), "--json"]) == 254
    told = json.loads(capsys.readouterr().out)
    assert told["valid"] is False
    assert (told["problems"][0]["line"], told["problems"][0]["column"]) == (3, 7)


def test_validate_takes_set_and_resolves(capsys):
    assert call(["validate", "10", "--set", "runbook.copy.jobs=9", "--resolved"]) == 0
    assert "jobs: 9" in capsys.readouterr().out
    assert call(["validate", "10", "--set", "runbook.copy.jbos=9"]) == 254
    assert "did you mean jobs?" in capsys.readouterr().err


def test_the_list_of_scenarios_is_json_too(capsys):
    assert call(["scenarios", "--json"]) == 0
    listed = json.loads(capsys.readouterr().out)
    assert [s["slug"] for s in listed] == [path.stem for path in scenario_files()]
    assert listed[1]["expect"] == "revocation broken"
    assert call(["scenarios"]) == 0
    out = capsys.readouterr().out
    assert "\x1b" not in out
    assert out.splitlines()[0].split() == ["scenario", "takes", "expected", "asks"]
