"""Loopback ports of two runs at once: whoever asks in whichever process, no port is given twice."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from sim.paths import PROJECT
from sim.rigs.real import ports
from sim.rigs.real.ports import Ports


@pytest.fixture(autouse=True)
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("REHEARSE_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


def test_two_processes_at_once_get_no_port_twice(monkeypatch: pytest.MonkeyPatch) -> None:
    """Both draw from forty ports and take fifteen each; every port is held until both have ended."""
    code = ("import sys; from sim.rigs.real import ports; ports.FIRST, ports.LAST = 26300, 26340\n"
            "mine = ports.Ports(); print(*[mine.take() for _ in range(15)], flush=True); sys.stdin.read()")
    both = [subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
                             env={**os.environ, "PYTHONPATH": str(PROJECT)}) for _ in range(2)]
    taken = [line.stdout.readline().split() for line in both if line.stdout is not None]
    for one in both:
        one.communicate()
    assert [len(t) for t in taken] == [15, 15]
    assert len({*taken[0], *taken[1]}) == 30


def test_a_dead_owner_s_port_is_left_to_clean(own_cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Taking it over would race with another run that finds it dead too."""
    monkeypatch.setattr(ports, "FIRST", 26341)
    monkeypatch.setattr(ports, "LAST", 26343)
    (own_cache / "ports").mkdir(parents=True)
    (own_cache / "ports" / "26341").write_text("1:0.00")
    assert Ports().take() == 26342
    assert (own_cache / "ports" / "26341").read_text() == "1:0.00"


def test_given_back_a_port_can_be_taken_again(own_cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.socket() as free:  # of all ports the one that nobody has just now
        free.bind(("127.0.0.1", 0))
        number = free.getsockname()[1]
    monkeypatch.setattr(ports, "FIRST", number)
    monkeypatch.setattr(ports, "LAST", number + 1)
    first = Ports()
    port = first.take()
    first.close()
    first.close()
    assert Ports().take() == port
    assert not list((own_cache / "ports").glob(".*")), "no half-written lock stays"


def test_a_lock_file_is_for_its_owner_alone(own_cache: Path) -> None:
    before = os.umask(0)
    try:
        Ports().take()
    finally:
        os.umask(before)
    (lock,) = (own_cache / "ports").iterdir()
    assert lock.stat().st_mode & 0o777 == 0o600
