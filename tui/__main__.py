"""`python -m tui FOLDER [--replay --speed N --read-only --role R]`: the screen of a run; `--pick FILE`: the picker."""

from __future__ import annotations

import argparse
import gc
import sys
from pathlib import Path


def main() -> int:
    """Open the screen; returns 0 when it is left, 254 for a folder without a run."""
    parser = argparse.ArgumentParser(prog="python -m tui", description="The screen of one run.")
    parser.add_argument("folder", type=Path, nargs="?", help="the run's folder")
    parser.add_argument("--replay", action="store_true", help="play a stored run as it went")
    parser.add_argument("--speed", type=float, default=1.0, help="of a replay, 1 is as it went")
    parser.add_argument("--read-only", action="store_true", help="watch only: no command is sent")
    parser.add_argument("--role", default="", help="on a game day, whose screen it is; others see no surprise")
    parser.add_argument("--pick", type=Path, help="choose from what this file tells of; the choice is written over it")
    given = parser.parse_args()
    if given.pick is not None:
        from tui.picking import pick

        return pick(given.pick)
    if given.folder is None or not given.folder.is_dir():
        print(f"there is no run folder {given.folder or ''}", file=sys.stderr)
        return 254
    if given.speed <= 0:
        print("--speed is a number above 0", file=sys.stderr)
        return 254
    from tui.app import RehearsalApp

    # What is read stays (tokens, grants); looking through it again and again for cycles would cost
    # a third of the time a long history takes.
    gc.set_threshold(100_000, 50, 100)
    RehearsalApp(given.folder, replay=given.replay, speed=given.speed, read_only=given.read_only,
                 role=given.role).run()
    return 0


if __name__ == "__main__":
    sys.exit(main())
