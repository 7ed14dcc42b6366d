"""Before whatever takes the clients to green, a cutover of ours or a user's own.

Its clock has not begun: nobody is held or refused here. But each second is one of the window.
"""

from __future__ import annotations

from sim.crowd import LOOK_S, crowd_at
from sim.runbook.context import Acting, Context

PATIENCE_S = 5.0
"""Assumption: what green's start held up is answered by then; clients who wait for another reason wait on."""


def make_way(ctx: Context) -> Acting:
    """Green has its whole share of the CPU, and who waits for blue is answered first.

    A login under way at the switch is lost. Green's start and the proof of its links take the
    cores for seconds; whoever crossed at their end lost every login that they had held up.
    """
    yield from ctx.do(ctx.rig.operations.make_way_for_green())
    crowd, began_s, most = crowd_at(ctx.scenario.traffic.rate), ctx.env.now, 0
    while (under_way := ctx.env.in_flight) > crowd and ctx.env.now - began_s < PATIENCE_S:
        most = max(most, under_way)
        yield ctx.env.timeout(LOOK_S)
    if most:
        ctx.note(f"waited {ctx.env.now - began_s:.1f} s before the clients cross: {most} requests were under way, "
                 f"{under_way} are")
    return {}
