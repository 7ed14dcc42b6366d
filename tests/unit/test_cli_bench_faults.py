"""`rehearse bench faults`: what one run settles is kept, what it does not is played alone, nothing twice."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest
from recording import lines

from sim.checks.judge import ORDER
from sim.checks.verdict import Check, Verdict, to_json
from sim.cli import bench_faults as command
from sim.cli import child
from sim.cli.app import call
from sim.history.op import Header, Op
from sim.scenario import load_scenario

HEADER = Header(origin_utc="2026-01-01T14:30:25.000Z", scenario="faults", seed=100, engine="process")
played: list[list[str]] = []


def leave(file: Path, folder: Path, engine: str, seed: int) -> subprocess.Popen[bytes]:
    """What a run leaves: every fault proven and healed; broken if one of them was made in the soak."""
    faults = load_scenario(file).faults
    played.append([fault.name for fault in faults])
    broken = any("-in-soak" in fault.name for fault in faults)
    ops = [op for n, fault in enumerate(faults) for op in (
        Op(4 * n, "invoke", "nemesis", "fault", 1.0, value={"name": fault.name}),
        Op(4 * n + 1, "ok", "nemesis", "fault", 1.1, of=4 * n,
           value={"name": fault.name, "proven": True, "effect_s": 0.01, "seen": "seen"}),
        Op(4 * n + 2, "invoke", "nemesis", "heal", 1.2, value={"name": fault.name}),
        Op(4 * n + 3, "ok", "nemesis", "heal", 1.3, of=4 * n + 2, value={"name": fault.name}))]
    (folder / "history.jsonl").write_bytes(b"".join(lines(HEADER, ops)))
    (folder / "verdict.json").write_bytes(to_json(Verdict(
        verdict="broken" if broken else "held", ended="completed", scenario="faults", engine="process", seed=100,
        checks=[Check(name=n, verdict="broken" if broken and n == "revocation" else "held", summary="said")
                for n in ORDER])))
    return subprocess.Popen(["true"])


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("REHEARSE_HOME", str(tmp_path))
    monkeypatch.setattr(command, "begin_run", leave)
    monkeypatch.setattr(child, "LOOK_S", 0.01)
    played.clear()
    return tmp_path


def test_a_broken_run_is_taken_apart_and_nothing_is_played_twice(
        home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    asked = ["bench", "faults", "--kind", "down", "--phase", "copy", "--phase", "migrate", "--phase", "soak",
             "--engine", "process", "--into", str(home / "seen.jsonl"), "--json", "--jobs", "2"]
    assert call(asked) == 0
    assert played[0] == ["down-in-copy", "down-in-migrate", "down-in-soak"]
    assert sorted(played[1:]) == [["down-in-copy"], ["down-in-migrate"], ["down-in-soak"]]
    told = json.loads(capsys.readouterr().out)
    assert {(one["phase"], one["word"], one["proven"], one["alone"]) for one in told["seen"]} == {
        ("copy", "held", True, True), ("migrate", "held", True, True), ("soak", "broken", True, True)}
    assert (told["cells"], told["held"], told["broken"], told["met"]) == (3, 2, 1, True)
    assert len(list((home / "faults").glob("*/*"))) == 1, "only what did not hold is kept"
    assert call(asked) == 0 and len(played) == 4
    assert json.loads(capsys.readouterr().out)["cells"] == 3


def test_a_run_that_held_settles_all_its_cells(capsys: pytest.CaptureFixture[str]) -> None:
    assert call(["bench", "faults", "--kind", "down", "--phase", "copy", "--phase", "replay", "--engine",
                 "process"]) == 0
    assert played == [["down-in-copy", "down-in-replay"]]
    assert "2 cells, 2 proven: 2 held" in capsys.readouterr().out


@pytest.mark.parametrize(("options", "said"), [
    (["--kind", "latancy"], "did you mean latency"),
    (["--phase", "cooopy"], "there is no phase `cooopy`"),
    (["--engine", "podman"], "there is no engine"),
])
def test_what_is_not_there_is_said(options: list[str], said: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert call(["bench", "faults", *options]) == 254
    assert said in capsys.readouterr().err and played == []


def test_a_file_of_something_else_is_refused(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (home / "other").write_text("{}\n")
    assert call(["bench", "faults", "--engine", "process", "--into", str(home / "other")]) == 254
    assert "no file of an earlier run" in capsys.readouterr().err and played == []
