"""The labels of everything a run makes in Docker, and of its processes' environment."""

from __future__ import annotations

from pathlib import Path

RUN = "rehearse.run"
"""The run's id."""
OWNER = "rehearse.owner"
"""`pid:start` of the harness; the run lives as long as it does."""
WHERE = "rehearse.where"
"""The machine (and its set of pids) in which that pid means something: a daemon may be shared."""
SERVICE = "rehearse.service"
"""The service's or job's name in the stack file."""
MARKER = "REHEARSE_PART_OF"
"""Environment variable of every part of a run, its value `part_of` the run's folder; one that a user never has in a
shell of their own."""


def part_of(run_dir: Path) -> str:
    """What tells a run from all others: two may have one name, and never one folder."""
    return str(run_dir.resolve())
