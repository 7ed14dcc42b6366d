"""Is there room on the disk for two databases of this size? Asked before they are made."""

from __future__ import annotations

import shutil
from pathlib import Path

from sim.errors import BadInput

BASE_BYTES = 500_000_000
"""Source: du of two runs, every ten seconds: 1.45 GB at 20,000 grants, 10.7 GB at 200,000, write-ahead log too."""
GRANT_BYTES = 52_000
"""Source: the same."""


def must_have_room(place: Path | None, grants: int) -> None:
    """Raise BadInput if `place` has less room than a run with so many grants takes; None = nobody knows the place."""
    if place is None:
        return
    free, needed = shutil.disk_usage(place).free, BASE_BYTES + grants * GRANT_BYTES
    if free < needed:
        raise BadInput(f"two databases of {grants:,} grants need {needed / 1e9:.1f} GB of disk", where=str(place),
                       seen=f"{free / 1e9:.1f} GB are free",
                       todo="free some, point TMPDIR at another disk, or take fewer: --set population.grants=2000")
