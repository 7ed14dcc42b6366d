"""The wheel holds everything a run needs, and its command starts from wherever it was installed."""

from __future__ import annotations

import configparser
import lzma
import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from sim.paths import PROJECT, SHARED

DATA = ("compose", "scenarios")
CODE = ("sim", "tui")


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Built from a copy, so that nothing is left in the checkout; without a network."""
    copy, out = tmp_path_factory.mktemp("checkout"), tmp_path_factory.mktemp("wheel")
    for name in (*CODE, *DATA):
        shutil.copytree(PROJECT / name, copy / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("pyproject.toml", "README.md", "services.lock"):
        shutil.copy(PROJECT / name, copy)
    done = subprocess.run(
        [sys.executable, "-c", "import sys; from setuptools import build_meta; build_meta.build_wheel(sys.argv[1])",
         str(out)], cwd=copy, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-3000:]
    (built,) = out.glob("*.whl")
    return built


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Unpacked as `pip install --target` does: code at the top, data files below it."""
    target = tmp_path_factory.mktemp("site")
    with zipfile.ZipFile(wheel) as packed:
        packed.extractall(target)
    (data,) = target.glob("*.data/data")
    shutil.copytree(data, target, dirs_exist_ok=True)
    return target


def files(*folders: str) -> set[str]:
    """The files of the checkout below these folders."""
    return {str(path.relative_to(PROJECT)) for folder in folders for path in (PROJECT / folder).rglob("*")
            if path.is_file() and "__pycache__" not in path.parts}


def test_it_holds_every_file_of_code_and_data(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as packed:
        names = set(packed.namelist())
    assert files(*CODE) - names == set()
    shared = {name.partition(f".data/data/{SHARED}/")[2] for name in names} - {""}
    assert shared == files(*DATA) | {"services.lock"}
    for needed in ("scenarios/demo/history.jsonl.xz", "scenarios/.schema.json", "compose/stack.yaml"):
        assert needed in shared
    assert any(name.startswith("sim/report/page/") for name in names) and "tui/app.tcss" in names


def test_only_its_own_names_stand_at_the_top(wheel: Path) -> None:
    """A top-level `compose` or `tests` would clash with somebody else's."""
    with zipfile.ZipFile(wheel) as packed:
        top = {name.split("/")[0] for name in packed.namelist()}
    assert {name for name in top if not name.startswith("hydra_rehearsal-")} == set(CODE)


def test_its_command_works_from_where_it_was_installed(installed: Path, tmp_path: Path) -> None:
    def python(*arguments: str) -> str:
        done = subprocess.run([sys.executable, *arguments], cwd=tmp_path, capture_output=True, text=True,
                              stdin=subprocess.DEVNULL, env={**os.environ, "PYTHONPATH": str(installed)})
        assert done.returncode == 0, done.stderr[-3000:]
        return done.stdout

    entries = configparser.ConfigParser()
    entries.read(next(installed.glob("*.dist-info/entry_points.txt")))
    module, _, function = entries["console_scripts"]["rehearse"].partition(":")
    start = f"import sys; from {module} import {function}; sys.argv[0] = 'rehearse'; {function}()"
    assert str(installed) in python("-c", "import sim, tui; print(sim.__file__, tui.__file__)")
    assert "10-upgrade-b-capture-replay" in python("-c", start, "scenarios")
    python("-c", start, "validate", "10")
    run = tmp_path / "run"
    shutil.copytree(installed / SHARED / "scenarios" / "demo", run)
    (run / "history.jsonl").write_bytes(lzma.decompress((run / "history.jsonl.xz").read_bytes()))
    assert "<html" in python("-c", start, "report", str(run), "--html")
    python("-c", start, "watch", "demo", "--svg", str(tmp_path / "demo.svg"), "--screen", "7")
    assert (tmp_path / "demo.svg").stat().st_size > 10_000
    dry = python("-c", start, "run", "10", "--dry", "--run-dir", str(tmp_path / "dry"))
    assert "cutover" in dry and (tmp_path / "dry" / "plan.jsonl").stat().st_size > 0
