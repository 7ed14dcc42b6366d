"""Where things are: the project's data files, the cache and the run folders.

The only place that knows a path's layout. Nothing here creates anything but the cache
and the runs folder, both for their owner alone (0700).
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

PROJECT = Path(__file__).resolve().parent.parent
"""The checkout (or the folder an installed copy was unpacked to)."""


SHARED = "share/hydra-rehearsal"
"""Where an installed copy has its data files, below its prefix: a folder `compose` beside the packages would
be taken for a package of that name."""


def data(*parts: str) -> Path:
    """A file of compose/ or scenarios/, which are data and never imported; or one beside our code."""
    if parts[0] in ("sim", "tui") or (PROJECT / "compose" / "stack.yaml").exists():
        return PROJECT.joinpath(*parts)
    below = next((root for root in (PROJECT / SHARED, Path(sys.prefix) / SHARED) if root.is_dir()), PROJECT)
    return below.joinpath(*parts)


def cache(*parts: str) -> Path:
    """A path below the user's cache, `~/.cache/rehearse` (or $REHEARSE_CACHE)."""
    root = Path(os.environ.get("REHEARSE_CACHE") or Path.home() / ".cache" / "rehearse")
    root.mkdir(mode=0o700, parents=True, exist_ok=True)
    return root.joinpath(*parts)


def runs() -> Path:
    """The folder of all run folders: `.rehearse/runs` of the working directory."""
    root = Path(os.environ.get("REHEARSE_HOME") or Path.cwd() / ".rehearse") / "runs"
    root.mkdir(mode=0o700, parents=True, exist_ok=True)
    return root
