"""Sheets over a screen: a question with keys, a note, a long text."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar, NamedTuple

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical, VerticalScroll
from textual.content import Content
from textual.events import Key
from textual.screen import ModalScreen
from textual.widgets import Input, Static


class Choice(NamedTuple):
    """One answer: its key, what it means (empty: not told of), what is returned."""

    key: str
    said: str
    value: str


class Sheet(ModalScreen[str | None]):
    """Something in the middle of the screen; escape gives None."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape", "leave", "back")]

    def action_leave(self) -> None:
        """Back, with nothing chosen."""
        self.dismiss(None)


class Question(Sheet):
    """Asks once; only the keys it names answer it."""

    def __init__(self, title: str, text: str, choices: Sequence[Choice]) -> None:
        super().__init__()
        self._title, self._text, self._choices = title, text, choices

    def compose(self) -> ComposeResult:
        """The question and its keys."""
        with Vertical():
            yield Static(Content(self._title), classes="sheet--title")
            if self._text:
                yield Static(Content(self._text))
            keys = "\n".join(f"{c.key}  {c.said}" for c in self._choices if c.said)
            yield Static(Content(keys), classes="sheet--keys")

    def on_key(self, event: Key) -> None:
        """A named key chooses; everything else is left alone."""
        for choice in self._choices:
            if event.key == choice.key:
                event.stop()
                self.dismiss(choice.value)


class Interrupted(Question):
    """What Ctrl-C asks; whoever presses it again has answered."""


class NoteSheet(Sheet):
    """One line of text for the history."""

    def __init__(self, title: str = "A note for the history") -> None:
        super().__init__()
        self._title = title

    def compose(self) -> ComposeResult:
        """The line."""
        with Vertical():
            yield Static(Content(self._title), classes="sheet--title")
            yield Input(placeholder="what you noticed, decided or did", max_length=400)
            yield Static(Content("enter writes it   esc back"), classes="sheet--keys")

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """Written, if there is anything."""
        self.dismiss(event.value.strip() or None)


class TextSheet(Sheet):
    """A long text to scroll."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("q", "leave", "back")]

    def __init__(self, title: str, text: str) -> None:
        super().__init__()
        self._title, self._text = title, text

    def compose(self) -> ComposeResult:
        """Title, text, keys."""
        with Vertical():
            yield Static(Content(self._title), classes="sheet--title")
            with VerticalScroll():
                yield Static(Content(self._text))
            yield Static(Content("↑↓ scroll   esc back"), classes="sheet--keys")

    def on_mount(self) -> None:
        """The arrows scroll at once."""
        self.query_one(VerticalScroll).focus()
