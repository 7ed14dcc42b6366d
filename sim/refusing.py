"""What is refused before anything is started, each by its name and with what to do instead."""

from __future__ import annotations

from pathlib import Path

from sim.errors import BadInput
from sim.history.history import History
from sim.runbook.stood import Stood
from sim.scenario import Scenario
from sim.scenario.kinds import unable
from sim.services import planted


def refuse_planted(known: str) -> None:
    """Refuse a bug in the environment that the bench did not put there. Raises BadInput."""
    if planted.now() != known:
        raise BadInput("a bug is planted in this environment", where=planted.VARIABLE, seen=planted.now(),
                       todo=f"unset {planted.VARIABLE}: `rehearse bench recall` alone plants bugs")
    if known and known not in planted.BUGS:
        raise BadInput(f"there is no bug `{known}` to plant", todo="one of " + ", ".join(planted.BUGS))


def refuse_unable(scenario: Scenario, engine: str) -> None:
    """Refuse faults that this engine can't make, by name: nothing is skipped. Raises BadInput."""
    for fault in scenario.every_fault:
        if why := unable(fault.fault, engine):
            raise BadInput(why, where=f"{scenario.slug}: {fault.name}", todo="leave it out, or run on the other engine")


def refuse_taking_up(folder: Path, history: History, scenario: Scenario, stands: Stood) -> None:
    """Refuse to take up a run that was not killed, or of which too little stood. Raises BadInput."""
    if stands.ended:
        raise BadInput("this run was not killed", where=folder.name, seen=f"it ended {stands.ended}",
                       todo=f"rehearse report {folder.name}")
    if scenario.in_place:
        raise BadInput("a run in place can't be taken up again yet", where=folder.name,
                       seen="there is one database, and its migration has no undo", todo="rehearse clean")
    if not any(op.f == "stack" and op.type == "ok" for op in history.ops):
        raise BadInput("this run was killed before its stack stood: there is nothing to take up", where=folder.name,
                       todo="rehearse clean, then run it again")
