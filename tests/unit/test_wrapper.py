"""The wrapper `rehearse`: it finds a Python, installs only when the lock changed, and hands over."""

from __future__ import annotations

import os
import shutil
import subprocess
import time
from pathlib import Path

import pytest

from sim import paths

STUB = '#!/bin/sh\necho "$0 $*"\n'
"""Stands for the environment's python, so that a start shows what it would run."""

FAILING_STUB = '#!/bin/sh\ncase "$*" in *install*) echo "no network" >&2; exit 1 ;; esac\necho "$0 $*"\n'


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """The wrapper with locks and an environment that has just been made by it."""
    for name in ("rehearse", "requirements.lock", "requirements-dev.lock"):
        shutil.copy(paths.data(name), tmp_path / name)
    python = tmp_path / ".venv" / "bin" / "python"
    python.parent.mkdir(parents=True)
    python.write_text(STUB)
    python.chmod(0o755)
    shutil.copy(tmp_path / "requirements.lock", tmp_path / ".venv" / ".rehearse-requirements")
    return tmp_path


def start(checkout: Path, *arguments: str, path: str = os.environ["PATH"]) -> subprocess.CompletedProcess[str]:
    environment = {"PATH": path, "HOME": str(checkout)}
    return subprocess.run(
        [str(checkout / "rehearse"), *arguments], env=environment, capture_output=True, text=True, timeout=30
    )


def bare_path(folder: Path) -> str:
    """A PATH with what the wrapper itself needs, and no Python."""
    folder.mkdir()
    for tool in ("bash", "env", "dirname", "readlink", "cmp", "rm", "cp"):
        (folder / tool).symlink_to(shutil.which(tool) or tool)
    return str(folder)


def test_a_warm_start_hands_over_at_once(checkout: Path) -> None:
    times = []
    for _ in range(5):
        begun = time.monotonic()
        ended = start(checkout, "run", "10", "--set", "a b=c", path=bare_path(checkout / f"bin{len(times)}"))
        times.append(time.monotonic() - begun)
        assert ended.stderr == ""
        assert ended.stdout == f"{checkout}/.venv/bin/python -m sim.cli.app run 10 --set a b=c\n"
    assert min(times) < 0.1


def test_the_tests_need_more_packages_than_the_rest(checkout: Path) -> None:
    ended = start(checkout, "test", path=bare_path(checkout / "bin"))
    assert "-r " + str(checkout / "requirements-dev.lock") in ended.stderr
    assert ended.stdout == f"{checkout}/.venv/bin/python -m sim.cli.app test\n"
    (checkout / ".venv" / ".rehearse-requirements").unlink()
    for command in ("test", "runs"):  # who has the tests' packages has all
        ended = start(checkout, command)
        assert ended.stderr == ""
        assert ended.stdout == f"{checkout}/.venv/bin/python -m sim.cli.app {command}\n"


def test_a_changed_lock_installs_again_and_once(checkout: Path) -> None:
    with (checkout / "requirements.lock").open("a") as lock:
        lock.write("\n")
    path = bare_path(checkout / "bin")
    ended = start(checkout, "runs", path=path)
    assert "installing the packages of requirements.lock" in ended.stderr
    assert f"--require-hashes -r {checkout}/requirements.lock" in ended.stderr
    assert start(checkout, "runs", path=path).stderr == ""


def test_a_failed_install_is_told_and_tried_again(checkout: Path) -> None:
    python = checkout / ".venv" / "bin" / "python"
    python.write_text(FAILING_STUB)
    (checkout / ".venv" / ".rehearse-requirements").unlink()
    path = bare_path(checkout / "bin")
    for _ in range(2):
        ended = start(checkout, "runs", path=path)
        assert ended.returncode == 255
        assert "no network" in ended.stderr
        assert "could not be installed" in ended.stderr
        assert ended.stdout == ""


def test_without_python_it_says_what_to_install(checkout: Path) -> None:
    shutil.rmtree(checkout / ".venv")
    ended = start(checkout, "runs", path=bare_path(checkout / "bin"))
    assert ended.returncode == 255
    assert "needs Python 3.11 or newer" in ended.stderr
    assert "apt-get install python3" in ended.stderr
    assert not (checkout / ".venv").exists()


def test_it_may_be_called_through_a_link_from_anywhere(checkout: Path, tmp_path: Path) -> None:
    link = tmp_path / "elsewhere"
    link.symlink_to(checkout / "rehearse")
    ended = subprocess.run([str(link), "runs"], cwd="/", capture_output=True, text=True, timeout=30)
    assert ended.stdout == f"{checkout}/.venv/bin/python -m sim.cli.app runs\n"


def test_the_scripts_are_valid_shell() -> None:
    for script in ("rehearse", ".ci/run", "compose/images/postgres/entrypoint.sh"):
        subprocess.run(["bash", "-n", paths.data(script)], check=True, timeout=10)
