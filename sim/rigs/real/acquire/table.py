"""The parts on stderr while they are gathered: a live table on a terminal, lines elsewhere.

Nothing is shown when everything is in the cache.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, TextIO

from sim.rigs.real.acquire.parts import Progress, Row, Update

if TYPE_CHECKING:
    from rich.live import Live
    from rich.table import Table

_WORKING = ("waiting", "downloading", "building")


def size(count: int) -> str:
    """`34 MB`, `0.4 GB`: bytes for people, in powers of ten."""
    return f"{count / 1e9:.1f} GB" if count >= 1e9 else f"{count / 1e6:.0f} MB" if count >= 1e6 else f"{count} B"


@contextmanager
def show(stream: TextIO | None = None) -> Iterator[Progress]:
    """`with show() as progress: parts = await acquire(engine, progress=progress)`."""
    out = stream or sys.stderr
    if out.isatty():
        screen = _Screen(out)
        try:
            yield screen.heard
        finally:
            screen.end()
    else:
        yield _Lines(out).heard


class _Lines:
    """For a pipe or a log: one line for each change, none for what was here already."""

    def __init__(self, out: TextIO) -> None:
        self._out = out
        self._state: dict[str, str] = {}

    def heard(self, update: Update) -> None:
        before = self._state.get(update.part)
        self._state[update.part] = update.state
        if update.state in _WORKING and update.state != before:
            print(f"{update.part}: {update.state}: {update.detail}", file=self._out, flush=True)
        elif update.row is not None and before in (*_WORKING, "checking") and update.elapsed_s >= 1.0:
            row = update.row
            print(
                f"{update.part}: {row.source}, {size(row.size_bytes)}, {row.elapsed_s:.0f} s ({row.why}): {row.word}",
                file=self._out,
                flush=True,
            )


class _Screen:
    """For a terminal: the table, drawn from the first part that has to be worked for."""

    def __init__(self, out: TextIO) -> None:
        self._out = out
        self._news: dict[str, Update] = {}
        self._heard_at: dict[str, float] = {}
        self._live: Live | None = None

    def heard(self, update: Update) -> None:
        self._news[update.part] = update
        self._heard_at[update.part] = time.monotonic()
        if self._live is None and update.state in _WORKING:
            from rich.console import Console
            from rich.live import Live

            self._live = Live(console=Console(file=self._out), get_renderable=self._table, refresh_per_second=4)
            self._live.start()

    def end(self) -> None:
        if self._live is not None:
            self._live.stop()

    def _table(self) -> Table:
        from rich.table import Table

        table = Table(box=None, pad_edge=False, header_style="bold")
        table.add_column("part", no_wrap=True)
        table.add_column("source", no_wrap=True, max_width=44)
        table.add_column("size", justify="right", no_wrap=True)
        table.add_column("elapsed", justify="right", no_wrap=True)
        table.add_column("why", overflow="ellipsis", no_wrap=True)
        for part, update in self._news.items():
            row = update.row
            if row is None:
                elapsed_s = update.elapsed_s + time.monotonic() - self._heard_at[part]
                table.add_row(part, f"{update.state} …", "", f"{elapsed_s:.0f} s", update.detail)
            else:
                table.add_row(part, row.source, size(row.size_bytes), f"{row.elapsed_s:.1f} s", row.why)
        return table


def lines(rows: list[Row]) -> list[tuple[str, str, str, str, str]]:
    """The finished table's cells: part, source, size, elapsed, why."""
    return [(r.part, r.source, size(r.size_bytes), f"{r.elapsed_s:.1f} s", r.why) for r in rows]
