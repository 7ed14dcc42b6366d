"""What cleaning goes by when records are damaged, runs are named, or nothing was ever run."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import psutil
import pytest
from caches import dead_mark, take_own_cache

from sim.faults.written import Written, unhealed
from sim.rigs.real import leftovers
from sim.rigs.real.living import alive, mark, me
from sim.rigs.real.record import HOME_PREFIX, Record, living


@pytest.fixture(autouse=True)
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A cache of the test's own, and a Docker daemon that does not answer."""
    return take_own_cache(tmp_path, monkeypatch)


@pytest.fixture(scope="module")
def dead() -> str:
    """The mark of a process that has ended."""
    return dead_mark()


def orphan(run: str, owner: str, tmp_path: Path) -> Path:
    """A record of a run, with a folder of its own, whose owner is `owner`; returns the folder."""
    home = tmp_path / f"{HOME_PREFIX}{run}"
    home.mkdir()
    Record(run, kind="process", run_dir=tmp_path, folder=home)
    path = living() / f"{run}.{os.getpid()}.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), "owner": owner}))
    return home


def test_where_nothing_was_run_nothing_is_left_over() -> None:
    assert leftovers.find() == [] == leftovers.remove()


def test_without_a_daemon_files_are_cleaned_all_the_same(tmp_path: Path, dead: str) -> None:
    home = orphan("a", dead, tmp_path)
    assert [one.kind for one in leftovers.remove()] == ["folder", "record"]
    assert not home.exists() and leftovers.find() == []


def test_one_run_is_removed_and_the_others_stay(tmp_path: Path, dead: str) -> None:
    one, other, living_one = orphan("a", dead, tmp_path), orphan("b", dead, tmp_path), orphan("c", me(), tmp_path)
    assert {found.run for found in leftovers.remove(run="a")} == {"a"}
    assert not one.exists() and other.exists() and living_one.exists()
    assert {found.run for found in leftovers.remove()} == {"b"}
    assert living_one.exists(), "whose owner lives is not touched"
    assert [p.name.split(".")[0] for p in living().glob("*.json")] == ["c"]


@pytest.mark.parametrize("text", ["", "{", "[]", "null", '{"run": "x"}', "\x00"])
def test_a_damaged_record_keeps_nobody_from_cleaning_the_rest(text: str, tmp_path: Path, dead: str) -> None:
    home = orphan("b", dead, tmp_path)
    (living() / "a.1.json").write_text(text)
    leftovers.remove()
    assert not home.exists()


def test_the_shared_memory_of_a_killed_postgres_is_asked_for_by_its_own_number(
        tmp_path: Path, dead: str, monkeypatch: pytest.MonkeyPatch) -> None:
    home = orphan("a", dead, tmp_path)
    (home / "data" / "blue-postgres").mkdir(parents=True)
    (home / "data" / "blue-postgres" / "postmaster.pid").write_text(
        "4711\n/data\n1700000000\n5432\n/socket\n127.0.0.1\n  1234567    987654\nready\n")
    (home / "data" / "green-postgres").mkdir()
    (home / "data" / "green-postgres" / "postmaster.pid").write_text("4711\n")
    ran: list[list[str]] = []
    monkeypatch.setattr("sim.rigs.real.engines.folder.subprocess.run", lambda command, **_: ran.append(command))
    leftovers.remove()
    assert ran == [["ipcrm", "-m", "987654"]], "the segment's id, not its key; a pid file without one is passed over"
    assert not home.exists()


def test_ending_what_has_ended_is_nothing(dead: str) -> None:
    leftovers.end(dead)
    leftovers.end("nonsense")


def test_faults_of_a_dead_run_are_healed_first_and_its_list_says_so(tmp_path: Path, dead: str) -> None:
    """A frozen process goes on before it is ended, whatever other runs live."""
    frozen = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
    its = mark(frozen.pid)
    try:
        os.kill(frozen.pid, signal.SIGSTOP)
        runs = {}
        for run, owner in (("a", dead), ("c", me())):
            folder = runs[run] = tmp_path / f"folder-{run}"
            folder.mkdir()
            written = Written(folder / "faults.jsonl")
            written.write("slow", "making", {"name": "slow", "fault": "latency", "link": "edge->queue"})
            written.write("frozen", "making", {"name": "frozen", "fault": "pause", "part": "edge"})
            Record(run, kind="process", run_dir=folder)
            path = living() / f"{run}.{os.getpid()}.json"
            path.write_text(json.dumps({**json.loads(path.read_text()), "owner": owner,
                                        "processes": {"edge": [its]} if run == "a" else {}}))
        with (runs["a"] / "faults.jsonl").open("a") as torn:
            torn.write('{"name": "fro')
        found = leftovers.find(run="a")
        assert [one.name for one in found if one.kind == "fault"] == [
            "slow: latency on edge->queue", "frozen: pause on edge"]
        assert [one.kind for one in found][:3] == ["fault", "fault", "process"], "healed before anything is ended"
        (heal,) = [do for told, do in leftovers._all("a") if told.name.startswith("frozen")]
        heal()
        assert psutil.Process(frozen.pid).status() != psutil.STATUS_STOPPED
        leftovers.remove(run="a")
        assert not alive(its)
        assert unhealed(runs["a"] / "faults.jsonl") == []
        assert '"by": "clean", "name": "slow", "state": "healed"' in (runs["a"] / "faults.jsonl").read_text()
        assert len(unhealed(runs["c"] / "faults.jsonl")) == 2, "a living run heals its own"
    finally:
        frozen.kill()
        frozen.wait()
