"""The price of a cut: what only blue has since the copy, against what the scenario allows."""

from __future__ import annotations

from tui.state import Shown


class Cost:
    """One price of a cut: how many, and how many the scenario allows."""

    def __init__(self, label: str, figure: str, now: int, allowed: float | None, *, estimated: bool = False) -> None:
        self.label, self.now, self.allowed, self.estimated = label, now, allowed, estimated
        self.figure = figure
        """`allowed` None = all of them; `estimated`: the share of a number not yet counted."""

    @property
    def share(self) -> float:
        """Of what is allowed, 0 to 1 and beyond."""
        if self.allowed is None:
            return 0.0
        return self.now / self.allowed if self.allowed else float(self.now > 0)


def costs(shown: Shown) -> list[Cost]:
    """New grants, lost chains, logins in flight: if we cut now, or lost once we did."""
    cut = shown.gauge.get("cut") or {}
    return [
        _cost(shown, "new grants", "write_loss.grants", int(cut.get("grants") or 0)),
        _cost(shown, "lost chains", "session_continuity.lost_chains", int(cut.get("chains") or 0)),
        _cost(shown, "logins in flight", "login_continuity.in_flight", int(cut.get("logins") or 0)),
    ]


def _cost(shown: Shown, label: str, figure: str, gauged: int) -> Cost:
    counted = shown.figure(figure)
    verified = (step := shown.runbook.step("verify")) is not None and step.outcome == "ok"
    now = int(counted) if (verified or shown.is_final) and counted is not None else gauged
    limit = shown.scenario.tolerate.get(figure) if shown.scenario is not None else None
    if limit is None:
        return Cost(label, figure, now, 0)
    if limit.max == "all":
        return Cost(label, figure, now, None)
    if limit.unit != "share":
        return Cost(label, figure, now, float(limit.max))
    live = shown.figure("session_continuity.live_chains") or 0.0
    grants = shown.header.grants if shown.header is not None else 0
    return Cost(label, figure, now, float(int(float(limit.max) * (live or grants))), estimated=not live)
