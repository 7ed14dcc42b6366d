"""`rehearse bench recall`: what is played, what counts as found, as a false alarm and as nothing."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import msgspec
import pytest

from sim.checks.judge import ORDER
from sim.checks.verdict import Check, Verdict, to_json
from sim.cli import bench_recall as command
from sim.cli import recall
from sim.cli.app import call
from sim.paths import PROJECT
from sim.services.planted import BUGS


def verdict(*broken: str, planted: str = "", unknown: tuple[str, ...] = (), ended: Any = "completed") -> Verdict:
    words = {**dict.fromkeys(broken, "broken"), **dict.fromkeys(unknown, "unknown")}
    return Verdict(verdict="held", ended=ended, scenario="recall", engine="process", seed=100, planted=planted, checks=[
        Check(name=name, verdict=words.get(name, "held"), summary=f"{name} says so") for name in ORDER])  # type: ignore[arg-type]


PYTHON = sys.executable
FLIP, CLEAN = recall.Try("flip-flag", "recall", 100), recall.Try("", "recall", 100)


def test_what_is_played() -> None:
    todo = recall.tries(["flip-flag", "fail-open"], runs=2, clean=6)
    assert [t.bug for t in todo[:4]] == ["flip-flag", "flip-flag", "fail-open", "fail-open"]
    assert [t.stage for t in todo[:4]] == ["recall", "recall", "recall-queue-cut", "recall-queue-cut"]
    assert [t.stage for t in todo[4:]] == [*recall.STAGES, recall.STAGES[0]]
    assert [t.seed for t in todo[4:]] == [100] * 5 + [101], "each round of the stages has a seed of its own"


@pytest.mark.parametrize(("seen", "word", "good"), [
    (verdict("data_equality", planted="flip-flag"), "broken", True),
    (verdict("data_equality", "revocation", planted="flip-flag"), "broken", True),
    (verdict(planted="flip-flag"), "held", False),
    (verdict("revocation", planted="flip-flag"), "held", False),
    (verdict(planted="flip-flag", unknown=("data_equality",)), "unknown", False),
    (verdict("data_equality", planted=""), "none", False),
    (verdict("data_equality", planted="lose-rows"), "none", False),
    (None, "none", False),
])
def test_a_bug_is_found_only_by_the_check_that_must_find_it(seen: Verdict | None, word: str, good: bool) -> None:
    came = recall.judged(FLIP, seen, {})
    assert (came.word, came.good) == (word, good)


@pytest.mark.parametrize(("seen", "expected", "word", "good"), [
    (verdict(), {}, "held", True),
    (verdict("latency"), {}, "broken", False),
    (verdict("latency"), {"latency": "broken"}, "held", True),
    (verdict("latency", "revocation"), {"latency": "broken"}, "broken", False),
    (verdict(unknown=("latency",)), {}, "unknown", True),
    (verdict(ended="rolled_back"), {}, "unknown", True),
    (verdict(planted="flip-flag"), {}, "none", False),
    (None, {}, "none", False),
])
def test_a_false_alarm_is_what_the_stage_does_not_expect(seen: Verdict | None, expected: dict[str, str], word: str,
                                                         good: bool) -> None:
    came = recall.judged(CLEAN, seen, expected)
    assert (came.word, came.good) == (word, good)


def test_the_figures() -> None:
    found, missed = (recall.judged(FLIP, v, {}) for v in (verdict("data_equality", planted="flip-flag"), None))
    quiet, alarm, unsure, none = (recall.judged(CLEAN, v, {}) for v in (
        verdict(), verdict("latency"), verdict(unknown=("latency",)), None))
    assert recall.figures([found, quiet])["met"] is True
    assert recall.figures([found, quiet, unsure])["met"] is True
    assert recall.figures([found, quiet, unsure])["undecided"] == 1
    assert not recall.figures([found, quiet, none])["met"], "a run without a verdict is no proof of quiet"
    assert not recall.figures([found, quiet, alarm])["met"]
    told = recall.figures([found, missed, quiet])
    assert (told["recall"], told["missed"], told["met"]) == (0.5, ["flip-flag"], False)
    assert recall.figures([quiet])["recall"] is None


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("REHEARSE_HOME", str(tmp_path))
    monkeypatch.setenv("NO_COLOR", "1")
    (tmp_path / "runs").mkdir()
    return tmp_path


def playing(home: Path, monkeypatch: pytest.MonkeyPatch, *, blind: tuple[str, ...] = (),
            alarm: bool = False) -> Path:
    """Let the run be a script that leaves the verdict of a checker that is blind to some bugs."""
    def told(seen: Verdict) -> str:
        return to_json(seen).decode()

    answers = {bug: told(verdict(*(() if bug in blind else (its.expects,)), planted=bug)) for bug, its in BUGS.items()}
    answers[""] = told(verdict(*(("latency",) if alarm else ())))
    script = home / "play"
    script.write_text(f"#!{PYTHON}\nimport json, os, pathlib, sys\n"
                      "bug = os.environ.get('REHEARSE_PLANTED', '')\n"
                      f"answers = json.loads({json.dumps(json.dumps(answers))})\n"
                      "(pathlib.Path(sys.argv[-1]) / 'verdict.json').write_text(answers[bug])\n"
                      f"print(bug or 'clean', *sys.argv[3:5], file=open({str(home / 'played')!r}, 'a'))\n")
    script.chmod(0o700)
    monkeypatch.setattr(command.sys, "executable", str(script))
    return home / "played"


def test_all_found_and_all_quiet_exits_0(home: Path, monkeypatch: pytest.MonkeyPatch,
                                         capsys: pytest.CaptureFixture[str]) -> None:
    played = playing(home, monkeypatch)
    assert call(["bench", "recall", "--clean", "3"]) == 0
    out, err = capsys.readouterr()
    assert f"recall        {len(BUGS)} of {len(BUGS)} = 100 %" in out and "false alarms  0 of 3 clean runs" in out
    assert all(bug in out for bug in BUGS)
    assert [line.split()[0] for line in played.read_text().splitlines()] == [*BUGS, *["clean"] * 3]
    assert f"[  1/{len(BUGS) + 3}] lose-capture: " in err
    kept = [p for stamp in (home / "recall").iterdir() for p in stamp.iterdir()]
    assert [p.name.partition("-")[2] for p in kept] == [], "what shows what it should is not kept"


def test_a_missed_bug_and_a_false_alarm_exit_1_and_keep_their_runs(home: Path, monkeypatch: pytest.MonkeyPatch,
                                                                   capsys: pytest.CaptureFixture[str]) -> None:
    playing(home, monkeypatch, blind=("flip-flag",))
    assert call(["bench", "recall", "--bug", "flip-flag", "--bug", "lose-rows", "--clean", "0"]) == 1
    out, err = capsys.readouterr()
    assert "1 of 2 = 50 %; missed: flip-flag" in out and "false alarms" not in out
    assert "next: rehearse report" in err and "001-flip-flag" in err
    playing(home, monkeypatch, alarm=True)
    assert call(["bench", "recall", "--bug", "flip-flag", "--clean", "2", "--json"]) == 1
    told = json.loads(capsys.readouterr().out)
    assert (told["recall"], told["false_alarms"], told["clean"]) == (1.0, 2, 2)
    assert [r["seen"] for r in told["runs"]] == ["broken"] * 3
    assert all((Path(r["folder"]) / "verdict.json").exists() for r in told["runs"][1:])


def test_a_run_that_leaves_no_verdict_is_said_and_is_a_miss(home: Path, monkeypatch: pytest.MonkeyPatch,
                                                            capsys: pytest.CaptureFixture[str]) -> None:
    script = home / "play"
    script.write_text("#!/bin/sh\necho 'error: no engine' >&2\nexit 255\n")
    script.chmod(0o700)
    monkeypatch.setattr(command.sys, "executable", str(script))
    assert call(["bench", "recall", "--bug", "flip-flag", "--clean", "1"]) == 1
    out, err = capsys.readouterr()
    assert "error: no engine" in err and "0 of 1 = 0 %" in out and "1 of them showed nothing" in out


def test_an_interrupt_is_passed_on_and_nothing_further_is_run(home: Path) -> None:
    script = home / "play"
    script.write_text(f"#!{PYTHON}\nimport os, pathlib, signal, sys, time\n"
                      "def end(*_):\n    pathlib.Path(sys.argv[-1], 'cleaned').touch()\n    sys.exit(3)\n"
                      "signal.signal(signal.SIGTERM, end)\n"
                      f"pathlib.Path({str(home)!r}, 'begun').touch()\n"
                      "time.sleep(30)\n")
    script.chmod(0o700)
    main = ("import sys; from sim.cli import bench_recall as c; "
            f"c.sys = type('S', (), {{'executable': {str(script)!r}}}); "
            "from sim.cli.app import call; sys.exit(call(['bench', 'recall', '--bug', 'flip-flag', '--clean', '5']))")
    child = subprocess.Popen([PYTHON, "-c", main], cwd=PROJECT, env={**os.environ}, stdout=subprocess.PIPE,
                             stderr=subprocess.PIPE, text=True)
    for _ in range(600):
        if (home / "begun").exists():
            break
        time.sleep(0.05)
    child.send_signal(signal.SIGTERM)
    _, err = child.communicate(timeout=30)
    assert child.returncode == 255 and "interrupted: nothing further is run" in err
    assert len(list((home / "recall").rglob("cleaned"))) == 1, "it could clean up after itself"


def test_the_verdict_is_read_back_with_its_bug() -> None:
    assert msgspec.json.decode(to_json(verdict(planted="flip-flag")))["planted"] == "flip-flag"
