"""The go/no-go sheet: the four questions, what must be so, what is used of each limit; then a decision."""

from __future__ import annotations

from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.events import Key
from textual.screen import ModalScreen
from textual.widgets import Input

from sim.report.text import amount
from tui.base import of
from tui.ink import Line, Opens, Role, bar, box
from tui.measured import measured
from tui.runbook import GateSeen
from tui.screens.hand import Hand
from tui.state import Shown
from tui.widgets.lines import Lines
from tui.widgets.phase import gate_line, way_back, where
from tui.widgets.questions import GLYPHS, lost, lost_label, safe

DECISIONS = {"a": ("approve", "GO"), "p": ("postpone", "POSTPONE 60 s"), "x": ("nogo", "NO-GO, roll back")}


def sheet(shown: Shown, width: int) -> list[Line]:
    """The sheet's lines, of this instant."""
    gate = shown.runbook.gate
    if gate is None:
        return [[("the gate was decided", "past")]]
    lines: list[Line] = [gate_line(shown), []]
    four: tuple[tuple[str, Line], ...] = (
        ("WHERE", where(shown)),
        ("SAFE?", safe(shown)),
        (lost_label(shown), lost(shown)),
        ("WAY BACK", way_back(shown)),
    )
    for label, said in four:
        lines.append([(f"{label:<20}", "past"), *said])
    lines.append([])
    lines += _must_be_so(shown, gate)
    for n, guard in enumerate(shown.scenario.guards if shown.scenario is not None else []):
        lines.append([("GUARDS              " if n == 0 else " " * 20, "past"), *_guard(shown, guard.when, guard.then)])
    lines.append([])
    used = _tolerances(shown, width)
    if used:
        lines.append([("USED OF WHAT IS ALLOWED", "past")])
    return lines + used


def _must_be_so(shown: Shown, gate: GateSeen) -> list[Line]:
    """Each precondition with the figure that the plan names for it, if anything measures it."""
    step = shown.runbook.step(gate.step)
    lines: list[Line] = []
    for n, need in enumerate(gate.preconditions):
        figure = measured(shown, step.measured) if step is not None and need == step.needs else []
        head = "MUST BE SO          " if n == 0 else " " * 20
        lines.append([(head, "past"), (need, ""), *([("   ", ""), *figure] if figure else [])])
    return lines


def _guard(shown: Shown, when: str, then: str) -> Line:
    from sim.history.figures import FIGURES

    name = when.split()[0]
    check, _, figure = name.partition(".")
    meaning, value = FIGURES.get(check, {}).get(figure), shown.figure(name)
    now = "not known yet" if value is None or meaning is None else f"now {amount(value, meaning.unit)}"
    role: Role = "strong" if value is not None else "past"
    return [(f"{when}, then {then}", ""), ("   ", ""), (Opens(now, "figure", name), role)]


def _tolerances(shown: Shown, width: int) -> list[Line]:
    lines: list[Line] = []
    for check in shown.verdict.checks if shown.verdict is not None else []:
        for figure, limit in check.tolerated.items():
            name = f"{check.name}.{figure}"
            share = limit.share or 0.0
            role: Role = "bad" if share > 1 else "ask" if share >= 0.7 else ""
            allowed = "all" if limit.max == "all" else amount(limit.max, limit.unit)
            lines.append(
                [
                    (f"{GLYPHS[check.verdict]} {name}"[:38].ljust(39), role),
                    (Opens(f"{amount(limit.used, limit.unit):>9} of {allowed:<8}", "figure", name), role),
                    (bar(share, 10), role),
                    (f"  {limit.because}", "past"),
                ]
            )
    return [line if width >= 90 else line[:3] if width >= 74 else line[:2] for line in lines]


class GatePanel(Lines):
    """The sheet, renewed while the gate waits."""

    def draw(self, shown: Shown, width: int, height: int) -> list[Line]:
        """The frame; its edge is amber, every other second heavy."""
        heavy = bool(int(shown.now_s) % 2) and not of(self).is_still
        gate = shown.runbook.gate
        title: Line = [("GO OR NO-GO", "strong"), (f"  {gate.step}" if gate is not None else "", "strong")]
        return box(
            title,
            [("a GO  p POSTPONE  x NO-GO  tab y e  esc look", "ask")],
            sheet(shown, width - 4),
            width,
            height,
            edge="ask",
            heavy=heavy,
        )


class GateSheet(ModalScreen[tuple[str, str, str] | None], Hand[tuple[str, str, str] | None]):
    """A person, a clock, a written decision: (verb, name, reason). Its figures open; G brings the sheet back."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape", "leave", "look first")]
    AUTO_FOCUS = ""

    def __init__(self, who: str) -> None:
        super().__init__()
        self._who, self._verb = who, ""

    def compose(self) -> ComposeResult:
        """The sheet, then (once decided) name and reason."""
        with Vertical(id="gate"):
            yield GatePanel(id="gatepanel")
            yield Input(self._who, placeholder="your name", id="gatewho", max_length=40)
            yield Input(placeholder="the reason, for the history; enter decides", id="gatewhy", max_length=300)

    def on_mount(self) -> None:
        """Keys decide; the lines come when one did."""
        for line in self.query(Input):
            line.display = False
        self.set_focus(None)

    def show(self, shown: Shown) -> None:
        """Renew the figures; the gate may be decided by somebody else."""
        if shown.runbook.gate is None:
            self.dismiss(None)
            return
        for panel in self.query(GatePanel):  # none while the sheet comes or goes
            panel.show(shown)
            self._put()

    def action_hand(self, by: int) -> None:
        """From figure to figure; once it is decided, from name to reason."""
        if isinstance(self.focused, Input):
            self.focus_next() if by > 0 else self.focus_previous()
        else:
            super().action_hand(by)

    def on_key(self, event: Key) -> None:
        """a, p or x: then name and reason. What is typed before the reason's line has the focus belongs to it."""
        if isinstance(self.focused, Input):
            return
        if self._verb:
            self._goes_into_the_reason(event)
        elif event.key in DECISIONS:
            event.stop()
            self._verb, word = DECISIONS[event.key]
            for line in self.query(Input):
                line.display = True
            self.query_one("#gatewho", Input).border_title = f"{word}, decided by"
            self.query_one("#gatewhy", Input).border_title = "because"
            self.query_one("#gatewhy", Input).focus()

    def _goes_into_the_reason(self, event: Key) -> None:
        if event.key == "enter":
            event.stop()
            self._decide()
        elif event.is_printable and event.character is not None:
            event.stop()
            self.query_one("#gatewhy", Input).insert_text_at_cursor(event.character)

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """The decision, with name and reason."""
        event.stop()
        self._decide()

    def _decide(self) -> None:
        who, why = self.query_one("#gatewho", Input).value.strip(), self.query_one("#gatewhy", Input).value.strip()
        self.dismiss((self._verb, who or self._who, why))

    def action_leave(self) -> None:
        """The gate goes on waiting; a, p and x work from every screen."""
        self.dismiss(None)
