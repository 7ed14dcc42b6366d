"""Finds or builds the real programs of every engine here: `python early.py`, while the fast tests run.

They leave a core idle, and a first build takes minutes. What can't be had is told by the test that needs it.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal

from in_place import HYDRAS

from sim.errors import RehearsalError
from sim.rigs.real.acquire import acquire
from sim.rigs.real.acquire.pins import HYDRA_VERSIONS
from sim.rigs.real.engines import choose

if __name__ == "__main__":
    os.nice(19)
    signal.signal(signal.SIGINT, signal.default_int_handler)  # also where a shell in the background ignores it
    for kind in ("process", "docker"):
        with contextlib.suppress(RehearsalError):
            asyncio.run(acquire(choose(kind)[0], hydra=HYDRAS if kind == "process" else HYDRA_VERSIONS))
