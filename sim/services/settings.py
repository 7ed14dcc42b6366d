"""What a service is told by its environment: addresses, switches and secrets.

A missing or unreadable variable ends the process with one line that names it; values are
never printed, some of them are secrets.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, TypeVar

Side = Literal["blue", "green"]
SIDES: tuple[Side, Side] = ("blue", "green")
Direction = Literal["forward", "back"]
Word = TypeVar("Word", bound=str)


class BadSetting(SystemExit):
    """An environment variable is missing or wrong; ends the process with 78 (EX_CONFIG)."""

    def __init__(self, name: str, why: str) -> None:
        super().__init__(78)
        self.name, self.why = name, why

    def __str__(self) -> str:
        return f"{self.name}: {self.why}"


@dataclass(frozen=True, slots=True)
class Listen:
    """Where a listener is opened."""

    host: str
    port: int


class Environment:
    """Typed reading of environment variables; each method raises BadSetting."""

    def __init__(self, values: Mapping[str, str] | None = None) -> None:
        self._values = os.environ if values is None else values

    def text(self, name: str, default: str | None = None) -> str:
        """A string; required when there is no default."""
        value = self._values.get(name, default)
        if value is None:
            raise BadSetting(name, "is not set")
        return value

    def listen(self, name: str) -> Listen:
        """`host:port` of a listener of ours."""
        host, colon, port = self.text(name).rpartition(":")
        if not colon or not port.isdigit():
            raise BadSetting(name, "is not host:port")
        return Listen(host or "127.0.0.1", int(port))

    def base_url(self, name: str) -> str:
        """`http://host:port` without a path."""
        value = self.text(name).rstrip("/")
        if not value.startswith("http://") or "/" in value.removeprefix("http://"):
            raise BadSetting(name, "is not http://host:port")
        return value

    def number(self, name: str, default: float) -> float:
        """A number that is not negative, in the unit the variable's name says."""
        text = self.text(name, str(default))
        try:
            value = float(text)
        except ValueError:
            raise BadSetting(name, "is not a number") from None
        if not 0 <= value < float("inf"):
            raise BadSetting(name, "is negative or not finite")
        return value

    def choice(self, name: str, allowed: tuple[Word, ...]) -> Word:
        """One of `allowed`; the first is the default."""
        value = self.text(name, allowed[0])
        for word in allowed:
            if word == value:
                return word
        raise BadSetting(name, f"is none of {', '.join(allowed)}")
