"""A cache of a test's own, and marks of processes that are no more."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from sim.errors import EngineDown
from sim.rigs.real.living import mark


def take_own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Work in a cache below `tmp_path`, beside a Docker daemon that does not answer; returns it."""
    def down(**_: object) -> None:
        raise EngineDown("no daemon")

    monkeypatch.setenv("REHEARSE_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr("sim.rigs.real.acquire.daemon.client", down)
    return tmp_path / "cache"


def dead_mark() -> str:
    """The mark of a process that has ended."""
    child = subprocess.Popen([sys.executable, "-c", "import sys; sys.stdin.read()"], stdin=subprocess.PIPE)
    told = mark(child.pid)
    child.communicate()
    return told
