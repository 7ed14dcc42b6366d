"""Is there room for two databases of this size, on the disk or in memory? Asked before they are made."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from pathlib import Path

import psutil

from sim.errors import BadInput

BASE_BYTES = 500_000_000
"""Source: du of two runs, every ten seconds: 1.45 GB at 20,000 grants, 10.7 GB at 200,000, write-ahead log too."""
GRANT_BYTES = 52_000
"""Source: the same."""
SPARE_BYTES = 1 << 30
"""Assumption: what all the rest of a run takes of the memory."""


def must_have_room(place: Path | None, grants: int) -> None:
    """Raise BadInput if `place` has less room than a run with so many grants takes; None = nobody knows the place."""
    if place is None:
        return
    free, needed = shutil.disk_usage(place).free, BASE_BYTES + grants * GRANT_BYTES
    if free < needed:
        raise BadInput(f"two databases of {grants:,} grants need {needed / 1e9:.1f} GB of disk", where=str(place),
                       seen=f"{free / 1e9:.1f} GB are free",
                       todo="free some, point TMPDIR at another disk, or take fewer: --set population.grants=2000")


def must_have_memory(disks: Mapping[str, int], machine_bytes: int) -> None:
    """Raise BadInput if disks in memory (part → bytes) would take more of it than there is.

    A full one takes all its size. `machine_bytes`: all that the daemon's machine has, which may be a virtual one here.
    """
    needed, free = sum(disks.values()) + SPARE_BYTES, min(psutil.virtual_memory().available, machine_bytes)
    if disks and free < needed:
        raise BadInput(f"the disks that this scenario fills are in memory and need {needed / 1e9:.1f} GB of it",
                       where=", ".join(disks), seen=f"{free / 1e9:.1f} GB are free",
                       todo="give the disk faults a size, or take fewer grants: --set population.grants=2000")
