"""A recording's own keys: faster, slower, to a phase, a fault, the first broken op, back and ahead."""

from __future__ import annotations

from tui.base import RunApp
from tui.landmarks import Kind, Landmark
from tui.playback import Recording

BEFORE_S = 0.5
"""A jump lands half a second before, so that one sees it happen."""


class Replaying(RunApp):
    """Keys that only a replay knows."""

    def action_faster(self, steps: int) -> None:
        """Change a replay's speed."""
        if isinstance(self.source, Recording):
            self.notify(f"{self.source.faster(steps):g}×", timeout=1)
            self.refresh_now()

    def action_ahead(self, seconds: float) -> None:
        """Skip ahead in a replay, or back."""
        if isinstance(self.source, Recording):
            self.jump(self.source.at_s + seconds)

    def action_mark(self, kind: Kind, by: int) -> None:
        """The next phase or fault, or the one before."""
        if not isinstance(self.source, Recording):
            return
        at_s = self.source.at_s
        marks = [m for m in self.landmarks if m.kind == kind]
        if by > 0:
            found = next((m for m in marks if m.t_s > at_s + BEFORE_S + 0.01), None)
        else:
            found = next((m for m in reversed(marks) if m.t_s < at_s - 1.0), None)
        self._jump_to(found, f"no {kind} {'after' if by > 0 else 'before'} this")

    def action_first_broken(self) -> None:
        """The first op that broke something."""
        if isinstance(self.source, Recording):
            found = next((m for m in self.landmarks if m.kind == "broken"), None)
            self._jump_to(found, "no op broke anything in this run" if self.is_searched else "not searched yet")

    def _jump_to(self, mark: Landmark | None, otherwise: str) -> None:
        if mark is None:
            self.notify(otherwise, severity="warning", timeout=2)
            return
        self.notify(f"{mark.kind}: {mark.name}", timeout=2, markup=False)
        self.jump(mark.t_s - BEFORE_S)

    def jump(self, at_s: float) -> None:
        """Show the recording at this instant; what lies before is read, not played."""
        source = self.source
        if not isinstance(source, Recording):
            return
        if at_s < self.shown.now_s:
            source.rewind(at_s)
            self.forget()
        else:
            source.at_s = at_s
        self.read_more()
        self.refresh_now()
