"""How the command line speaks: results on stdout, progress and complaints on stderr.

A result is plain when it goes into a pipe or NO_COLOR is set; nothing is told by colour alone.
The last line of a command that leads somewhere is `next: …` (stderr, so that a pipe stays clean).
"""

from __future__ import annotations

import json
import os
import sys
import traceback
from collections.abc import Callable, Sequence
from typing import Any, TextIO

from sim.errors import RehearsalError

BOLD, RED, GREY = "1", "31", "90"


def is_coloured(stream: TextIO) -> bool:
    """May escape codes go there? Not into a pipe, not with NO_COLOR, not on a dumb terminal."""
    return stream.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"


def styled(text: str, code: str, *, stream: TextIO | None = None) -> str:
    """`text` in a style if the stream takes one."""
    return f"\x1b[{code}m{text}\x1b[0m" if is_coloured(stream or sys.stdout) else text


def result(text: str = "") -> None:
    """A line (or lines) of the answer, on stdout."""
    sys.stdout.write(text + "\n")


def result_json(value: Any) -> None:
    """The answer as JSON, on stdout."""
    sys.stdout.write(json.dumps(value, indent=2, ensure_ascii=False) + "\n")


def progress(text: str) -> None:
    """A line about what is going on, on stderr."""
    sys.stderr.write(text + "\n")
    sys.stderr.flush()


def next_step(text: str) -> None:
    """What to do next, as the last line, on stderr."""
    sys.stdout.flush()
    progress(f"next: {text}")


def table(head: Sequence[str], rows: Sequence[Sequence[str]], *, width: int | None = None) -> str:
    """Columns as text, two blanks between; the last column is cut to `width` (None = not cut)."""
    lines = [list(map(str, row)) for row in rows]
    widths = [max(len(row[n]) for row in [list(head), *lines]) for n in range(len(head))]

    def one(row: Sequence[str]) -> str:
        text = "  ".join(cell.ljust(widths[n]) for n, cell in enumerate(row)).rstrip()
        return text if width is None or len(text) <= width else text[: width - 1] + "…"

    return "\n".join([styled(one(head), BOLD), *(one(row) for row in lines)])


def one_line(text: str, most: int = 100) -> str:
    """A text on one line of so many characters; its source has all of it."""
    line = " ".join(text.split())
    return line if len(line) <= most else line[:most - 1] + "…"


def screen_width() -> int | None:
    """Columns of the terminal on stdout, None in a pipe (nothing is cut there)."""
    if not sys.stdout.isatty():
        return None
    try:
        return os.get_terminal_size(sys.stdout.fileno()).columns
    except OSError:
        return 80


def complain(error: RehearsalError) -> int:
    """Say what went wrong, without a traceback; returns the exit code."""
    sys.stdout.flush()
    lines = str(error).splitlines() or [error.what]
    progress(f"{styled('error:', RED, stream=sys.stderr)} {lines[0]}")
    for line in lines[1:]:
        progress(line)
    return error.exit_code


def complain_usage(message: str, *, usage: str = "", todo: str = "") -> int:
    """Say what is wrong with the command line; returns 254."""
    progress(f"{styled('error:', RED, stream=sys.stderr)} {message}")
    if usage:
        progress(f"  {usage}")
    if todo:
        progress(f"  do:   {todo}")
    return 254


def complain_bug(error: BaseException) -> int:
    """Say that the tool itself failed and where the traceback is; returns 255."""
    from sim.paths import cache

    said = str(error).splitlines()
    progress(
        f"{styled('error:', RED, stream=sys.stderr)} rehearse itself failed: "
        f"{type(error).__name__}{': ' + said[0] if said else ''}"
    )
    if os.environ.get("REHEARSE_DEBUG"):
        traceback.print_exception(error)
        return 255
    try:
        path = cache("last-failure.log")
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "w") as file:
            traceback.print_exception(error, file=file)
        progress(f"  seen: the traceback is in {path}")
    except OSError:
        progress("  do:   run it again with REHEARSE_DEBUG=1 to see the traceback")
    return 255


def figures(told: dict[str, Any], rows: Callable[[dict[str, Any]], list[list[str]]], *, as_json: bool) -> None:
    """A benchmark's figures: as JSON, or in the table that `rows` makes of them (figure, measured, goal, mark)."""
    if as_json:
        result_json(told)
    else:
        result(table(["figure", "measured", "goal", ""], rows(told)))


def reached(goal: bool) -> str:
    """The mark beside a benchmark's goal."""
    return "✓" if goal else "✗ missed"
