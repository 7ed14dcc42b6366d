"""The services' own logs of the run folder, line by line on the history's clock.

Each program writes times its own way; a line without one belongs to the instant of the line
before it. Only the end of a very long log is read, and what is left out is said.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

from sim.report.masking import masked

MOST_BYTES = 2_000_000
"""Assumption: of a log of many megabytes nobody reads more than the end on a screen."""
LONGEST = 600
_TIME = re.compile(r"(\d{4})[-/](\d\d)[-/](\d\d)[ T](\d\d):(\d\d):(\d\d)(?:[.,](\d{1,9}))?( ?UTC|Z)?")


class LogLine(NamedTuple):
    """One line of a service."""

    t_s: float
    source: str
    text: str


class ServiceLogs:
    """The logs/ of a run folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.without: frozenset[str] = frozenset()
        """Services whose log is not read."""
        self.lines: list[LogLine] = []
        """By time."""
        self.left_out: dict[str, int] = {}
        """Log → bytes at its beginning that were not read."""
        self._origin: datetime | None = None
        self._at: dict[Path, int] = {}
        self._last_s: dict[Path, float] = {}

    def poll(self, origin_utc: str) -> bool:
        """Read what is new; True if anything was."""
        if self._origin is None:
            self._origin = datetime.fromisoformat(origin_utc.replace("Z", "+00:00"))
        new: list[LogLine] = []
        try:
            found = (p for p in (self.folder / "logs").iterdir() if p.suffix == ".log")
            files = sorted(p for p in found if p.stem not in self.without)
        except OSError:
            return False
        for path in files:
            new += self._read(path)
        if new:
            self.lines = sorted([*self.lines, *new], key=lambda line: line.t_s)
        return bool(new)

    def until(self, t_s: float) -> int:
        """How many lines were written by then."""
        return bisect_right(self.lines, t_s, key=lambda line: line.t_s)

    def _read(self, path: Path) -> list[LogLine]:
        begin = self._at.get(path)
        try:
            size = path.stat().st_size
            if begin is None:
                begin = max(0, size - MOST_BYTES)
                if begin:
                    self.left_out[path.stem] = begin
            if size <= begin:
                return []
            with open(path, "rb") as file:
                file.seek(begin)
                raw = file.read()
        except OSError:
            return []
        whole = raw.rfind(b"\n") + 1
        self._at[path] = begin + whole
        found = []
        for line in raw[:whole].decode(errors="replace").splitlines():
            said = line.strip()
            if not said:
                continue
            t_s = self._instant(said[:200])
            if t_s is None:
                t_s = self._last_s.get(path, 0.0)
            self._last_s[path] = t_s
            found.append(LogLine(t_s, path.stem, masked(said[:LONGEST])))
        return found

    def _instant(self, text: str) -> float | None:
        match = _TIME.search(text)
        if match is None or self._origin is None:
            return None
        year, month, day, hour, minute, second = (int(match[n]) for n in range(1, 7))
        micro = int((match[7] or "0")[:6].ljust(6, "0"))
        try:
            told = datetime(year, month, day, hour, minute, second, micro)
        except ValueError:
            return None
        # Without a zone it is this machine's own time.
        told = told.replace(tzinfo=UTC) if match[8] else told.astimezone(UTC)
        return (told - self._origin).total_seconds()
