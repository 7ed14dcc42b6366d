"""What people say on a game day, and what it is about.

A player does not know the name of a surprise, so a note or command is tagged `now`: whatever is
wrong now. Which surprise that was is read from the history afterwards (sim.report.noticing). The
facilitator may tag any act anew, by its number; the last tag counts. The tag is an op, so nothing
here has to be kept: this is only the list the facilitator chooses from.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import Any, NamedTuple

from sim.errors import Refused
from sim.history.gameday import FACILITATOR, NOTHING, NOW
from sim.scenario.messages import suggest

LAST = 20
"""Assumption: the facilitator tags anew soon, not an hour later; any act can be named by its number."""


class _Act(NamedTuple):
    i: int
    t_s: float
    who: str
    text: str


class Said:
    """Notes and commands of one run, newest last."""

    def __init__(self) -> None:
        self.surprises: Callable[[], Collection[str]] = lambda: ()
        """The names an act can be tagged with."""
        self._acts: dict[int, _Act] = {}
        self._tags: dict[int, str] = {}

    def remember(self, i: int, t_s: float, who: str, text: str, arguments: dict[str, Any]) -> None:
        """Op `i` is a note or a command; the facilitator's own are about nothing."""
        if arguments.get("role") != FACILITATOR:
            self._acts[i] = _Act(i, t_s, who, text)
            if arguments.get("tag"):
                self._tags[i] = str(arguments["tag"])

    def tag(self, arguments: dict[str, Any]) -> str:
        """Tag act `of` with `injection`, or list the acts. Raises Refused."""
        if arguments.get("role") != FACILITATOR:
            raise Refused("only the facilitator tags what others said", todo="--role facilitator; or write a note")
        if arguments.get("of") is None:
            return self._listed()
        try:
            i = int(arguments["of"])
        except (TypeError, ValueError):
            raise Refused(f"{arguments['of']!r} is not the number of an act", todo="tag, alone, lists them") from None
        if i not in self._acts:
            raise Refused(f"#{i} is no note and no command of a player", todo="tag, alone, lists them")
        name, known = str(arguments.get("injection") or ""), [*self.surprises(), NOW, NOTHING]
        if name not in known:
            raise Refused(f"there is no surprise {name!r}", todo=suggest(name, known, what="there are"))
        self._tags[i] = name
        return f"#{i} is about {name}"

    def _listed(self) -> str:
        lines = [f"#{a.i}  T+{int(a.t_s // 60):02d}:{a.t_s % 60:04.1f}  {a.who}: {a.text}"
                 + (f"  ({self._tags[a.i]})" if a.i in self._tags else "") for a in list(self._acts.values())[-LAST:]]
        return "\n".join(lines) or "nobody has said anything yet"


def role_of(arguments: dict[str, Any]) -> dict[str, str]:
    """`{role}` of who commands, as every op about it carries; {} outside a game day."""
    return {"role": str(arguments["role"])[:40]} if arguments.get("role") else {}
