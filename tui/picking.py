"""Bare `rehearse` on a terminal: scenarios to run, runs to look at, and what each is about.

The command line writes what there is into a file, this screen writes the choice beside it: the
screen imports nothing of the command line.
"""

from __future__ import annotations

import json
from pathlib import Path
from textwrap import wrap
from typing import Any, ClassVar, NamedTuple

from textual.app import App, ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal
from textual.content import Content
from textual.widgets import Input, OptionList, Static
from textual.widgets.option_list import Option

from tui.themes import THEMES, dress


class Line(NamedTuple):
    """One thing that can be chosen."""

    key: str
    """A scenario's number, or nothing."""
    title: str
    tail: str
    about: list[str]
    """Paragraphs for the side."""
    command: list[str]
    """The command line it means."""
    kind: str
    """scenario, run or command"""


def lines(told: dict[str, Any]) -> list[Line]:
    """Everything there is, scenarios first."""
    made = [
        Line(s["slug"].partition("-")[0], s["title"], f"expects {s['expect']}",
             [s["title"], s["asks"], f"expected: {s['expect']}", f"$ rehearse run {s['slug'].partition('-')[0]}"],
             ["run", s["slug"]], "scenario")
        for s in told.get("scenarios", [])
    ]  # fmt: skip
    made += [
        Line("", r["id"], r["verdict"],
             [r["id"], f"scenario {r['scenario']}, engine {r['engine']}", f"verdict: {r['verdict']}",
              f"$ rehearse watch {r['id']}"],
             ["watch", r["id"]], "run")
        for r in told.get("runs", [])
    ]  # fmt: skip
    for name, does in (("watch demo", "the shipped recording of a whole run, replayed"),
                       ("doctor", "what is here, what is missing and what it would cost"),
                       ("--help", "every command")):  # fmt: skip
        made.append(Line("", f"rehearse {name}", "", [f"rehearse {name}", does], name.split(), "command"))
    return made


class Picker(App[list[str]]):
    """Arrow keys choose, letters filter, enter takes."""

    CSS = """
    Screen { background: $background; color: $foreground; }
    #title { height: 1; text-style: bold; padding: 0 1; }
    #find { height: 1; border: none; padding: 0 1; background: $surface; }
    #both { height: 1fr; }
    #choices { width: 3fr; height: 100%; border: none; background: $background; }
    #about { width: 2fr; height: 100%; padding: 0 2; border-left: solid $past; }
    #keys { height: 1; color: $past; padding: 0 1; }
    .-narrow #about { display: none; }
    """
    TITLE = "rehearse"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "quit", "leave", priority=True),
        Binding("up", "move(-1)", "up", priority=True, show=False),
        Binding("down", "move(1)", "down", priority=True, show=False),
        Binding("ctrl+t", "theme", "theme"),
    ]

    def __init__(self, told: dict[str, Any]) -> None:
        super().__init__()
        self.all = lines(told)
        self.seen: list[Line] = []
        dress(self)

    def get_theme_variable_defaults(self) -> dict[str, str]:
        """Our colours, for the themes that do not name them."""
        return THEMES[0].variables

    def compose(self) -> ComposeResult:
        """Title, filter, list and side, keys."""
        yield Static(Content("rehearse: practise an OAuth server's upgrade before it is real"), id="title")
        yield Input(placeholder="type to filter: 10, queue, broken, a run's time", id="find")
        with Horizontal(id="both"):
            yield OptionList(id="choices")
            yield Static(id="about")
        yield Static(Content("↑↓ choose   enter take it   type to filter   ctrl+t theme   esc leave"), id="keys")

    def on_mount(self) -> None:
        """Everything, the first scenario chosen."""
        self.fill("")
        self.query_one(Input).focus()

    def on_resize(self) -> None:
        """The side needs room."""
        self.screen.set_class(self.size.width < 100, "-narrow")
        if self.all:
            self.fill(self.query_one(Input).value)

    def on_input_changed(self, event: Input.Changed) -> None:
        """Filter as one types."""
        self.fill(event.value)

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """Enter takes the chosen one."""
        self._take()

    def on_option_list_option_selected(self, event: OptionList.OptionSelected) -> None:
        """A click takes it."""
        self._take()

    def on_option_list_option_highlighted(self, event: OptionList.OptionHighlighted) -> None:
        """Say what it is about."""
        self._tell()

    def fill(self, wanted: str) -> None:
        """Show what holds every word."""
        words = wanted.lower().split()
        self.seen = [
            each for each in self.all
            if all(w in " ".join((each.key, each.title, each.tail, *each.about)).lower() for w in words)
        ]  # fmt: skip
        choices = self.query_one(OptionList)
        choices.clear_options()
        heads = {"scenario": "SCENARIOS TO RUN", "run": "RUNS TO LOOK AT", "command": "ELSE"}
        last = ""
        for n, each in enumerate(self.seen):
            if each.kind != last:
                last = each.kind
                choices.add_option(Option(Content.styled(heads[each.kind], "bold"), disabled=True))
            choices.add_option(Option(Content(self._row(each)), id=str(n)))
        if self.seen:
            choices.highlighted = 1
        self._tell()

    def _row(self, each: Line) -> str:
        """One line, whatever the width: the title gives way."""
        narrow = self.size.width < 100
        room = max(30, self.size.width if narrow else self.size.width * 3 // 5) - 6
        tail = f"  {each.tail}" if each.tail else ""
        title = each.title if len(each.title) + len(tail) + 5 <= room else each.title[: room - len(tail) - 6] + "…"
        return f"{each.key:>3}  {title}".ljust(room - len(tail)) + tail

    @property
    def chosen(self) -> Line | None:
        """What is under the bar."""
        choices = self.query_one(OptionList)
        option = choices.highlighted_option
        return self.seen[int(option.id)] if option is not None and option.id is not None else None

    def _tell(self) -> None:
        each = self.chosen
        width = max(20, self.query_one("#about").size.width - 5)
        text = "\n\n".join("\n".join(wrap(part, width)) for part in each.about) if each is not None else "nothing fits"
        self.query_one("#about", Static).update(Content(text))

    def _take(self) -> None:
        if self.chosen is not None:
            self.exit(self.chosen.command)

    def action_move(self, by: int) -> None:
        """The list moves while one types."""
        choices = self.query_one(OptionList)
        if by > 0:
            choices.action_cursor_down()
        else:
            choices.action_cursor_up()

    def action_theme(self) -> None:
        """Dark, light, high contrast."""
        names = [theme.name for theme in THEMES]
        self.theme = names[(names.index(self.theme) + 1) % len(names)] if self.theme in names else names[0]


def pick(path: Path) -> int:
    """Show what `path` tells of; the choice is written over it, [] to leave."""
    chosen = Picker(json.loads(path.read_text())).run()
    path.write_text(json.dumps(chosen or []))
    return 0
