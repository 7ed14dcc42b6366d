"""The road with nothing to carry over: nobody may write while the copy is made and migrated."""

from __future__ import annotations

from sim.runbook.context import Acting, Context
from sim.scenario import Writes


def writes(ctx: Context, step: Writes) -> Acting:
    """Refuse authorizations, tokens, revocations and logouts at the edge, or let them in again."""
    figures: dict[str, object] = yield from ctx.do(ctx.rig.operations.writes(step.allowed))
    ctx.journal.note("runbook", "writes", {"allowed": step.allowed})
    return figures


def writes_undo(ctx: Context, step: Writes) -> Acting:
    """Whatever the step did, afterwards everybody may write."""
    figures: dict[str, object] = yield from ctx.do(ctx.rig.operations.writes(True))
    ctx.journal.note("runbook", "writes", {"allowed": True})
    return figures
