"""`rehearse compare`: which argument means what, what is played, what it exits with."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from sim.checks.verdict import Check, Verdict, to_json
from sim.cli import compare as command
from sim.cli.app import call
from sim.cli.runs import find_run
from sim.errors import BadInput
from sim.history.journal import Journal
from sim.paths import PROJECT


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("REHEARSE_HOME", str(tmp_path))
    monkeypatch.setenv("REHEARSE_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("NO_COLOR", "1")
    (tmp_path / "runs").mkdir()
    return tmp_path / "runs"


def stored(home: Path, name: str, word: str | None = "held", ended: str = "completed") -> Path:
    folder = home / name
    folder.mkdir()
    Journal(folder / "history.jsonl", scenario="10-x", seed=10, engine="process").close()
    if word:
        (folder / "verdict.json").write_bytes(to_json(Verdict(
            verdict=word, ended=ended, scenario="10-x", engine="process", seed=10,  # type: ignore[arg-type]
            checks=[Check(name="revocation", verdict=word, summary="")])))  # type: ignore[arg-type]
    return folder


def playing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, body: str) -> Path:
    """Let `rehearse run` be a script: it gets the arguments and is to leave what a run leaves."""
    script = tmp_path / "play"
    script.write_text(f"#!{sys.executable}\nimport os, pathlib, signal, sys, time\n"
                      "a = sys.argv\nfolder = pathlib.Path(a[a.index('--run-dir') + 1])\n"
                      f"log = open({str(tmp_path / 'played')!r}, 'a')\nprint(' '.join(a[1:]), file=log, flush=True)\n"
                      f"{body}\n")
    script.chmod(0o700)
    monkeypatch.setattr(command.sys, "executable", str(script))
    return tmp_path / "played"


JUDGED = ("(folder / 'history.jsonl').write_text('x')\n"
          "broken = '11-' in a[a.index('run') + 1]\n"
          "(folder / 'verdict.json').write_text('{\"verdict\": \"%s\", \"ended\": \"completed\", \"scenario\": \"s\","
          " \"engine\": \"process\", \"seed\": 1, \"checks\": []}' % ('broken' if broken else 'held'))\n"
          "sys.exit(1 if broken else 0)")


def test_runs_side_by_side(home: Path, capfd: pytest.CaptureFixture[str]) -> None:
    stored(home, "20260101T000000Z-10-x-10")
    stored(home, "20260102T000000Z-10-x-10", "broken")
    assert call(["compare", "20260101", "latest"]) == 1
    out, err = capfd.readouterr()
    assert "✓ HELD" in out and "✗ BROKEN" in out and "≠ revocation" in out
    assert "next: rehearse report 20260102T000000Z-10-x-10" in err


def test_json_on_stdout_alone(home: Path, capfd: pytest.CaptureFixture[str]) -> None:
    stored(home, "20260101T000000Z-10-x-10", ended="rolled_back")
    assert call(["compare", "--json", "latest", "latest"]) == 3
    told = json.loads(capfd.readouterr().out)
    assert [r["exit"] for r in told["runs"]] == [3, 3] and told["exit"] == 3


def test_a_path_is_a_run(home: Path, tmp_path: Path) -> None:
    folder = stored(home, "20260101T000000Z-10-x-10")
    elsewhere = folder.rename(tmp_path / "elsewhere")
    assert call(["compare", str(elsewhere)]) == 0


def test_a_scenario_s_number_is_never_a_run_s_prefix(home: Path) -> None:
    stored(home, "10-named-like-a-scenario")
    assert command.find("10").scenario is not None
    assert command.find("10-named-like-a-scenario").folder == home / "10-named-like-a-scenario"


@pytest.mark.parametrize("name", ["nosuch", "./nowhere"])
def test_neither_is_bad_input(name: str, capfd: pytest.CaptureFixture[str]) -> None:
    assert call(["compare", name]) == 254
    assert f"`{name}` is neither a scenario nor a run" in capfd.readouterr().err


def test_an_ambiguous_prefix_names_the_runs(home: Path, capfd: pytest.CaptureFixture[str]) -> None:
    stored(home, "20260101T000000Z-10-x-10")
    stored(home, "20260101T000001Z-10-x-10")
    assert call(["compare", "20260101"]) == 254
    assert "fits 2 runs" in capfd.readouterr().err


def test_an_unfinished_and_a_damaged_run_are_refused(home: Path) -> None:
    folder = stored(home, "20260101T000000Z-10-x-10", None)
    with pytest.raises(BadInput, match="no verdict to compare"):
        command.read_run(folder)
    (folder / "verdict.json").write_text("{")
    with pytest.raises(BadInput, match="can't be read"):
        command.read_run(folder)


def test_scenarios_are_played_one_after_the_other_and_the_worst_counts(
        home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> None:
    played = playing(tmp_path, monkeypatch, JUDGED)
    stored(home, "20260101T000000Z-10-x-10")
    assert call(["compare", "10", "20260101", "11", "--engine", "process"]) == 1
    lines = [line.split() for line in played.read_text().splitlines()]
    assert [Path(line[line.index("run") + 1]).stem for line in lines] == [
        "10-upgrade-b-capture-replay", "11-upgrade-b-no-capture"]
    assert all({"--no-tui", "--json", "process"} <= set(line) and "--yes" not in line for line in lines)
    out, err = capfd.readouterr()
    verdicts = next(line for line in out.splitlines() if line.strip().startswith("verdict"))
    assert verdicts.split() == ["verdict", "✓", "HELD", "✓", "HELD", "✗", "BROKEN"], "in the order of the arguments"
    assert "1/3 10-upgrade" in err and "3/3 11-upgrade" in err
    assert find_run("latest").name.endswith(lines[1][lines[1].index("--seed") + 1])


def test_nothing_is_played_if_one_argument_is_wrong(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    played = playing(tmp_path, monkeypatch, JUDGED)
    assert call(["compare", "10", "nosuch"]) == 254
    assert call(["compare", "10", "11", "--engine", "model"]) == 254
    gate = tmp_path / "gated.yaml"
    gate.write_text(f"format: 1\nextends: {PROJECT}/scenarios/10-upgrade-b-capture-replay.yaml\ntitle: t\nasks: a\n"
                    "change:\n  cutover: {gate: {ask: sure?}}\n")
    assert call(["compare", "10", str(gate)]) == 254
    assert not played.exists()


def test_a_gate_is_approved_with_yes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    played = playing(tmp_path, monkeypatch, JUDGED)
    assert call(["compare", "10", "--yes", "--seed", "7"]) == 0
    assert "--yes" in played.read_text() and "--seed 7" in played.read_text()


def test_a_run_that_begins_nothing_has_a_column_and_leaves_no_empty_folder(
        home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> None:
    playing(tmp_path, monkeypatch, "sys.exit(254)")
    assert call(["compare", "10", "--json"]) == 254
    told = json.loads(capfd.readouterr().out)
    assert told["runs"][0]["verdict"] is None and told["runs"][0]["exit"] == 254
    assert [p for p in home.iterdir() if p.is_dir() and not p.is_symlink()] == []


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_when_stopped_the_run_ends_by_itself_and_nothing_further_is_begun(
        number: signal.Signals, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The run is told, given its time to clean up, and waited for; the second is never begun."""
    body = ("def end(n, f):\n    time.sleep(0.3); print('cleaned up', file=log, flush=True); sys.exit(255)\n"
            "signal.signal(signal.SIGTERM, end); signal.signal(signal.SIGINT, end)\n"
            "print('ready', file=log, flush=True)\ntime.sleep(30)")
    played = playing(tmp_path, monkeypatch, body)
    code = ("import sys; from sim.cli import compare; from sim.cli.app import call;"
            f"compare.sys.executable = {str(tmp_path / 'play')!r}; sys.exit(call(['compare', '10', '11']))")
    monkeypatch.undo()
    ours = subprocess.Popen([sys.executable, "-c", code], start_new_session=True, stderr=subprocess.PIPE, text=True,
                            env={**os.environ, "PYTHONPATH": str(PROJECT), "REHEARSE_HOME": str(tmp_path)})
    until = time.monotonic() + 20
    while not (played.exists() and "ready" in played.read_text()) and time.monotonic() < until:
        time.sleep(0.02)
    if number == signal.SIGINT:
        os.killpg(ours.pid, number)  # as a terminal does: to everybody in front
    else:
        ours.send_signal(number)
    said = ours.communicate(timeout=20)[1]
    assert ours.returncode == 255 and "interrupted" in said
    assert played.read_text().splitlines()[1:] == ["ready", "cleaned up"]


def test_everything_is_played_with_one_seed(home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    played = playing(tmp_path, monkeypatch, JUDGED)
    other = tmp_path / "other.yaml"
    ten = PROJECT / "scenarios" / "10-upgrade-b-capture-replay.yaml"
    other.write_text(f"format: 1\nextends: {ten}\ntitle: t\nasks: a\nseed: 99\n")
    assert call(["compare", "10", str(other)]) == 0
    assert call(["compare", str(other), "10", "--seed", "7"]) == 0
    stored(home, "20260101T000000Z-10-x-10")
    assert call(["compare", str(other), "20260101"]) == 0
    seeds = [line.split()[line.split().index("--seed") + 1] for line in played.read_text().splitlines()]
    assert seeds == ["10", "10", "7", "7", "10"], "the first scenario's, the one asked for, the finished run's"


def test_the_runs_that_were_played_have_the_comparison_on_their_pages(
        home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> None:
    demo = PROJECT / "scenarios" / "demo"
    playing(tmp_path, monkeypatch, "import lzma\n"
            f"demo = pathlib.Path({str(demo)!r})\n"
            "(folder / 'history.jsonl').write_bytes(lzma.decompress((demo / 'history.jsonl.xz').read_bytes()))\n"
            "[(folder / n).write_bytes((demo / n).read_bytes()) for n in ('verdict.json', 'scenario.yaml')]")
    finished = stored(home, "20260101T000000Z-10-x-10")
    assert call(["compare", "10", "20260101"]) == 0
    text = (find_run("latest") / "report.html").read_text()
    assert '<h2 id="beside">' in text and "20260101T000000Z-10-x-10" in text
    assert not (finished / "report.html").exists(), "a finished run is not touched"
