"""Bare `rehearse` on a terminal: choose a scenario to run or a run to look at."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

RECENT = 30
"""Assumption: older runs are found with `rehearse runs`."""


def pick() -> list[str]:
    """Show the picker until something is chosen → the command line it means; [] to leave."""
    from sim.cli.runs import list_runs
    from sim.cli.scenarios import list_scenarios

    told = {
        "scenarios": [line._asdict() for line in list_scenarios()],
        "runs": [line._asdict() for line in list_runs()[:RECENT]],
    }
    descriptor, name = tempfile.mkstemp(prefix="rehearse-", suffix=".json")
    path = Path(name)
    try:
        with os.fdopen(descriptor, "w") as file:
            json.dump(told, file, default=str)
        done = subprocess.run([sys.executable, "-m", "tui", "--pick", name], check=False)
        chosen = json.loads(path.read_text()) if done.returncode == 0 else []
    finally:
        path.unlink(missing_ok=True)
    return [str(word) for word in chosen] if isinstance(chosen, list) else []
