"""The sender's priority: taken where it may be, and not handed down to the parts."""

from __future__ import annotations

import subprocess
import sys

import pytest

from sim.rigs.real.engines.running import GUARD

TAKE = f"""
import os, subprocess, sys
from sim.precedence import NICE, take_precedence
took = take_precedence()
assert os.getpriority(os.PRIO_PROCESS, 0) == (NICE if took else 0), took
tell = "import os; print(os.getpriority(os.PRIO_PROCESS, 0))"
print(subprocess.check_output([sys.executable, "-I", "-S", {str(GUARD)!r}, str(os.getpid()), "9", "-", "0",
                               sys.executable, "-c", tell], text=True))
"""


@pytest.mark.skipif(sys.platform != "linux", reason="priorities of a thread are Linux'")
def test_the_harness_goes_first_and_what_it_starts_does_not() -> None:
    done = subprocess.run([sys.executable, "-c", TAKE], text=True, check=True, capture_output=True)
    assert done.stdout.strip() == "0"
