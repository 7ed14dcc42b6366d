"""Lines of the screen: pieces of text, each with what its colour means.

A colour has one meaning (`Role`), and the text says the same without it. Nothing here knows
a widget or a theme.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Literal, NamedTuple

from rich.cells import cell_len, set_cell_size

Role = Literal["", "strong", "blue", "green", "bad", "ask", "made", "past"]
"""strong: what counts · blue, green: the two stacks alone · bad: broken or failed · ask: unknown,
or waits for you · made: made by us (faults) · past: past, idle, not asked."""

Span = tuple[str, Role]
Line = list[Span]


class To(NamedTuple):
    """What a figure opens."""

    kind: Literal[
        "op", "log", "recent", "quantile", "gauge", "probe", "check", "figure", "grant", "screen", "series", "link",
        "step", "explain",
    ]
    arg: str
    """An op's index, a query of the log, a name. What changes with time is named and not said by its index: the
    figure of a gauge (`blue.rss_bytes`), the quantile of a query (`0.99 op:refresh`), a probe (`blue good`)."""


class Opens(str):
    """A piece of text that leads somewhere: enter or a click on it opens `to`."""

    __slots__ = ("to",)
    to: To

    def __new__(cls, said: str, kind: str, arg: object = "") -> Opens:
        made = super().__new__(cls, said)
        made.to = To(kind, str(arg))  # type: ignore[arg-type]  # one of the kinds above
        return made


def like(piece: str, said: str) -> str:
    """`said`, opening what `piece` opens."""
    return Opens(said, *piece.to) if isinstance(piece, Opens) else said


ROLES: tuple[Role, ...] = ("", "strong", "blue", "green", "bad", "ask", "made", "past")
SPARKS = "▁▂▃▄▅▆▇█"
_PLAIN = {
    "✓": "v",
    "✗": "x",
    "○": "o",
    "–": "-",
    "●": "*",
    "▸": ">",
    "▶": ">",
    "◀": "<",
    "▲": "^",
    "▼": "v",
    "→": ">",
    "·": ".",
    "…": "~",
    "×": "x",
    "≈": "~",
    "↑": "^",
    "↓": "v",
    "━": "=",
    "╸": ">",
    "─": "-",
    "╌": "-",
    "│": "|",
    "┃": "|",
    "┊": ":",
    "█": "#",
    "▌": "+",
    "░": ".",
    **dict.fromkeys("╭╮╰╯┏┓┗┛┌┐└┘┬┴├┤", "+"),
    **dict(zip("▁▂▃▄▅▆▇", "._-:=+*", strict=True)),
}
ASCII = str.maketrans(_PLAIN)
"""For terminals without Unicode: every glyph has a plain twin of one cell."""


def text(line: Line) -> str:
    """The line without its colours."""
    return "".join(piece for piece, _ in line)


def width(line: Line) -> int:
    """How many cells it takes."""
    return sum(cell_len(piece) for piece, _ in line)


def fit(line: Line, cells: int) -> Line:
    """Exactly so many cells: padded with blanks, or cut with an ellipsis."""
    taken = width(line)
    if taken == cells:
        return line
    if taken < cells:
        return [*line, (" " * (cells - taken), "")]
    kept: Line = []
    left = cells
    for piece, role in line:
        size = cell_len(piece)
        if size < left:
            kept.append((piece, role))
            left -= size
            continue
        kept.append((like(piece, set_cell_size(piece, max(0, left - 1)) + "…"), role) if left else ("", role))
        break
    return kept


def between(left: Line, right: Line, cells: int, fill: str = " ", role: Role = "") -> Line:
    """`left`, as much fill as it takes, `right`; the left gives way if there is no room."""
    room = cells - width(right)
    if width(left) + 1 > room:
        left = fit(left, max(0, room - 1))
    return fit([*left, (fill * max(0, room - width(left)), role), *right], cells)


LEAST_CUT = 4
"""A narrower column has no cell to give away."""


def columns(cells: Sequence[tuple[str, int, Role]]) -> Line:
    """A table's row: (text, width, role); a negative width aligns to the right.

    What is cut ends a cell before the next column, so that the two stay two words.
    """
    line: Line = []
    for n, (said, size, role) in enumerate(cells):
        span = abs(size)
        gap = 1 if size > LEAST_CUT and n < len(cells) - 1 else 0
        cut = said if cell_len(said) <= span else set_cell_size(said, span - 1 - gap) + "…"
        blank = " " * (span - cell_len(cut))
        line.append((like(said, blank + cut if size < 0 else cut + blank), role))
    return line


def box(
    title: Line, right: Line, inside: Iterable[Line], cells: int, rows: int, *, edge: Role = "past", heavy: bool = False
) -> list[Line]:
    """A frame of `cells` × `rows` with a title to the left and a word to the right of its upper edge."""
    tl, tr, bl, br, h, v = "┏┓┗┛━┃" if heavy else "╭╮╰╯─│"
    if cells < 6 or rows < 2:
        return [fit([], cells) for _ in range(rows)]
    head = between(
        [(" ", ""), *title, (" ", "")], [(" ", ""), *right, (" ", "")] if right else [], cells - 2, fill=h, role=edge
    )
    drawn: list[Line] = [[(tl, edge), *head, (tr, edge)]]
    body = list(inside)[: rows - 2]
    body += [[] for _ in range(rows - 2 - len(body))]
    drawn += [[(v, edge), (" ", ""), *fit(line, cells - 4), (" ", ""), (v, edge)] for line in body]
    drawn.append([(bl + h * (cells - 2) + br, edge)])
    return drawn


def spark(series: Sequence[float], top: float) -> str:
    """One cell a value; `top` is the highest, with some room above it so that a steady rate is a line, no wall."""
    if top <= 0:
        return "▁" * len(series)
    last, top = len(SPARKS) - 1, top * 1.4
    return "".join(SPARKS[max(0, min(last, round(value / top * last)))] for value in series)


def bar(share: float, cells: int) -> str:
    """A level of so many cells; half cells count."""
    share = max(0.0, min(1.0, share))
    halves = round(share * cells * 2)
    if share > 0 and halves == 0:
        halves = 1
    full, half = divmod(halves, 2)
    return ("█" * full + "▌" * half).ljust(cells, "░")


def track(share: float, cells: int) -> tuple[str, str]:
    """A progress track: (what is done, what is left)."""
    share = max(0.0, min(1.0, share))
    full = min(cells, int(share * cells))
    head = "╸" if full < cells and share > 0 else ""
    return "━" * full + head, "─" * (cells - full - len(head))
