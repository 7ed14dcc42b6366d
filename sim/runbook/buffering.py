"""The edge's buffer by hand: requests wait while people look at something.

Only between steps that buffer themselves: two hands on one gate would let requests through in
the middle of a cutover.
"""

from __future__ import annotations

from typing import Any

from sim.errors import Refused
from sim.runbook.context import Context


class HandBuffer:
    """The command `buffer`, and the release that a panic asks for."""

    def __init__(self, ctx: Context) -> None:
        self._ctx = ctx
        self.is_on = False
        """A person has shut it and nobody has opened it since."""

    async def command(self, who: str, arguments: dict[str, Any]) -> str:
        """Buffer or release: {on}. Raises Refused while a cutover or the way back buffers itself."""
        on = arguments.get("on")
        if not isinstance(on, bool):
            raise Refused("buffer takes on or off")
        if self._busy():
            raise Refused("the cutover buffers by itself now", todo="wait for its end, or panic")
        told = await self._ctx.rig.operations.buffer(on)
        self.is_on = on
        state = "BUFFERING" if on else "RUNNING"
        self._ctx.journal.note("runbook", "state", {"state": state, "why": f"buffer {'on' if on else 'off'} by {who}"})
        if not on:
            return f"released: {told.get('waiting', 0)} still wait"
        edge = self._ctx.scenario.stack.edge
        return f"requests wait at the edge, {edge.buffer:g} s each and {edge.buffer_max} at most, then 503"

    async def release(self) -> None:
        """Let everything go that waits, whoever made it wait: a panic, and the way back."""
        self.is_on = False
        await self._ctx.rig.operations.buffer(False)

    def _busy(self) -> bool:
        times_s = self._ctx.phases.times_s
        crossing = any(step.role == "cutover" and step.name in times_s and f"{step.name}.end" not in times_s
                       for step in self._ctx.scenario.runbook)
        return crossing or self._ctx.desk.aborted.triggered
