"""What is refused before anything is started, each by its name and with what to do instead."""

from __future__ import annotations

from pathlib import Path

from sim.errors import BadInput
from sim.history.history import History
from sim.runbook.stood import Stood
from sim.scenario import Exec, Scenario
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
    if stands.past_return and (why := _no_way_on(scenario, stands)):
        raise BadInput("this run was killed where there is no way back, and can't go on either", where=folder.name,
                       seen=why, todo=f"rehearse judge {folder.name} judges what it wrote, rehearse clean removes it")
    if not any(op.f == "stack" and op.type == "ok" for op in history.ops):
        raise BadInput("this run was killed before its stack stood: there is nothing to take up", where=folder.name,
                       todo="rehearse clean, then run it again")


def _no_way_on(scenario: Scenario, stands: Stood) -> str:
    """Why a run whose one database has begun to be migrated can't be played to its end; '' if it can."""
    under_way = next((step for step in stands.left if step.name == stands.under_way), None)
    if isinstance(under_way, Exec):
        return f"nobody knows whether the command of your own step {under_way.name} may be run twice"
    if scenario.stack.authz.cleanup is not None:
        return "what authz' cleanup job looked at went with the harness, so nobody could say whom it spared"
    return ""
