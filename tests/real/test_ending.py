"""However a rehearsal ends, nothing of it stays: once, twice, SIGTERM, SIGKILL."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from sim.checks.verdict import from_json
from sim.rigs.real import leftovers

pytestmark = [pytest.mark.real, pytest.mark.timeout(180)]
SMALL = ["--set", "population.grants=2000", "--set", "runbook.baseline.for=5s", "--set", "tokens.access=5s",
         "--set", "runbook.lifetime.dwell=5s"]


def begin(run: Path) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "sim.cli.app", "run", "10", "--engine", "process", "--no-tui",
               "--run-dir", str(run), *SMALL]
    return subprocess.Popen(command, stdin=subprocess.DEVNULL, stderr=subprocess.PIPE, start_new_session=True)


def reach(run: Path, words: bytes, within_s: float = 90) -> None:
    """Wait until the history says something."""
    until = time.monotonic() + within_s
    while time.monotonic() < until:
        history = run / "history.jsonl"
        if history.exists() and words in history.read_bytes():
            return
        time.sleep(0.1)
    pytest.fail(f"the run never came to {words!r}")


def step(name: str) -> bytes:
    """What the history says when a step begins."""
    return f'"step":"{name}","kind"'.encode()


def nothing_left(run: Path) -> None:
    assert [one for one in leftovers.find() if one.run == run.name] == []
    assert not (run / "control.sock").exists() and not (run / "control.json").exists()


def test_ctrl_c_once_rolls_back_and_proves_blue_well(tmp_path):
    run = tmp_path / "once"
    child = begin(run)
    reach(run, step("migrate"))
    child.send_signal(signal.SIGINT)
    assert child.wait(60) in (2, 3)  # 3 unless a check had too little evidence so early
    verdict = from_json((run / "verdict.json").read_bytes())
    assert verdict.ended == "rolled_back"
    assert verdict.check("rollback").verdict == "held"
    nothing_left(run)


def test_ctrl_c_twice_stops_and_cleans_up_at_once(tmp_path):
    run = tmp_path / "twice"
    child = begin(run)
    reach(run, step("copy"))
    child.send_signal(signal.SIGINT)
    time.sleep(0.2)
    child.send_signal(signal.SIGINT)
    assert child.wait(30) == 255
    nothing_left(run)


def test_sigterm_while_it_starts_leaves_nothing(tmp_path):
    run = tmp_path / "term"
    child = begin(run)
    reach(run, b'"f":"stack"')
    time.sleep(1.0)
    child.send_signal(signal.SIGTERM)
    assert child.wait(30) == 255
    nothing_left(run)


def test_after_a_sigkill_clean_removes_what_is_left_and_keeps_the_folder(tmp_path):
    run = tmp_path / "kill"
    child = begin(run)
    reach(run, step("baseline"))
    os.kill(child.pid, signal.SIGKILL)
    child.wait(10)
    time.sleep(1.0)
    leftovers.remove(run="kill")
    assert [one for one in leftovers.find() if one.run == "kill"] == []
    assert (run / "history.jsonl").exists()
