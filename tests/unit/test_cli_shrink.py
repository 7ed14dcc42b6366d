"""`rehearse shrink`: what is asked of the runs, what is kept, and which file comes of it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from sim.checks.judge import ORDER
from sim.checks.verdict import Check, Verdict, to_json
from sim.cli import shrink as command
from sim.cli.app import call
from sim.faults.drawing import with_drawn
from sim.history.journal import Journal
from sim.paths import PROJECT
from sim.scenario import load_scenario, load_text, resolved

PYTHON = sys.executable
NEMESIS = "nemesis: {seed: 3, budget: 6, kinds: [down, latency]}\n"


def told(*broken: str, planted: str = "") -> str:
    return to_json(Verdict(verdict="broken" if broken else "held", ended="completed", scenario="mine", engine="process",
                           seed=5, planted=planted, checks=[
                               Check(name=n, verdict="broken" if n in broken else "held", summary="") for n in ORDER
                           ])).decode()


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("REHEARSE_HOME", str(tmp_path))
    monkeypatch.setenv("NO_COLOR", "1")
    (tmp_path / "runs").mkdir()
    return tmp_path


def a_run(home: Path, *broken: str, more: str = NEMESIS, planted: str = "") -> Path:
    folder = home / "runs" / "20260101T000000Z-mine-5"
    folder.mkdir()
    Journal(folder / "history.jsonl", scenario="mine", seed=5, engine="process").close()
    scenario = load_text(f"format: 1\nextends: 10\ntitle: Mine\nseed: 5\npopulation: {{grants: 2000}}\n{more}",
                         name="mine.yaml")
    (folder / "scenario.yaml").write_text(resolved(with_drawn(scenario, 5), seed=5))
    (folder / "verdict.json").write_text(told(*broken, planted=planted))
    return folder


def playing(home: Path, monkeypatch: pytest.MonkeyPatch, breaks: str) -> Path:
    """Let the run be a script: `breaks` is said of `names`, the faults it is asked to play, in run number `n`."""
    script = home / "play"
    script.write_text(f"#!{PYTHON}\nimport pathlib, re, sys\n"
                      "a = sys.argv\nfolder = pathlib.Path(a[a.index('--run-dir') + 1])\n"
                      f"log = pathlib.Path({str(home / 'played')!r})\n"
                      "text = pathlib.Path(a[a.index('run') + 1]).read_text()\n"
                      "names = re.findall(r'name: ((?:drawn|own)-[a-z0-9]+)', text)\n"
                      "n = len(log.read_text().splitlines()) + 1 if log.exists() else 1\n"
                      "print(*names, file=log.open('a'))\n"
                      f"yes, no = {told('revocation')!r}, {told('latency')!r}\n"
                      f"(folder / 'verdict.json').write_text(yes if {breaks} else no)\n")
    script.chmod(0o700)
    monkeypatch.setattr(sys, "executable", str(script))
    return home / "played"


def test_it_ends_with_the_faults_it_takes_and_a_file_that_holds_them(
        home: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    folder = a_run(home, "revocation", "latency")
    played = playing(home, monkeypatch, "{'drawn-2', 'drawn-5'} <= set(names)")
    assert call(["shrink", "latest", "--tries", "1", "--confirm", "3"]) == 0
    out, err = capsys.readouterr()
    assert "2 of 6 faults break revocation: 3 of 3 fresh runs; without any one of them it was not broken" in out
    assert "(drawn-2 for" in out and "(drawn-5 for" in out and f"next: rehearse run {folder / 'shrunk.yaml'}" in err
    asked = [tuple(line.split()) for line in played.read_text().splitlines()]
    assert len(asked[0]) == 6 and asked[1] == (), "first all of them again, then none at all"
    assert asked[-3:] == [("drawn-2", "drawn-5")] * 3
    text = (folder / "shrunk.yaml").read_text()
    assert "extends: 10-upgrade-b-capture-replay" in text and "nemesis" not in text
    assert "# shrunk from 20260101T000000Z-mine-5: 2 of 6 faults, minimal; broke revocation in 3 of 3 runs\n" in text
    again, before = load_scenario(folder / "shrunk.yaml"), load_scenario(folder / "scenario.yaml")
    assert [f.name for f in again.faults] == ["drawn-2", "drawn-5"] and again.nemesis is None
    assert again.faults == [f for f in before.faults if f.name in ("drawn-2", "drawn-5")]
    assert (again.population, again.runbook, again.seed) == (before.population, before.runbook, 5)
    assert again.title == "Mine, shrunk to 2 faults"
    assert (folder / "shrunk.yaml").stat().st_mode & 0o77 == 0
    left = [p for p in (folder / "shrink").iterdir() if p.is_dir()]
    assert len(left) == 1, "one run stays as the witness"


def test_a_flaky_break_is_tried_again_and_its_rate_is_told(home: Path, monkeypatch: pytest.MonkeyPatch,
                                                           capsys: pytest.CaptureFixture[str]) -> None:
    a_run(home, "revocation")
    played = playing(home, monkeypatch, "'drawn-1' in names and n % 2 == 0")
    assert call(["shrink", "latest", "--tries", "2", "--confirm", "4", "--json"]) == 0
    outcome = json.loads(capsys.readouterr().out)
    assert (outcome["faults"], outcome["broke"], outcome["confirmed_by"]) == (["drawn-1"], 2, 4)
    assert outcome["runs"] == len(played.read_text().splitlines())


def test_written_faults_stay_and_only_drawn_ones_are_chosen_from(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    written = "faults: [{name: own-one, fault: down, link: edge->queue, at: baseline, for: 1s}]\n"
    folder = a_run(home, "revocation", more=NEMESIS + written)
    played = playing(home, monkeypatch, "'drawn-3' in names")
    assert call(["shrink", "latest", "--tries", "1", "--confirm", "1"]) == 0
    assert all("own-one" in line for line in played.read_text().splitlines())
    assert [f.name for f in load_scenario(folder / "shrunk.yaml").faults] == ["own-one", "drawn-3"]


def test_what_breaks_by_itself_and_what_breaks_only_once(home: Path, monkeypatch: pytest.MonkeyPatch,
                                                         capsys: pytest.CaptureFixture[str]) -> None:
    folder = a_run(home, "revocation")
    playing(home, monkeypatch, "True")
    assert call(["shrink", "latest", "--confirm", "2"]) == 0
    assert "revocation breaks without any of the 6 faults: 2 of 2 fresh runs" in capsys.readouterr().out
    (home / "played").unlink()
    (folder / "shrunk.yaml").unlink()
    playing(home, monkeypatch, "False")
    assert call(["shrink", "latest", "--tries", "3"]) == 2
    assert "revocation was not broken again in 3 runs" in capsys.readouterr().err
    assert not (folder / "shrunk.yaml").exists()


def test_the_runs_are_bounded_and_the_best_so_far_is_kept(home: Path, monkeypatch: pytest.MonkeyPatch,
                                                          capsys: pytest.CaptureFixture[str]) -> None:
    folder = a_run(home, "revocation")
    played = playing(home, monkeypatch, "'drawn-1' in names and 'drawn-2' in names")
    assert call(["shrink", "latest", "--tries", "1", "--most", "3"]) == 2
    assert len(played.read_text().splitlines()) == 3
    assert "3 of 6 faults break revocation: 0 of 0 fresh runs; not proven minimal" in capsys.readouterr().out
    text = (folder / "shrunk.yaml").read_text()
    assert "not proven minimal; broke revocation in 0 of 0 runs" in text
    assert [f.name for f in load_scenario(folder / "shrunk.yaml").faults] == ["drawn-1", "drawn-2", "drawn-3"]


@pytest.mark.parametrize(("broken", "more", "planted", "arguments", "why"), [
    ((), NEMESIS, "", [], "this run broke nothing"),
    (("revocation",), "", "", [], "this run had no planned fault"),
    (("revocation",), NEMESIS, "", ["--check", "latency"], "did not break latency"),
    (("revocation",), NEMESIS, "lose-rows", [], "a bug was planted"),
    (("revocation",), NEMESIS, "", ["--engine", "moon"], "no engine 'moon'"),
])
def test_what_can_not_be_shrunk_is_refused_in_words(home: Path, capsys: pytest.CaptureFixture[str], why: str,
                                                    broken: tuple[str, ...], more: str, planted: str,
                                                    arguments: list[str]) -> None:
    a_run(home, *broken, more=more, planted=planted)
    assert call(["shrink", "latest", *arguments]) == 254
    assert why in capsys.readouterr().err


def test_the_check_is_the_one_that_nobody_expected(home: Path) -> None:
    from sim.checks.verdict import from_json

    verdict = from_json(told("token_continuity", "availability").encode())
    assert command.chosen(verdict, load_scenario("34"), None) == "availability"
    assert command.chosen(verdict, load_scenario("34"), "token_continuity") == "token_continuity"
    assert command.chosen(from_json(told("token_continuity").encode()), load_scenario("34"), None) == "token_continuity"


def test_a_run_without_a_verdict_ends_it_at_once_if_it_is_the_first(home: Path, monkeypatch: pytest.MonkeyPatch,
                                                                    capsys: pytest.CaptureFixture[str]) -> None:
    a_run(home, "revocation")
    script = home / "play"
    script.write_text("#!/bin/sh\necho 'error: no engine'\nexit 255\n")
    script.chmod(0o700)
    monkeypatch.setattr(sys, "executable", str(script))
    assert call(["shrink", "latest"]) == 255
    err = capsys.readouterr().err
    assert "the run left no verdict" in err and "error: no engine" in err


def test_an_interrupt_keeps_the_best_so_far(home: Path) -> None:
    folder = a_run(home, "revocation")
    script = home / "play"
    script.write_text(f"#!{PYTHON}\nimport pathlib, signal, sys, time\n"
                      "a = sys.argv\nrun = pathlib.Path(a[a.index('--run-dir') + 1])\n"
                      f"if run.name == '003':\n    pathlib.Path({str(home / 'begun')!r}).touch()\n    time.sleep(30)\n"
                      f"yes, no = {told('revocation')!r}, {told()!r}\n"
                      "(run / 'verdict.json').write_text(yes if run.name == '001' else no)\n")
    script.chmod(0o700)
    main = ("import sys; from sim.cli import child as c; "
            f"c.sys = type('S', (), {{'executable': {str(script)!r}}}); "
            "from sim.cli.app import call; sys.exit(call(['shrink', 'latest', '--tries', '1']))")
    child = subprocess.Popen([PYTHON, "-c", main], cwd=PROJECT, env={**os.environ}, stdout=subprocess.PIPE,
                             stderr=subprocess.PIPE, text=True)
    for _ in range(600):
        if (home / "begun").exists():
            break
        time.sleep(0.05)
    child.send_signal(signal.SIGTERM)
    out, _ = child.communicate(timeout=60)
    assert child.returncode == 255 and "6 of 6 faults break revocation" in out and "not proven minimal" in out
    assert len(load_scenario(folder / "shrunk.yaml").faults) == 6
