"""`python -m tui RUN_FOLDER [--replay --speed N]`: the screen of one run."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path


def main() -> int:
    """Open the screen; returns 0 when it is left, 254 for a folder without a run."""
    parser = argparse.ArgumentParser(prog="python -m tui", description="The screen of one run.")
    parser.add_argument("folder", type=Path, help="the run's folder")
    parser.add_argument("--replay", action="store_true", help="play a stored run as it went")
    parser.add_argument("--speed", type=float, default=1.0, help="of a replay, 1 is as it went")
    given = parser.parse_args()
    if not given.folder.is_dir():
        print(f"there is no run folder {given.folder}", file=sys.stderr)
        return 254
    if given.speed <= 0:
        print("--speed is a number above 0", file=sys.stderr)
        return 254
    from tui.app import RehearsalApp

    RehearsalApp(given.folder, replay=given.replay, speed=given.speed).run()
    return 0


if __name__ == "__main__":
    sys.exit(main())
