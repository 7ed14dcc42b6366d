"""Builds what the real tests need while the fast ones, which come first, run."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from sim.paths import PROJECT

SUPPORT = Path(__file__).resolve().parent / "support"


@pytest.fixture(scope="session", autouse=True)
def early(request: pytest.FixtureRequest) -> Iterator[None]:
    """Begin to build at the first test, if there are real ones further on."""
    paths = [item.path.parent.name for item in request.session.items]
    if "real" not in paths or paths[0] == "real":
        yield
        return
    child = subprocess.Popen([sys.executable, str(SUPPORT / "early.py")], stdin=subprocess.DEVNULL,
                             stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                             env={**os.environ, "PYTHONPATH": f"{PROJECT}{os.pathsep}{SUPPORT}"})
    try:
        yield
    finally:
        with contextlib.suppress(ProcessLookupError):
            child.send_signal(signal.SIGINT)  # as Ctrl-C: a build under way is given up and cleaned up after
        child.wait()
