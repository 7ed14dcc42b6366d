"""Where the runbook is: the phase bar, what comes next, and what the way back costs."""

from __future__ import annotations

from tui import words
from tui.ink import Line, Opens, Role, between, box, fit, text, track
from tui.runbook import StepSeen
from tui.state import Shown
from tui.widgets.lines import Lines

BAR = 24


def way_back(shown: Shown, *, short: bool = False) -> Line:
    """`free: ~2 s, nothing lost`, `31 grants of green lost, 2 revocations carried over, ~3 s`, `closed: …`."""
    state, why = shown.way_back()
    back = shown.back_s()
    takes = "" if back is None else f"{'~' if back[1] else 'over '}{words.took(back[0])}"
    if state == "free":
        return [
            (Opens("free", "gauge", "way_back"), "strong"),
            (Opens(f": {takes}", "explain", "rollback") if takes else "", ""),
            (", nothing lost" if takes else ": nothing lost", ""),
        ]
    if state == "costs":
        told = why.replace(" made on green would be lost", " of green lost")
        said = Opens(told.split(",")[0] if short else told, "gauge", "way_back")
        return [(said, "ask"), (Opens(f", {takes}", "explain", "rollback") if takes else "", "ask")]
    return [(Opens(f"{state}: {why}", "gauge", "way_back"), "past")]


def where(shown: Shown) -> Line:
    """`migrate, 6 of 12`."""
    step, at = shown.runbook.current, shown.runbook.at
    if shown.runbook.ended:
        return [(shown.runbook.ended.replace("_", " "), "strong")]
    if shown.runbook.undoing:
        return [(f"undoing {shown.runbook.undoing}", "ask")]
    if step is None:
        return [("before the first step" if shown.runbook.steps else "starting the stack", "strong")]
    return [(step.name, "strong"), (f", {at + 1} of {len(shown.runbook.steps)}", "")]


def gate_line(shown: Shown) -> Line:
    """The gate's question and how long it still waits."""
    gate = shown.runbook.gate
    if gate is None:
        return []
    left_s = max(0.0, gate.opened_s + gate.timeout_s - shown.now_s)
    then = f", then {gate.on_timeout}" if gate.on_timeout else ""
    return [
        (f"GATE {gate.step}: {words.one_line(gate.ask)}", "ask"),
        (f"  ({gate.who or 'you'}, {words.instant(left_s)} left{then})", "ask"),
    ]


class PhaseBar(Lines):
    """Two lines when narrow, a box of five when wide."""

    def draw(self, shown: Shown, width: int, height: int) -> list[Line]:
        return self._wide(shown, width, height) if height >= 5 else [self._bar(shown, width), self._next(shown, width)]

    def _bar(self, shown: Shown, width: int) -> Line:
        runbook, step = shown.runbook, shown.runbook.current
        if step is None:
            said = shown.runbook.why or "the stack starts, links are proven"
            return [(" WHERE ", "past"), *where(shown), (f"  {said}", "past")]
        told: Line = [
            (f" {runbook.at + 1}/{len(runbook.steps)} ", ""),
            (Opens(step.name.upper(), "step", step.name), "strong"),
            (" ", ""),
        ]
        if runbook.ended or step.outcome != "runs":
            done = sum(s.outcome == "ok" for s in runbook.steps)
            full, rest = track(done / max(1, len(runbook.steps)), BAR)
            word = (
                f"undoing {runbook.undoing}"
                if runbook.undoing
                else runbook.ended.replace("_", " ")
                if runbook.ended
                else "done"
                if step.outcome == "ok"
                else "failed"
            )
            return [
                *told,
                (full, ""),
                (rest, "past"),
                (f" {word}", "bad" if step.outcome == "fail" else "strong"),
                (f"  {done} of {len(runbook.steps)} steps done", ""),
            ]
        share = shown.share_done()
        full, rest = track(share or 0.0, BAR)
        return [*told, (full, ""), (rest, "past"), (Opens(" " + self._how_far(shown, step), "step", step.name), "")]

    def _how_far(self, shown: Shown, step: StepSeen) -> str:
        progress, spent_s = shown.runbook.progress, shown.now_s - step.begun_s
        files = ""
        if progress.get("total"):
            done, total = int(progress.get("done") or 0), int(progress["total"])
            if step.kind == "copy":
                files = f"{words.megabytes(done)} of {words.megabytes(total)}   "
            else:
                unit = {"migrate": "files", "replay": "revocations", "cleanup": "rows", "repair": "rows"}.get(
                    step.kind, ""
                )
                files = f"{words.count(done)}/{words.count(total)} {unit}   "
        estimate_s = shown.estimate_s(step.name)
        return f"{files}{words.took(spent_s)}" + (f" of ~{words.took(estimate_s)}" if estimate_s else "")

    def _next(self, shown: Shown, width: int) -> Line:
        right: Line = [("WAY BACK ", "past"), *way_back(shown, short=width < 110), (" ", "")]
        gate = gate_line(shown)
        if gate:
            return between(
                [(" ", ""), *gate],
                right
                if width >= 110
                else [("WAY BACK ", "past"), (Opens(shown.way_back()[0] + " ", "gauge", "way_back"), "strong")],
                width,
            )
        return between([(" ", ""), *self._coming(shown)], right, width)

    def _coming(self, shown: Shown) -> Line:
        runbook = shown.runbook
        if runbook.ended:
            return [("the run is over", "past"), ("   7 verdict", "")]
        if shown.state == "PAUSED":
            return [(f"PAUSED {runbook.why}: space goes on", "ask")]
        waiting = [s for s in runbook.steps if s.outcome == "waits"]
        if not waiting:
            return [("next: the verdict", "")]
        told = f"next {waiting[0].name}"
        soon = shown.remaining_s("cutover")
        if soon is not None and waiting[0].kind != "cutover":
            told += f", cutover in ~{words.took(soon)}"
        elif soon is not None:
            told += f" in ~{words.took(soon)}"
        if waiting[0].has_gate:
            told += " (gate)"
        return [(told, "")]

    # -- wide

    def _wide(self, shown: Shown, width: int, height: int) -> list[Line]:
        runbook = shown.runbook
        of = f"RUNBOOK {runbook.at + 1} of {len(runbook.steps)}" if runbook.steps else "RUNBOOK"
        runs = shown.earlier.runs
        source = f"measured; ~ from {words.plural(runs, 'earlier run')}" if runs else "measured; no earlier run here"
        names, times = self._timeline(shown, width - 4)
        return box([(of, "strong")], [(source, "past")], [names, times, self._doing(shown, width - 4)], width, height)

    def _timeline(self, shown: Shown, width: int) -> tuple[Line, Line]:
        """All steps in one line, their times below; the one under way has the bar."""
        steps, at = shown.runbook.steps, shown.runbook.at
        room = max(6, width - sum(len(s.name) + 4 for s in steps) - 12)
        names: Line = []
        times: Line = []
        for n, step in enumerate(steps):
            runs = step.outcome == "runs"
            piece: Line = [
                (self._mark(step), self._role(step)),
                (
                    Opens(step.name.upper() if n == at and runs else step.name, "step", step.name),
                    "strong" if runs else self._role(step),
                ),
            ]
            if runs:
                share = shown.share_done()
                full, rest = track(share or 0.0, min(20, room))
                piece += [(" " + full, ""), (rest, "past"), (f" {share * 100:3.0f} %" if share is not None else "", "")]
            piece.append(("  ", ""))
            size = sum(len(t) for t, _ in piece)
            names += piece
            times += fit([(self._time(shown, step)[: max(0, size - 1)].rjust(min(size - 2, 7)), "past")], size)
        return names, times

    def _mark(self, step: StepSeen) -> str:
        return {"ok": "✓ ", "runs": "▸ ", "fail": "✗ ", "waits": "· "}[step.outcome]

    def _role(self, step: StepSeen) -> Role:
        return "bad" if step.outcome == "fail" else "past" if step.outcome == "waits" or step.undone else ""

    def _time(self, shown: Shown, step: StepSeen) -> str:
        if step.undone:
            return "undone"
        if step.outcome in ("ok", "fail"):
            return words.took(step.took_s)
        estimate_s = shown.estimate_s(step.name)
        if step.outcome == "runs":
            return (
                words.took(shown.now_s - step.begun_s)
                + (f" of ~{words.took(estimate_s)}" if estimate_s else "")
                + (f", deadline {step.deadline_s:g} s" if step.deadline_s else "")
            )
        return f"~{words.took(estimate_s)}" if estimate_s else "?"

    def _doing(self, shown: Shown, width: int) -> Line:
        runbook, step = shown.runbook, shown.runbook.current
        gate = gate_line(shown)
        if gate:
            needs = runbook.gate.preconditions if runbook.gate else []
            return [*gate, ("   needs: " + "; ".join(needs) if needs else "", "")]
        left: Line = [
            (words.one_line(runbook.progress.get("statement") or runbook.progress.get("now") or runbook.why), "")
        ]
        if runbook.progress.get("total") and step is not None and step.kind == "migrate":
            left = [(f"file {runbook.progress.get('done')}/{runbook.progress['total']}  ", ""), *left]
        undo = f"undo: {step.undo}" if step is not None and step.undo and not runbook.ended else ""
        command = f"   $ {words.one_line(runbook.command)}" if runbook.command else ""
        return (
            between(left, fit([(undo, ""), (command, "past")], min(width // 2, len(undo + command))), width)
            if text(left) or undo
            else [(command.strip(), "past")]
        )
