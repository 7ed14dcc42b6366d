"""What a run has running, on the disk: whole at every instant, for its owner alone, gone at the end."""

from __future__ import annotations

import json
import os
import stat
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import pytest

from sim.paths import PROJECT
from sim.rigs.real.living import alive, me
from sim.rigs.real.record import Record, living, only_one


@pytest.fixture(autouse=True)
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("REHEARSE_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


def told() -> dict[str, Any]:
    (path,) = living().glob("*.json")
    found: dict[str, Any] = json.loads(path.read_text())
    return found


def test_it_is_there_before_anything_is_started(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        Record("a-run", kind="process", run_dir=tmp_path / "run", folder=tmp_path / "rh-1")
    finally:
        os.umask(before)
    assert told() == {"run": "a-run", "owner": me(), "kind": "process", "run_dir": str(tmp_path / "run"),
                      "folder": str(tmp_path / "rh-1"), "processes": {}, "inherits": []}
    assert alive(told()["owner"])
    (path,) = living().iterdir()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600 and stat.S_IMODE(living().stat().st_mode) == 0o700


def test_every_process_a_service_ever_had_is_kept(tmp_path: Path) -> None:
    """A service that was restarted may have left its first process behind."""
    record = Record("a-run", kind="process", run_dir=tmp_path)
    record.add("edge", "11:1.00")
    record.add("queue", "12:1.00")
    record.add("edge", "13:2.00")
    assert told()["processes"] == {"edge": ["11:1.00", "13:2.00"], "queue": ["12:1.00"]}


def test_a_reader_never_sees_half_of_it(tmp_path: Path) -> None:
    record = Record("a-run", kind="process", run_dir=tmp_path)
    read: list[int] = []
    ended = threading.Event()

    def look() -> None:
        while not ended.is_set():
            read.append(len(told()["processes"].get("edge", [])))

    reader = threading.Thread(target=look)
    reader.start()
    for n in range(200):
        record.add("edge", f"{n}:1.00")
    ended.set()
    reader.join()
    assert read == sorted(read) and len(told()["processes"]["edge"]) == 200
    assert [p.suffix for p in living().iterdir()] == [".json"], "no part is left beside it"


def test_closed_it_is_gone_and_closing_twice_is_nothing(tmp_path: Path) -> None:
    other = Record("another", kind="docker", run_dir=tmp_path)
    record = Record("a-run", kind="process", run_dir=tmp_path)
    record.close()
    record.close()
    assert told()["run"] == "another"
    other.close()
    assert list(living().iterdir()) == []


def test_two_cleaners_take_turns(own_cache: Path) -> None:
    """The second waits until the first has let go, also if the first dies."""
    code = ("import time; from sim.rigs.real.record import only_one\n"
            "with only_one(): print('mine', flush=True); time.sleep(60)")
    first = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True,
                             env={**os.environ, "PYTHONPATH": str(PROJECT)})
    assert first.stdout is not None and first.stdout.readline() == "mine\n"
    got = threading.Event()

    def second() -> None:
        with only_one():
            got.set()

    waiting = threading.Thread(target=second, daemon=True)
    waiting.start()
    time.sleep(0.2)
    assert not got.is_set(), "the first still holds it"
    first.kill()
    first.communicate()
    assert got.wait(5)
    waiting.join(5)
