"""`rehearse bench screen`: figures against goals, and a terminal whose escapes are taken out."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from sim.cli import bench_screen
from sim.cli.bench_screen import GOALS, Screen, shown


def test_a_missed_goal_is_told() -> None:
    told: dict[str, Any] = {**GOALS, "key_s": 0.2, "ops": 1_000_000, "end_s": 4.0, "peak_bytes": 9e8}
    text = shown({**told, "met": {name: told[name] <= goal for name, goal in GOALS.items()}})
    assert "slowest key in it                     200 ms    ≤ 100 ms  ✗ missed" in text
    assert text.count("✓") == len(GOALS) - 1 and "15.0 %" in text


def test_what_a_terminal_shows_is_read_without_its_escapes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    script = ("import sys, time; w = sys.stdout; w.write('\\x1b[1;31mre\\x1b[0mhearse \\x1b[38;2;2'); w.flush(); "
              "time.sleep(0.2); w.write(';3m✓ cut\\x1b[0m'); w.flush(); key = sys.stdin.readline(); "
              "w.write('\\x1b[2Jthere ' + key); w.flush(); time.sleep(30)")
    begin = subprocess.Popen
    monkeypatch.setattr(subprocess, "Popen",
                        lambda command, **more: begin([sys.executable, "-c", script], **more))
    screen = Screen(tmp_path)
    try:
        assert screen.wait("rehearse ✓ cut") > screen.began_s
        assert 0 <= screen.press("x\n", "there x") < 10
    finally:
        screen.close()


def test_what_never_comes_ends_with_what_was_seen(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    begin = subprocess.Popen
    monkeypatch.setattr(bench_screen, "WAIT_S", 0.5)
    monkeypatch.setattr(subprocess, "Popen",
                        lambda command, **more: begin(["sh", "-c", "echo something else; sleep 30"], **more))
    screen = Screen(tmp_path)
    try:
        with pytest.raises(RuntimeError, match="something else"):
            screen.wait("RUNBOOK")
    finally:
        screen.close()
