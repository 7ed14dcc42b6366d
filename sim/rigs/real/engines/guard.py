"""Starts one program of the process engine so that it ends with the harness, whatever happens to that.

Run as `python -I -S guard.py PARENT SIGNAL UID:GID NICE PROGRAM ARGUMENTS…`: it becomes the given user
(root only; `-` = stay), asks Linux for SIGNAL when its parent dies (where there is no such
thing, `rehearse clean` ends what a killed harness left), and then becomes the program.
A program of its own, because code between fork and exec is unsafe in a process with threads
and uvloop takes no other user. It imports nothing of the rest.
"""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Callable

_PR_SET_PDEATHSIG = 1
"""Source: prctl(2)."""


def main() -> None:
    """Never returns: becomes the program, or exits 127."""
    parent, number, user, nice, *command = sys.argv[1:]
    with contextlib.suppress(OSError):  # its own: the harness may have raised its priority
        os.setpriority(os.PRIO_PROCESS, 0, int(nice))
    if int(nice):
        with contextlib.suppress(OSError), open("/proc/self/autogroup", "w") as session:
            session.write(nice)  # sessions are weighed first (see shares)
    wish = _wish()  # loaded while we are still ourselves: another user may not reach our Python's files
    if user != "-":
        uid, gid = (int(part) for part in user.split(":"))
        os.setgroups([])
        os.setgid(gid)
        os.setuid(uid)
    if wish is not None:
        wish(_PR_SET_PDEATHSIG, int(number), 0, 0, 0)  # last: a change of user clears it
        if os.getppid() != int(parent):
            sys.exit(1)  # it died before the wish was made
    try:
        os.execv(command[0], command)
    except OSError as error:
        print(f"{command[0]}: {error.strerror}", file=sys.stderr)
        sys.exit(127)


def _wish() -> Callable[..., int] | None:
    """Linux' prctl, where there is one."""
    if sys.platform != "linux":
        return None
    try:
        import ctypes

        prctl: Callable[..., int] = ctypes.CDLL(None).prctl
    except (ImportError, OSError, AttributeError):
        return None
    return prctl


if __name__ == "__main__":
    main()
