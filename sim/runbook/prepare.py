"""Before the copy: baseline, lifetime, capture."""

from __future__ import annotations

from sim.errors import StepFailed
from sim.runbook.context import Acting, Context
from sim.scenario import Baseline, Capture, Lifetime


def baseline(ctx: Context, step: Baseline) -> Acting:
    """Watch the traffic; it must be steady before anything is touched.

    A window that only became slower is watched again: nothing was touched, so it was the machine.
    A request that failed ends it at once.
    """
    for left in reversed(range(step.windows)):
        ctx.watcher.begin()
        yield ctx.env.timeout(step.for_)
        window = ctx.watcher.end()
        trouble = window.outage()
        slowing = window.slowing()
        if trouble or (slowing and not left):
            raise StepFailed(f"the baseline is not steady: {trouble or slowing}", where="baseline",
                             todo="free the machine or lower traffic.rate, then run again")
        if not slowing:
            break
        ctx.journal.note("runbook", "unsteady", {"step": step.name, "why": slowing})
        ctx.note(f"not steady yet ({slowing}); watching again", "warn")
    return {"operations": window.operations, "p95_first_s": window.first_p95_s,
            "p95_second_s": window.second_p95_s}


def lifetime(ctx: Context, step: Lifetime) -> Acting:
    """Raise the access tokens' lifetime, then wait until the old ones are renewed."""
    figures = yield from ctx.do(ctx.rig.operations.set_lifetime(step.access))
    yield ctx.env.timeout(step.dwell)
    return {**figures, "dwell_s": step.dwell}


def lifetime_undo(ctx: Context, step: Lifetime) -> Acting:
    """Put the lifetime back."""
    figures: dict[str, object] = yield from ctx.do(ctx.rig.operations.set_lifetime(None))
    return figures


def capture(ctx: Context, step: Capture) -> Acting:
    """Put each revocation also in the queue; ends when every earlier one has its outcome."""
    figures: dict[str, object] = yield from ctx.do(ctx.rig.operations.capture(True, direction="forward"))
    return figures


def capture_undo(ctx: Context, step: Capture) -> Acting:
    """Stop capturing."""
    figures: dict[str, object] = yield from ctx.do(ctx.rig.operations.capture(False, direction="forward"))
    return figures
