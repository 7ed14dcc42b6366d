"""`python -m tui FOLDER [--replay --speed N --read-only --role R]`: the screen of a run; `--pick FILE`: the picker.

`--svg FILE` writes a picture of it instead of opening it (see picture.py).
"""

from __future__ import annotations

import argparse
import gc
import os
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
    parser.add_argument("--child", type=int, default=0, help="the run's process, to be stopped while it starts")
    parser.add_argument("--pick", type=Path, help="choose from what this file tells of; the choice is written over it")
    parser.add_argument("--svg", type=Path, help="write a picture of one screen to this file and open none")
    for name in ("screen", "size", "theme", "at"):
        parser.add_argument(f"--{name}", default=argparse.SUPPRESS, help="of the picture (see picture.py)")
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
    if given.svg is not None:
        return _picture(given)
    from tui.app import RehearsalApp

    # What is read stays (tokens, grants); looking through it again and again for cycles would cost
    # a third of the time a long history takes.
    gc.set_threshold(100_000, 50, 100)
    again = RehearsalApp(given.folder, replay=given.replay, speed=given.speed, read_only=given.read_only,
                         role=given.role, child=given.child).run()
    if again:
        os.execv(sys.executable, [sys.executable, "-m", "sim.cli.app", *again])
    return 0


def _picture(given: argparse.Namespace) -> int:
    from sim.errors import RehearsalError
    from sim.runfolder import write_private
    from tui.picture import Wanted, picture

    try:
        wanted = Wanted(**{name: value for name, value in vars(given).items() if name in Wanted._fields})
        write_private(given.svg, picture(given.folder, wanted, role=given.role))
    except RehearsalError as error:
        print(f"error: {error}", file=sys.stderr)
        return error.exit_code
    except OSError as error:
        print(f"error: {given.svg}: this file can't be written\n  seen: {error.strerror}", file=sys.stderr)
        return 254
    return 0


if __name__ == "__main__":
    sys.exit(main())
