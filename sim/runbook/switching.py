"""From blue to green and back: cutover, replay, soak."""

from __future__ import annotations

from collections.abc import Generator
from typing import Any

import simpy

from sim.errors import StepFailed
from sim.runbook.context import Acting, Context
from sim.scenario import Cutover, Janitor, Replay, Return, Soak

DRAIN_S = 2.0
"""Assumption: what is under way to the old side is answered within two seconds; the edge's
buffer bound is longer, and what is left then is cut by the fence and counted."""


def ready(ctx: Context, step: Cutover) -> Acting:
    """Start green and prove its links: before the clock of the cutover begins."""
    indexed: dict[str, Any] = {}
    replay = _replay_step(ctx)
    if replay is not None and replay.indexes:
        indexed = {"grant_indexes": (yield from ctx.do(ctx.rig.operations.index_grants()))}
    figures: dict[str, Any] = yield from ctx.do(ctx.rig.operations.start_green())
    return {**indexed, **figures}


def cutover(ctx: Context, step: Cutover) -> Acting:
    """Buffer, drain, fence, switch, release: one instant for new requests, or one at each edge."""
    operations = ctx.rig.operations
    ctx.facts["crossed"] = True
    began_s = ctx.env.now
    if step.hold == "each":
        figures_of_all = yield from _one_by_one(ctx, step)
        return {**figures_of_all, "took_s": round(ctx.env.now - began_s, 3)}
    yield from ctx.do(operations.buffer(True))
    _state(ctx, "BUFFERING", "cutover")
    figures: dict[str, Any] = {}
    try:
        figures |= yield from _cross(ctx, step)
    finally:
        released = yield from ctx.do(operations.buffer(False))
        _state(ctx, "RUNNING", "cutover")
    return {**figures, "buffered_s": round(ctx.env.now - began_s, 3), **released}


def _cross(ctx: Context, step: Cutover) -> Generator[simpy.Event, Any, dict[str, Any]]:
    operations = ctx.rig.operations
    drained = yield from ctx.do(operations.drain("blue", deadline_s=DRAIN_S))
    yield from _fence(ctx, step)
    figures: dict[str, Any] = {"drained": drained}
    replay = _replay_step(ctx)
    if replay is not None and replay.traffic == "buffered":
        figures["first_replay"] = yield from _apply(ctx, replay)
    yield from _capture_back(ctx)
    for n, what in enumerate(sorted(step.switch, key=lambda w: w == "edge")):
        if n and step.spread:
            yield ctx.env.timeout(step.spread)
        yield from switch(ctx, what, "green", share=step.share if what == "edge" else 1.0)
    return figures


def _one_by_one(ctx: Context, step: Cutover) -> Generator[simpy.Event, Any, dict[str, Any]]:
    """Each edge holds its own requests while it switches; meanwhile the others serve from where they point.

    The other systems switch with the first edge; the fence comes with the last.
    """
    operations = ctx.rig.operations
    edges = range(ctx.scenario.stack.edge.instances)
    drained: list[Any] = []
    for only in edges:
        if only and step.spread:
            yield ctx.env.timeout(step.spread)
        yield from ctx.do(operations.buffer(True, only=only))
        try:
            drained.append((yield from ctx.do(operations.drain("blue", deadline_s=DRAIN_S, only=only))))
            if only == edges[-1]:
                yield from _fence(ctx, step)
            yield from _capture_back(ctx, only=only)
            for what in [what for what in step.switch if what != "edge"] if not only else []:
                yield from switch(ctx, what, "green")
            yield from switch(ctx, "edge", "green", share=step.share, only=only)
        finally:
            yield from ctx.do(operations.buffer(False, only=only))
    return {"drained": drained}


def _fence(ctx: Context, step: Cutover) -> Generator[simpy.Event, Any, None]:
    if step.fence == "blue":
        yield from ctx.do(ctx.rig.operations.fence("blue", True))
        ctx.journal.note("runbook", "fence", {"side": "blue", "on": True})


def _capture_back(ctx: Context, *, only: int | None = None) -> Generator[simpy.Event, Any, None]:
    """Before an edge points to green: what is revoked there must be known on the way back, from the first on."""
    if any(isinstance(s, Soak) and s.capture_back for s in ctx.scenario.runbook) and ctx.facts.get("capturing"):
        yield from ctx.do(ctx.rig.operations.capture(True, direction="back", only=only))
        ctx.facts["capturing_back"] = True


def switch(ctx: Context, what: Any, to: Any, *, share: float = 1.0,
           only: int | None = None) -> Generator[simpy.Event, Any, None]:
    """Point one system at a side; the (first) edge's switch is the switch. `share` < 1: the rest stays."""
    told = yield from ctx.do(ctx.rig.operations.switch(what, to, share=share, only=only))
    ctx.journal.note("runbook", "switch", {
        "what": what, "to": to, **({"share": share} if share < 1 else {}),
        **({"edge": only + 1} if only is not None else {}), **told})
    if what == "edge" and to == "green" and not only:
        ctx.phases.mark("switch")


def cutover_undo(ctx: Context, step: Cutover) -> Acting:
    """Back to blue: green's revocations are replayed on it first, nothing writes meanwhile."""
    operations = ctx.rig.operations
    figures: dict[str, Any] = {}
    if not ctx.facts.get("crossed"):
        yield from ctx.do(operations.stop_green())
        return figures
    yield from ctx.do(operations.buffer(True))
    try:
        yield from ctx.do(operations.drain("green", deadline_s=DRAIN_S))
        if step.fence == "blue":
            yield from ctx.do(operations.fence("blue", False))
            ctx.journal.note("runbook", "fence", {"side": "blue", "on": False})
        if ctx.facts.get("capturing_back"):
            figures["replayed_back"] = yield from ctx.do(operations.replay(
                direction="back", by="grant", workers=4, progress=ctx.progress(step.name)))
            ctx.facts["capturing_back"] = False
            yield from ctx.do(operations.capture(True, direction="forward"))
        ended = yield ctx.env.call(operations.end_superseded())
        if ended.kind == "ok":
            figures["superseded"] = ended.value
        else:  # green may be what drives us back
            ctx.note(f"chains that green rotated still have their older tokens on blue: {ended.error}", "warn")
        for what in sorted(step.switch, key=lambda w: w == "edge"):
            yield from switch(ctx, what, "blue")
    finally:
        yield from ctx.do(operations.buffer(False))
    yield from ctx.do(operations.stop_green())
    return figures


def come_back(ctx: Context, step: Return) -> Acting:
    """Blue serves again: one instant for new requests, on the database that both use."""
    operations = ctx.rig.operations
    yield from ctx.do(operations.buffer(True))
    _state(ctx, "BUFFERING", "return")
    try:
        drained = yield from ctx.do(operations.drain("green", deadline_s=DRAIN_S))
        for what in ("login_consent", "authz", "edge"):
            yield from switch(ctx, what, "blue")
    finally:
        released = yield from ctx.do(operations.buffer(False))
        _state(ctx, "RUNNING", "return")
    yield from ctx.do(operations.stop_green())
    return {"drained": drained, **released}


def replay(ctx: Context, step: Replay) -> Acting:
    """Apply the captured revocations on green. Nothing is measured here: each second is one of the gap."""
    figures = yield from _apply(ctx, step)
    return figures


def _apply(ctx: Context, step: Replay) -> Generator[simpy.Event, Any, dict[str, Any]]:
    figures: dict[str, Any] = yield from ctx.do(ctx.rig.operations.replay(
        direction="forward", by=step.by, workers=step.workers, progress=ctx.progress(step.name)))
    if figures.get("failed"):
        raise StepFailed("the replay did not apply every message", where="replay",
                         seen=str(figures["failed"])[:300], todo="its log is logs/replayer.log in the run folder")
    return figures


def janitor(ctx: Context, step: Janitor) -> Acting:
    """Run the janitor, then read by key whose rows it took."""
    figures: dict[str, Any] = yield from ctx.do(ctx.rig.operations.janitor(what=list(step.what)))
    yield from ctx.measure("cleaned", job="janitor", signatures=dict(ctx.chains.signatures()))
    return figures


def soak(ctx: Context, step: Soak) -> Acting:
    """Watch green serve while the way back stays open."""
    ctx.watcher.begin()
    yield ctx.env.timeout(step.for_)
    window = ctx.watcher.end()
    return {"operations": window.operations, "failed": window.failed, "p95_s": window.second_p95_s}


def _replay_step(ctx: Context) -> Replay | None:
    return next((s for s in ctx.scenario.runbook if isinstance(s, Replay)), None)


def _state(ctx: Context, state: str, why: str) -> None:
    ctx.journal.note("runbook", "state", {"state": state, "why": why})
