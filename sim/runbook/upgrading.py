"""An upgrade before the upgrade: blue goes on to a newer 1.x under its clients."""

from __future__ import annotations

from typing import Any

from sim.runbook.context import Acting, Context
from sim.runbook.switching import DRAIN_S
from sim.scenario import Upgrade


def upgrade(ctx: Context, step: Upgrade) -> Acting:
    """Migrate blue's database online, then exchange its Hydra while requests wait at the edge."""
    operations = ctx.rig.operations
    figures: dict[str, Any] = yield from ctx.do(operations.upgrade_database(progress=ctx.progress(step.name)))
    yield from ctx.do(operations.buffer(True))
    try:
        yield from ctx.do(operations.drain("blue", deadline_s=DRAIN_S))
        exchanged = yield from ctx.do(operations.exchange_blue())
    finally:
        yield from ctx.do(operations.buffer(False))
    return {**figures, **exchanged}
