"""The sender goes first: where cores are few, what is measured must not make the measuring late.

Takes what the machine allows: a higher priority needs the right to it (root has it). Linux weighs
sessions against each other before it looks at priorities inside one (autogroup, sched(7)), so
both are asked for. Programs that the process engine starts put theirs back (engines/guard.py).
"""

from __future__ import annotations

import contextlib
import os
from pathlib import Path

NICE = -10
"""Assumption: ten times the weight of a part, at a tenth of a core that the harness uses."""


def take_precedence() -> bool:
    """Raise this process's priority; False if nobody lets it."""
    return weigh(os.getpid(), NICE)


def weigh(pid: int, nice: int) -> bool:
    """Set a process's priority and its session's; False if nobody lets us, or it is gone."""
    try:
        os.setpriority(os.PRIO_PROCESS, pid, nice)
    except (OSError, AttributeError):
        return False
    with contextlib.suppress(OSError):
        Path(f"/proc/{pid}/autogroup").write_text(str(nice))
    return True
