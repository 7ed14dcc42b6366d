"""Who lives, which ports are whose, and what is left over of a run whose owner is dead."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest
from caches import dead_mark

from sim.errors import EngineDown
from sim.paths import PROJECT
from sim.rigs.real import leftovers
from sim.rigs.real.engines.guard import __file__ as guard
from sim.rigs.real.living import alive, mark, me
from sim.rigs.real.ports import FIRST, LAST, Ports
from sim.rigs.real.record import HOME_PREFIX, Record
from sim.rigs.real.secrets import Secrets, secrets


@pytest.fixture(autouse=True)
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A cache of the test's own, and no Docker: these are about files and processes."""
    monkeypatch.setenv("REHEARSE_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(leftovers, "_containers", list)
    return tmp_path / "cache"


def test_a_process_lives_until_it_ends_and_a_pid_used_again_is_another() -> None:
    assert alive(me())
    assert not alive(dead_mark())
    pid, started = me().split(":")
    assert not alive(f"{pid}:{float(started) - 60:.2f}")
    for nonsense in ("", "x", "1:", ":5", "-1:0"):
        assert not alive(nonsense)


def test_ports_are_free_distinct_and_given_back(own_cache: Path) -> None:
    one, two = Ports(), Ports()
    taken = [pool.take() for pool in (one, two) for _ in range(20)]
    assert len(set(taken)) == 40
    assert all(FIRST <= port < LAST for port in taken)
    assert (own_cache / "ports" / str(taken[0])).read_text() == me()
    one.close()
    assert sorted(int(p.name) for p in (own_cache / "ports").iterdir()) == sorted(taken[20:])
    two.close()
    assert list((own_cache / "ports").iterdir()) == []


def test_a_port_somebody_listens_on_or_holds_is_not_taken(own_cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.socket() as busy:
        busy.bind(("127.0.0.1", 0))
        port = busy.getsockname()[1]
        monkeypatch.setattr("sim.rigs.real.ports.FIRST", port)
        monkeypatch.setattr("sim.rigs.real.ports.LAST", port + 1)
        with pytest.raises(EngineDown, match="no free port"):
            Ports().take()
        assert list((own_cache / "ports").iterdir()) == []
    held = Ports()
    assert held.take() == port
    with pytest.raises(EngineDown):
        Ports().take()


def test_only_what_has_a_dead_owner_is_left_over(own_cache: Path, tmp_path: Path) -> None:
    home, folder = tmp_path / f"{HOME_PREFIX}x", tmp_path / "run"
    (home / "data").mkdir(parents=True)
    (folder / "logs").mkdir(parents=True)
    record = Record("a-run", kind="process", run_dir=folder, folder=home)
    ports = Ports()
    port = ports.take()
    sleeper = subprocess.Popen(["sleep", "60"], start_new_session=True)
    try:
        record.add("edge", mark(sleeper.pid))
        assert leftovers.find() == [], "its owner, this process, lives"
        dead = dead_mark()
        (path,) = (own_cache / "living").glob("*.json")
        path.write_text(json.dumps({**json.loads(path.read_text()), "owner": dead}))
        (own_cache / "ports" / str(port)).write_text(dead)
        assert leftovers.find(run="another") == []
        kinds = [one.kind for one in leftovers.find()]
        assert kinds == ["process", "port lock", "folder", "record"]
        assert [one.kind for one in leftovers.remove()] == kinds
        assert leftovers.find() == []
        assert not psutil.pid_exists(sleeper.pid)
        assert not home.exists()
        assert (folder / "logs").is_dir(), "a run folder is never removed"
    finally:
        sleeper.kill()
        sleeper.wait()


def test_a_folder_that_is_none_of_ours_is_never_removed(own_cache: Path, tmp_path: Path) -> None:
    precious = tmp_path / "precious"
    precious.mkdir()
    Record("a-run", kind="process", run_dir=tmp_path, folder=precious)
    (path,) = (own_cache / "living").glob("*.json")
    path.write_text(json.dumps({**json.loads(path.read_text()), "owner": dead_mark()}))
    assert [one.kind for one in leftovers.remove()] == ["record"]
    assert precious.is_dir()


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells a child that its parent died")
def test_a_guarded_program_ends_with_its_harness() -> None:
    code = (f"import os, subprocess, sys, time; p = subprocess.Popen([sys.executable, '-I', '-S', {guard!r},"
            " str(os.getpid()), '9', '-', '0', '/bin/sleep', '60'], start_new_session=True); print(p.pid, flush=True);"
            " time.sleep(60)")
    harness = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)
    assert harness.stdout is not None
    program = psutil.Process(int(harness.stdout.readline()))
    until = time.monotonic() + 10
    while program.name() != "sleep" and time.monotonic() < until:
        time.sleep(0.02)
    assert program.name() == "sleep"
    harness.kill()
    harness.wait()
    harness.stdout.close()
    program.wait(5)


def test_two_first_uses_agree_on_one_set_of_secrets(own_cache: Path) -> None:
    code = "from sim.rigs.real.secrets import secrets; print(secrets().system)"
    both = [subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True,
                             env={**os.environ, "PYTHONPATH": str(PROJECT)}) for _ in range(2)]
    told = {process.communicate()[0].strip() for process in both}
    assert told == {secrets().system}
    assert (own_cache / "secrets.json").stat().st_mode & 0o777 == 0o600


def test_secrets_are_masked_wherever_they_stand() -> None:
    own = Secrets(system="s3cret", database="pa55", control="t0ken")
    assert own.mask("dsn://hydra:pa55@h s3cret,t0ken") == "dsn://hydra:***@h ***,***"
    assert len(own.fingerprint) == 12
    assert own.fingerprint != Secrets(system="other", database="pa55", control="t0ken").fingerprint
