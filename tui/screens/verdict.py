"""The verdict: the headline, every check with its figure, and the evidence of the chosen one."""

from __future__ import annotations

from textwrap import wrap
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType

from sim.checks.verdict import Check
from sim.history.op import Op
from sim.report.text import headline
from tui import verdicts, words
from tui.base import of
from tui.ink import Line, Opens, Role, To, between, box, columns
from tui.screens.sheets import Choice
from tui.screens.watched import Watched
from tui.state import Shown
from tui.widgets.checks import ROLES
from tui.widgets.header import Header
from tui.widgets.lines import Lines
from tui.widgets.phase import way_back
from tui.widgets.questions import GLYPHS, lost


class Headline(Lines):
    """What came of it, what it cost, what the way back costs now."""

    def draw(self, shown: Shown, width: int, height: int) -> list[Line]:
        verdict = shown.verdict
        if verdict is None:
            return box([("VERDICT", "strong")], [("nothing is judged yet", "past")], [], width, height)
        over = bool(shown.runbook.ended)
        word = (
            headline(verdict, shown.scenario)
            if over and shown.scenario is not None
            else verdict.verdict.upper()
            if over
            else "SO FAR"
        )
        role: Role = ROLES.get(verdict.verdict, "") or "strong" if over else "strong"
        counts = "  ".join(
            f"{len(shown.by_word(w))} {w.replace('_', ' ')}"
            for w in ("held", "open", "not_asked", "unknown", "broken")
            if w != "open" or shown.by_word(w)
        )
        return box(
            [(f"{GLYPHS[verdict.verdict] if over else '○'} {word}", role)],
            [(counts, "")],
            self._said(shown, width - 4),
            width,
            height,
        )

    def _said(self, shown: Shown, width: int) -> list[Line]:
        telling = shown.telling()
        if telling is None:
            held = shown.by_word("held")
            first: Line = [(words.one_line(held[0].summary) if held else "", "")]
        else:
            said = f"{GLYPHS[telling.verdict]} {telling.name}: {words.one_line(telling.summary)}"
            first = [(Opens(said, "figure", telling.name), ROLES[telling.verdict])]
        failed, shed = shown.figure("availability.failed"), shown.figure("availability.shed")
        ended = shown.figure("login_continuity.browser_sessions")
        price: Line = [("Price: ", "past"), *lost(shown)]
        if ended:
            again = f"{words.plural(int(ended), 'login')} again"
            price += [(", ", ""), (Opens(again, "figure", "login_continuity.browser_sessions"), "")]
        if failed is not None and shed is not None:
            price += [(". Failed: ", ""), (Opens(f"{failed:.0f}", "log", "is:failed"), ""),
                      (", shed: ", ""), (Opens(f"{shed:.0f}", "log", "is:shed"), ""), (".", "")]  # fmt: skip
        if shown.runbook.ended in ("rolled_back", "failed"):
            last: Line = [
                (
                    f"{shown.runbook.ended.replace('_', ' ').capitalize()}: {words.one_line(shown.runbook.ended_why)}",
                    "ask",
                )
            ]
        else:
            last = [("Way back: ", "past"), *way_back(shown)]
        return [first, price, last]


class CheckRows(Lines):
    """The checks, one chosen."""

    def __init__(self, *, id: str) -> None:
        super().__init__(id=id)
        self.chosen = 0
        self.first = 0

    def draw(self, shown: Shown, width: int, height: int) -> list[Line]:
        checks = shown.verdict.checks if shown.verdict is not None else []
        room = max(1, height - 1)
        self.first = max(
            0, min(self.first, self.chosen, len(checks) - room) if self.chosen >= self.first else self.chosen
        )
        if self.chosen >= self.first + room:
            self.first = self.chosen - room + 1
        below = len(checks) - self.first - room
        hidden = f"  ↑ {self.first} more" * bool(self.first) + f"  ↓ {below} more" * (below > 0)
        figure = max(16, width - 28 - 18 - 11)
        lines = [
            columns(
                [
                    ("    CHECK", 28, "past"),
                    (f"FIGURE{hidden}", figure, "past"),
                    ("USED / ALLOWED", -18, "past"),
                    ("EVIDENCE ", -11, "past"),
                ]
            )
        ]
        for n, check in enumerate(checks[self.first : self.first + room], start=self.first):
            lines.append(self._row(check, figure, chosen=n == self.chosen))
        return lines

    def _row(self, check: Check, figure: int, *, chosen: bool) -> Line:
        role = ROLES[check.verdict]
        told = verdicts.used(check)
        said = (
            words.one_line(check.summary)
            if check.verdict in ("not_asked", "unknown", "open") or not told.label
            else told.label
        )
        share = f"{told.used} / {told.allowed}" if told.label and check.verdict != "not_asked" else "-"
        evidence = ("-" if check.verdict == "not_asked" else words.count(check.evidence)) + " "
        return columns(
            [
                (" ▸" if chosen else "  ", 2, "strong"),
                (f"{GLYPHS[check.verdict]} ", 2, role),
                (check.name, 24, "strong" if chosen else role),
                (said + " ", figure, role),
                (Opens(share, "figure", check.name), -18, role),
                (Opens(evidence, "log", verdicts.READ_FROM.get(check.name, "")), -11, "past"),
            ]
        )


class Evidence(Lines):
    """The chosen check: its sentence, its figures, the ops that show it."""

    def __init__(self, *, id: str) -> None:
        super().__init__(id=id)
        self.check: Check | None = None
        self.witnesses: list[Op] = []

    def draw(self, shown: Shown, width: int, height: int) -> list[Line]:
        check = self.check
        if check is None:
            return box([], [], [], width, height)
        inner, room = width - 4, height - 2
        summary = wrap(words.one_line(check.summary), inner) or [""]
        figures = verdicts.figures_line(check)
        lines: list[Line] = [
            [(s, ROLES[check.verdict])] for s in summary[: 2 if room >= 4 or not check.witnesses else 1]
        ]
        if figures:
            lines.append([(Opens(figures, "figure", check.name), "past")])
        if room >= 8:
            lines += [[(f"allowed  {line}", "past")] for line in verdicts.limits(check)]
        lines += [[(Opens(verdicts.witness(op), "op", op.i), "")] for op in self.witnesses]
        n = len(check.witnesses)
        right = f"{words.plural(n, 'witness', 'witnesses')}: enter" if n else f"evidence {check.evidence:,}"
        if len(lines) > room and n:
            lines = (
                [*lines[: room - 1], [(f"… enter shows all {len(check.witnesses)}", "past")]]
                if room > 3
                else lines[:room]
            )
        return box([(check.name, "strong")], [(Opens(right, "figure", check.name), "past")], lines, width, height)


class VerdictKeys(Lines):
    """What can be pressed here."""

    def draw(self, shown: Shown, width: int, height: int) -> list[Line]:
        return [
            between(
                [(" ↑↓ check  enter evidence  o op  r report  y copy  e explain  R again", "")],
                [("? help  q ", "")],
                width,
            )
        ]


class VerdictScreen(Watched):
    """Arrow keys choose a check."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("up,k", "choose(-1)", "check above"),
        Binding("down,j", "choose(1)", "check below"),
        Binding("home", "choose(-99)", "first check", show=False),
        Binding("end", "choose(99)", "last check", show=False),
        Binding("enter", "open_held", "evidence"),
        Binding("o", "op", "the op of its first witness"),
        Binding("r", "report", "report"),
        Binding("R", "again", "run it again"),
    ]

    def compose(self) -> ComposeResult:
        """Headline, list, pane."""
        yield Header(id="header")
        yield Headline(id="headline")
        yield CheckRows(id="list")
        yield Evidence(id="pane")
        yield VerdictKeys(id="keys")

    @property
    def check(self) -> Check | None:
        """The chosen check."""
        verdict = self._shown.verdict if self._shown is not None else None
        rows = self.query_one(CheckRows)
        return verdict.checks[rows.chosen] if verdict is not None and rows.chosen < len(verdict.checks) else None

    _shown: Shown | None = None
    _is_chosen = False
    """Somebody chose a check; until then the one that matters most is."""
    _asked: tuple[str, tuple[int, ...]] | None = None

    def show(self, shown: Shown) -> None:
        """Draw this instant; look up the chosen check's witnesses if they are others than before."""
        self._shown = shown
        if not self.query(Evidence):
            return  # not composed yet
        telling = shown.telling()
        if not self._is_chosen and shown.verdict is not None and telling is not None:
            self.query_one(CheckRows).chosen = shown.verdict.checks.index(telling)
        pane, check = self.query_one(Evidence), self.check
        pane.check = check
        wanted = (check.name, tuple(check.witnesses)) if check is not None else None
        if check is not None and wanted != self._asked:
            self._asked, pane.witnesses = wanted, verdicts.witnesses(of(self).archive, check.witnesses)
        super().show(shown)

    def choose(self, name: str) -> None:
        """Choose a check by its name."""
        names = [c.name for c in self._shown.verdict.checks] if self._shown and self._shown.verdict else []
        if name in names:
            self.action_choose(names.index(name) - self.query_one(CheckRows).chosen)

    def action_choose(self, by: int) -> None:
        """The next check, up or down."""
        rows = self.query_one(CheckRows)
        if self._shown is None or self._shown.verdict is None:
            return
        self._is_chosen = True
        rows.chosen = max(0, min(len(self._shown.verdict.checks) - 1, rows.chosen + by))
        self.show(self._shown)

    def meant(self) -> To | None:
        """The figure under the hand, else the chosen check's evidence."""
        return self.held or (To("figure", self.check.name) if self.check is not None else None)

    def action_op(self) -> None:
        """The op of the figure under the hand; of a check its first witness, else the last op it is read from."""
        app, check, to = of(self), self.check, self.held
        if to is None and check is not None:
            to = (To("op", str(check.witnesses[0])) if check.witnesses
                  else To("log", verdicts.READ_FROM.get(check.name, "")))  # fmt: skip
        i = app.op_behind(to) if to is not None else None
        if i is None:
            app.notify("no op stands behind it; enter shows its evidence", severity="warning")
        else:
            app.open(To("op", str(i)))

    def action_explain(self) -> None:
        """What the chosen check's figures mean, or the figure under the hand."""
        from tui.screens.sheets import TextSheet

        check = self.check
        if self.held is not None:
            super().action_explain()
        elif check is not None:
            self.app.push_screen(TextSheet(f"{check.name}: what it means", verdicts.explain(check)))

    def action_again(self) -> None:
        """Once the run has ended: the same command, copied or begun."""
        from tui.again import arguments

        app, shown = of(self), self._shown
        if shown is None or not shown.is_final or shown.verdict is None or shown.scenario is None:
            app.notify("the run has not ended yet", severity="warning")
            return
        command = arguments(app.folder, shown.scenario, shown.verdict)
        said = f"rehearse {' '.join(command)}"
        choices = [Choice("y", "copy the command", "copy"), Choice("escape", "back", "")]
        if not app.read_only and not app.is_web:
            choices.insert(0, Choice("R", "run it now, in this terminal", "run"))

        def decided(what: str) -> None:
            if what == "run":
                app.exit(command)
            else:
                app.copied(said, "command")

        app.ask("Run it again?", said, choices, decided)

    def action_report(self) -> None:
        """The report's text, if it is written."""
        from tui.screens.sheets import TextSheet

        app = of(self)
        try:
            text = (app.folder / "report.txt").read_text(encoding="utf-8")
        except OSError:
            app.notify("the report is written when the run has ended and was judged", severity="warning")
            return
        app.push_screen(TextSheet("report", text))
