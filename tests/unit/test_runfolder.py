"""A run's folder: its owner's alone, never shared by two runs, `latest` beside it."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from sim import runfolder
from sim.errors import BadInput
from sim.runfolder import make_run_folder, point_latest, write_private


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("REHEARSE_HOME", str(tmp_path / "home"))
    return tmp_path / "home" / "runs"


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_a_new_folder_says_when_what_and_which_seed(home: Path) -> None:
    before = os.umask(0)
    try:
        folder = make_run_folder("10-x", 42, None)
    finally:
        os.umask(before)
    assert folder.parent == home.resolve()
    when, _, rest = folder.name.partition("-")
    assert rest == "10-x-42" and len(when) == 16 and when[8] == "T" and when.endswith("Z")
    assert mode(folder) == mode(folder / "logs") == mode(home) == 0o700
    assert (home / "latest").resolve() == folder
    assert os.readlink(home / "latest") == folder.name, "relative: it moves with its parent"


def test_two_runs_of_one_second_get_two_folders(home: Path) -> None:
    folders = {make_run_folder("10-x", 42, None) for _ in range(5)}
    assert len(folders) == 5
    assert len([p for p in home.iterdir() if not p.is_symlink()]) == 5


def test_two_runs_that_find_a_name_free_at_once_get_two_folders(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Both looked before either made it: the one that comes second must notice."""
    monkeypatch.setattr(Path, "exists", lambda self: False)
    one, two = make_run_folder("10-x", 42, None), make_run_folder("10-x", 42, None)
    assert one != two


def test_latest_is_the_newest_and_replaced_at_once(home: Path) -> None:
    make_run_folder("10-x", 1, None)
    second = make_run_folder("11-y", 2, None)
    assert (home / "latest").resolve() == second
    assert not [p for p in home.iterdir() if p.name.startswith(".latest")]


def test_a_latest_that_cannot_be_is_no_reason_to_fail(home: Path) -> None:
    home.mkdir(parents=True)
    (home / "latest").mkdir()
    (home / "latest" / "precious").touch()
    assert make_run_folder("10-x", 1, None).is_dir()
    assert (home / "latest" / "precious").exists()
    point_latest(Path("/nowhere/at/all/run"))


def test_a_folder_of_one_s_own_is_made_and_not_called_latest(home: Path, tmp_path: Path) -> None:
    folder = make_run_folder("10-x", 1, tmp_path / "deep" / "own")
    assert folder == (tmp_path / "deep" / "own").resolve() and mode(folder) == 0o700
    assert not (home / "latest").exists()


def test_a_folder_that_holds_a_run_is_refused(tmp_path: Path) -> None:
    (tmp_path / "history.jsonl").touch()
    with pytest.raises(BadInput, match="holds a run already"):
        make_run_folder("10-x", 1, tmp_path)


@pytest.mark.parametrize("given", ["a-file", "a-file/below"])
def test_a_folder_that_cannot_be_made_is_bad_input(given: str, tmp_path: Path) -> None:
    (tmp_path / "a-file").touch()
    with pytest.raises(BadInput, match="can't be made"):
        make_run_folder("10-x", 1, tmp_path / given)


def test_a_private_file_is_whole_or_not_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "verdict.json"
    before = os.umask(0)
    try:
        write_private(path, "first")
    finally:
        os.umask(before)
    assert path.read_text() == "first" and mode(path) == 0o600
    write_private(path, b"sec\xffond")
    assert path.read_bytes() == b"sec\xffond" and mode(path) == 0o600

    def full(*_: object, **__: object) -> object:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(runfolder.os, "fdopen", full)
    with pytest.raises(OSError, match="No space"):
        write_private(path, "third")
    assert path.read_bytes() == b"sec\xffond", "what was there stays whole"


def test_a_part_that_others_may_read_is_not_written_into(tmp_path: Path) -> None:
    part = tmp_path / "verdict.json.part"
    part.touch()
    part.chmod(0o666)
    write_private(tmp_path / "verdict.json", "x")
    assert mode(tmp_path / "verdict.json") == 0o600


def test_a_disk_with_too_little_room_is_told_before_anything_is_started(
        home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    usage = runfolder.shutil.disk_usage(Path("/"))._replace(free=3_000_000)
    monkeypatch.setattr(runfolder.shutil, "disk_usage", lambda _: usage)
    with pytest.raises(BadInput, match="more room than is left") as said:
        make_run_folder("slug", 1, None)
    assert said.value.seen == "3 MB are free"
    assert not list(runfolder.runs().glob("*slug*"))
