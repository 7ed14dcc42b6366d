"""`rehearse watch`: which run, live or replayed, and what it says without a terminal."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from screens import run_folder

from sim import paths
from sim.cli.runs import recording
from sim.cli.watch import lives
from sim.errors import BadInput


def test_a_run_lives_while_its_process_does(tmp_path: Path) -> None:
    assert not lives(tmp_path)
    (tmp_path / "control.json").write_text(json.dumps({"pid": os.getpid(), "socket": "s"}))
    assert lives(tmp_path)
    gone = subprocess.Popen([sys.executable, "-c", ""])
    gone.wait()
    (tmp_path / "control.json").write_text(json.dumps({"pid": gone.pid, "socket": "s"}))
    assert not lives(tmp_path), "killed: its control.json was left behind"
    (tmp_path / "control.json").write_text("{")
    assert not lives(tmp_path)


def test_the_demo_is_the_shipped_recording(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(paths, "PROJECT", tmp_path)
    (tmp_path / "compose").mkdir()
    (tmp_path / "compose" / "stack.yaml").touch()  # a checkout, not an installed copy
    with pytest.raises(BadInput, match="no recording"):
        recording("demo")
    (tmp_path / "scenarios" / "demo").mkdir(parents=True)
    (tmp_path / "scenarios" / "demo" / "history.jsonl.xz").write_bytes(b"")
    assert recording("demo") == tmp_path / "scenarios" / "demo"


@pytest.mark.parametrize("arguments", [["FOLDER"], ["FOLDER", "--speed", "0"], ["no-such-run"]])
def test_without_a_terminal_it_says_what_to_do(tmp_path: Path, arguments: list[str]) -> None:
    folder = run_folder(tmp_path, until_s=10.0)
    told = subprocess.run(
        [sys.executable, "-m", "sim.cli.app", "watch", *(str(folder) if a == "FOLDER" else a for a in arguments)],
        capture_output=True, text=True, stdin=subprocess.DEVNULL, check=False,
        env={**os.environ, "REHEARSE_HOME": str(tmp_path / "home"), "PYTHONPATH": str(paths.PROJECT)})
    assert told.returncode == 254 and "do:" in told.stderr and "Traceback" not in told.stderr


def test_the_screen_refuses_a_folder_that_is_not_there(tmp_path: Path) -> None:
    told = subprocess.run([sys.executable, "-m", "tui", str(tmp_path / "gone")], capture_output=True, text=True,
                          check=False, cwd=paths.PROJECT)
    assert told.returncode == 254 and "gone" in told.stderr
