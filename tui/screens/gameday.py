"""The game day: the card with its surprises for the facilitator; roles, goals and notes for everybody.

A player's state has no surprise in it (see state.py), so the same rows show each what he may know.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, ClassVar, NamedTuple

from textual.app import ComposeResult
from textual.binding import Binding, BindingType

from sim.history.gameday import FACILITATOR, NOTHING
from sim.report.noticing import Act, Injected
from tui import words
from tui.base import of
from tui.ink import Line, Role, To, between, columns
from tui.screens.listed import Listed
from tui.screens.sheets import Choice
from tui.state import Shown
from tui.widgets.header import Header
from tui.widgets.lines import Lines
from tui.widgets.rows import Rows

if TYPE_CHECKING:
    from sim.scenario import Surprise

NAME, WHEN = 18, 22
"""Cells of a name and of when."""
MOST_CHOICES = 9
"""Surprises an act can be tagged with by one key; more are tagged by `rehearse ctl RUN tag`."""


class Entry(NamedTuple):
    """One row."""

    kind: str
    """surprise, goal, role or act"""
    name: str
    surprise: Surprise | None = None
    injected: Injected | None = None
    act: Act | None = None


def entries(shown: Shown) -> list[Entry]:
    """The card, goals and roles, then what people said, newest last."""
    game, day = shown.scenario.gameday if shown.scenario is not None else None, shown.day
    if game is None or day is None:
        return []
    made = day.noticing.injected
    known = [Entry("surprise", s.name, s, made.get(s.name)) for s in game.card]
    names = {one.name for one in known}
    known += [Entry("surprise", n, None, one) for n, one in made.items() if one.is_surprise and n not in names]
    return [*known, *(Entry("goal", g) for g in game.goals), *(Entry("role", r) for r in game.roles),
            *(Entry("act", a.who, act=a) for a in day.noticing.acts)]


class Recovered:
    """Since when each surprise is over; worked out once a second of the run, it walks over every second so far."""

    def __init__(self) -> None:
        self._at: tuple[int, int] = (-1, 0)
        self._said: dict[str, str] = {}

    def said(self, shown: Shown, name: str) -> str:
        """`well 00:57`, `not yet`, or "" if nothing can be said."""
        at = int(shown.now_s), id(shown)
        if at != self._at:
            self._at, self._said = at, self._all(shown)
        return self._said.get(name, "")

    def _all(self, shown: Shown) -> dict[str, str]:
        from sim.report.debrief import recovered  # brings the report along: only for a facilitator's screen
        from sim.scenario.gameday import watched

        day, reading, scenario = shown.day, shown.reading_of_checks, shown.scenario
        if day is None or reading is None or scenario is None:
            return {}
        said = {}
        for one in day.noticing.injected.values():
            if one.failed:
                continue
            figure = watched(next((s for s in scenario.surprises if s.name == one.name), None), scenario.guards)
            came = recovered(one, day.signs.series(figure), reading)
            if came is not None and came.hurt:
                said[one.name] = f"well {words.instant(came.well_s)}" if came.well_s is not None else "not well yet"
        return said


class Card(Rows):
    """A row a surprise, a goal, a role or an act."""

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._recovered = Recovered()

    def count(self, shown: Shown) -> int:
        """All of them."""
        return len(entries(shown))

    def empty(self, shown: Shown) -> str:
        """An ordinary run."""
        return "this run is no game day: rehearse gameday plays one"

    def head(self, shown: Shown, width: int) -> list[Line]:
        """The columns' names."""
        rest = width - NAME - WHEN - 2
        return [columns([("  NAME", 2 + NAME, "past"), ("WHEN", WHEN, "past"), ("WHAT", rest, "past")])]

    def opens(self, shown: Shown, n: int) -> To | None:
        """An act's or a surprise's op, to be looked at with y and e."""
        entry = entries(shown)[n]
        if entry.act is not None:
            return To("op", str(entry.act.i))
        return To("op", str(entry.injected.i)) if entry.injected is not None else None

    def row(self, shown: Shown, n: int, width: int, *, chosen: bool) -> Line:
        """Who or which, when, what."""
        entry = entries(shown)[n]
        rest = max(8, width - NAME - WHEN)
        if entry.kind == "surprise":
            return self._surprise(shown, entry, rest)
        if entry.act is not None:
            return self._act(shown, entry.act, rest)
        game = shown.scenario.gameday if shown.scenario is not None else None
        if entry.kind == "goal" or game is None:
            return columns([("goal", NAME, "past"), ("", WHEN, ""), (entry.name, rest, "")])
        return columns([(entry.name, NAME, ""), ("role", WHEN, "past"), (game.roles[entry.name], rest, "")])

    def _surprise(self, shown: Shown, entry: Entry, rest: int) -> Line:
        one, planned, day = entry.injected, entry.surprise, shown.day
        if one is None or day is None:
            if planned is None:
                return []
            when = "by hand" if planned.at == "by hand" else f"at {planned.at}"
            told = f"{planned.fault} on {planned.where}" + (f"   hope: {planned.hope}" if planned.hope else "")
            return columns([(f"○ {entry.name}", NAME, "made"), (when, WHEN, "past"), (told, rest, "past")])
        is_on = one.healed_s == math.inf
        role: Role = "made" if is_on else "past"
        when = f"{words.instant(one.made_s)} on" if is_on else "-".join(map(words.instant, (one.made_s, one.healed_s)))
        return columns([(f"≈ {entry.name}", NAME, role), (when, WHEN, role),
                        (f"{self._noticed(shown, one, planned)}   {one.what}", rest, role)])

    def _noticed(self, shown: Shown, one: Injected, planned: Surprise | None) -> str:
        if one.failed:
            return "could not be made"
        act = shown.day.noticing.noticed(one.name) if shown.day is not None else None
        said = f"noticed after {max(0.0, act.t_s - one.made_s):.0f} s by {act.who}" if act else "not noticed"
        if planned is not None and planned.noticed_in is not None:
            said += f" (goal {planned.noticed_in:g} s)"
        well = self._recovered.said(shown, one.name)
        return f"{said}, {well}" if well else said

    def _act(self, shown: Shown, act: Act, rest: int) -> Line:
        about = shown.day.noticing.about(act) if shown.day is not None and not shown.is_masked else act.tag
        said = f"{act.what}: {act.text}" if act.what != "note" else act.text
        who = f"{act.who} ({act.role})" if act.role else act.who
        return columns([(who, NAME, ""), (words.instant(act.t_s), WHEN, "past"),
                        (words.one_line(said) + (f"  [{about}]" if about else ""), rest, "")])


class GameDayTitle(Lines):
    """Whose screen this is, and what it does not show."""

    def draw(self, shown: Shown, width: int, height: int) -> list[Line]:
        """One line."""
        role = of(self).role or "no role"
        told = "surprises are kept from this screen until the end" if shown.is_masked else "surprises are shown"
        return [[(" GAME DAY ", "strong"), (f"  {role}   ", ""), (told if shown.day is not None else "", "past")]]


class GameDayKeys(Lines):
    """What can be pressed here."""

    def draw(self, shown: Shown, width: int, height: int) -> list[Line]:
        """One line."""
        over = bool(shown.runbook.ended)
        keys = " w what is wrong now   n note"
        if of(self).role == FACILITATOR:
            keys = " enter inject, or tag an act   h heal   n note   t tag"
        return [between([(keys, "past" if over else "")], [("1-8   ? help   q ", "")], width)]


class GameDayScreen(Listed):
    """Enter on a surprise makes it now; on an act it asks what it was about."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("h", "heal", "heal the chosen one"),
        Binding("t", "tag", "what the chosen act was about"),
    ]

    def compose(self) -> ComposeResult:
        """Header, title, rows, keys."""
        yield Header(id="header")
        yield GameDayTitle(id="daytitle")
        yield Card(id="card")
        yield from self.filter_line()
        yield GameDayKeys(id="keys")

    @property
    def entry(self) -> Entry | None:
        """The chosen row."""
        known = entries(self.shown) if self.shown is not None else []
        return known[self.rows.chosen] if self.rows.chosen < len(known) else None

    def action_open_held(self) -> None:
        """Enter: the facilitator makes a surprise or tags an act; anybody else looks at an act."""
        entry = self.entry
        if entry is None or of(self).role != FACILITATOR or self._is_over:
            super().action_open_held()
        elif entry.kind == "surprise" and entry.injected is None:
            choices = [Choice("enter", "yes, now", "yes"), Choice("escape", "no", "")]
            of(self).ask(f"Make {entry.name} now?", "", choices,
                         lambda _: of(self).command("inject", fault=entry.name))
        elif entry.act is not None:
            self.action_tag()
        else:
            super().action_open_held()

    @property
    def _is_over(self) -> bool:
        return self.shown is None or bool(self.shown.runbook.ended) or of(self).source.is_replay

    def action_heal(self) -> None:
        """The facilitator takes the chosen surprise off."""
        entry = self.entry
        if entry is None or entry.injected is None or entry.injected.healed_s != math.inf:
            self.app.notify("choose a surprise that is on", severity="warning")
        else:
            of(self).command("heal", name=entry.name)

    def action_tag(self) -> None:
        """The facilitator says what the chosen act was about."""
        entry, shown = self.entry, self.shown
        if of(self).role != FACILITATOR or shown is None:
            self.app.notify("only the facilitator tags what others said", severity="warning")
            return
        if entry is None or entry.act is None:
            self.app.notify("choose a note or a command", severity="warning")
            return
        act = entry.act
        names = [e.name for e in entries(shown) if e.kind == "surprise" and e.injected is not None][:MOST_CHOICES]
        choices = [Choice(str(n), name, name) for n, name in enumerate(names, start=1)]
        of(self).ask("What was it about?", f"{act.who}: {act.text}",
                     [*choices, Choice("0", "no surprise", NOTHING), Choice("escape", "back", "")],
                     lambda name: of(self).command("tag", of=act.i, injection=name))

    def action_filter(self) -> None:
        """There is nothing to filter: a card is short."""

    def action_explain(self) -> None:
        """What a game day is."""
        of(self).explain(self.held or To("explain", "gameday"))
