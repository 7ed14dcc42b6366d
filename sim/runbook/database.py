"""The copy and what is done to it while blue serves: copy, cleanup, migrate, repair."""

from __future__ import annotations

from sim.runbook.context import Acting, Context
from sim.scenario import Cleanup, Copy, Migrate, Preflight, Repair


def preflight(ctx: Context, step: Preflight) -> Acting:
    """Rehearse the scenario's own cleanup and migration on a copy that nobody else sees."""
    planned = next((s for s in ctx.scenario.runbook if isinstance(s, Cleanup)), None)
    figures: dict[str, object] = yield from ctx.do(ctx.rig.operations.preflight(
        rows=planned.rows if planned is not None else "none", progress=ctx.progress(step.name)))
    return figures


def copy(ctx: Context, step: Copy) -> Acting:
    """Copy blue's database to green under one snapshot, and compare them key by key."""

    def snapshot() -> None:
        ctx.journal.note("runbook", "snapshot", {"by": step.by})
        ctx.phases.mark("snapshot")

    figures = yield from ctx.do(ctx.rig.operations.copy(
        jobs=step.jobs, on_snapshot=snapshot, progress=ctx.progress(step.name)))
    yield from ctx.measure("equality")
    if ctx.scenario.stack.authz.cleanup is not None:
        figures = {**figures, "grants": (yield from ctx.do(ctx.rig.operations.keep_grants()))}
    return dict(figures)


def copy_undo(ctx: Context, step: Copy) -> Acting:
    """Stop whatever of green runs and drop the copy."""
    yield from ctx.do(ctx.rig.operations.stop_green())
    figures: dict[str, object] = yield from ctx.do(ctx.rig.operations.drop_copy())
    return figures


def cleanup(ctx: Context, step: Cleanup) -> Acting:
    """Find the rows that would break the migration; mend each or set it aside."""
    if step.old == "stopped":
        yield from ctx.do(ctx.rig.operations.stop_blue())
    figures: dict[str, object] = yield from ctx.do(
        ctx.rig.operations.cleanup(rows=step.rows, progress=ctx.progress(step.name)))
    return figures


def start_old(ctx: Context, step: Cleanup) -> Acting:
    """Blue serves again; what was mended stays, and what it was before is kept."""
    figures: dict[str, object] = yield from ctx.do(ctx.rig.operations.start_blue())
    return figures


def migrate(ctx: Context, step: Migrate) -> Acting:
    """Run the migration; the migration list decides, not the exit code."""
    if not ctx.scenario.way_back_after_migration:
        ctx.desk.past_return = True
    if step.old == "stopped":
        yield from ctx.do(ctx.rig.operations.stop_blue())
    figures: dict[str, object] = yield from ctx.do(
        ctx.rig.operations.migrate(by=step.by, analyze=step.analyze, progress=ctx.progress(step.name)))
    yield from ctx.measure("migrations")
    return figures


def repair(ctx: Context, step: Repair) -> Acting:
    """Put back what the stock migration marked wrongly, while green's Hydra starts beside it.

    Each second here is one of the window, in which grants are made that green will not know.
    """
    starting = ctx.env.call(ctx.rig.operations.start_green())
    figures: dict[str, object] = yield from ctx.do(
        ctx.rig.operations.repair(marks=list(step.marks), progress=ctx.progress(step.name)))
    started = yield from ctx.done(starting)
    return {**figures, "green": started}
