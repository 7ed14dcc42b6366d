"""What the screen of a game day knows: acts, injections, and each second's figures, from the ops it may see."""

from __future__ import annotations

from sim.checks.reading import HARNESS
from sim.history.op import Op
from sim.report.noticing import Noticing
from sim.report.recovering import Signs
from tui.rates import outcome


class DaySeen:
    """Fed with every op that is shown, in order."""

    def __init__(self) -> None:
        self.noticing = Noticing()
        self.signs = Signs()
        self._due: dict[int, float] = {}
        """Call under way → when it was due."""

    def feed(self, op: Op) -> None:
        """Take the next op."""
        if op.process in HARNESS:
            self.noticing.feed(op)
        elif op.type == "invoke":
            self._due[op.i] = op.t_s if op.due_s is None else op.due_s
        elif op.of is not None and (due_s := self._due.pop(op.of, None)) is not None:
            failed, shed = outcome(op)
            self.signs.feed(op.f, due_s, op.t_s, failed=failed, shed=shed)
