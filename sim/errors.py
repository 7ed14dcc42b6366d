"""Every error a user can meet, in one tree.

A message says what happened, where, what was seen and what to do next; the command
line prints it without a traceback and ends with the error's exit code. Anything that
is not one of these is a bug and ends with 255 and a traceback in the run's log.
"""

from __future__ import annotations

import errno


class RehearsalError(Exception):
    """Something failed that the user must hear about; ends the command with 255.

    `what` is one sentence; `where` a file:line:column, a part or a link; `seen` what the
    program or the system said (never a secret); `todo` what to do next.
    """

    exit_code = 255

    def __init__(self, what: str, *, where: str = "", seen: str = "", todo: str = "") -> None:
        super().__init__(what)
        self.what, self.where, self.seen, self.todo = what, where, seen, todo

    def __str__(self) -> str:
        lines = [f"{self.where}: {self.what}" if self.where else self.what]
        if self.seen:
            lines.append(f"  seen: {self.seen}")
        if self.todo:
            lines.append(f"  do:   {self.todo}")
        return "\n".join(lines)


class BadInput(RehearsalError):
    """A file, flag or value is wrong; nothing was started. Ends with 254."""

    exit_code = 254


class PartMissing(RehearsalError):
    """A real program cannot be had here: which, why, and what to install."""


class EngineDown(RehearsalError):
    """The docker daemon or a local prerequisite does not answer."""


class NotReady(RehearsalError):
    """A part was started and did not become ready in time; carries its last output."""


class DiskFull(RehearsalError):
    """There is no room left where something must be written."""

    NO_ROOM = frozenset({errno.ENOSPC, errno.EDQUOT})

    @classmethod
    def of(cls, error: BaseException, where: str = "") -> DiskFull | None:
        """What to say of an error of the system, or None if it is another one."""
        if not isinstance(error, OSError) or error.errno not in cls.NO_ROOM:
            return None
        return cls("the disk is full", where=where or str(error.filename or ""), seen=error.strerror or "",
                   todo="free some room (`rehearse runs` lists run folders, `rehearse clean` removes what dead runs "
                        "left), then run it again")


class StepFailed(RehearsalError):
    """A runbook step did not reach its goal; the run rolls back."""


class Refused(RehearsalError):
    """A command to a running rehearsal was refused; says why."""

    exit_code = 254
