"""Where something stands in a text that a user wrote."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Source:
    """A text that messages can quote."""

    name: str
    """As the user would type it: a path, or `--set`."""
    text: str

    def line(self, number: int) -> str:
        """The text of line `number` (from 1), '' past the end."""
        lines = self.text.splitlines()
        return lines[number - 1] if 0 < number <= len(lines) else ""


@dataclass(frozen=True)
class Place:
    """A position in a source; line and column count from 1."""

    source: Source
    line: int
    column: int
