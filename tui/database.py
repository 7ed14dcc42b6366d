"""What the history says of the two databases: the migration, locks, sizes, temp, who waits."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from typing import Any

from sim.history.op import Op

SERIES = 600
"""Gauges kept for the lines over time: ten minutes."""


@dataclass
class FileSeen:
    """One migration file, as long as it was seen at work."""

    name: str
    i: int
    statement: str = ""
    seen_s: float = 0.0
    locked: tuple[str, ...] = ()
    waits: bool = False


@dataclass
class TableSeen:
    """Rows of one table on both sides when the copy was compared."""

    name: str
    blue: int | None
    green: int | None
    equal: bool | None


class DatabaseSeen:
    """Fed with the harness's ops and its gauges."""

    def __init__(self) -> None:
        self.files: dict[str, FileSeen] = {}
        self.now: FileSeen | None = None
        """The file under way."""
        self.progress: dict[str, Any] = {}
        self.progress_i = -1
        self.temp: deque[tuple[float, float]] = deque(maxlen=SERIES)
        """(t_s, temp bytes) of green."""
        self.waiting: dict[str, deque[tuple[float, int, float]]] = {
            side: deque(maxlen=SERIES) for side in ("blue", "green")
        }
        """Side → (t_s, backends that wait for a lock, seconds of the oldest transaction)."""
        self.tables: dict[str, TableSeen] = {}
        self.tables_i = -1
        self.seeded: dict[str, Any] = {}
        self.seeded_i = -1
        self.account: dict[str, Any] = {}
        """What verify read of green at the end: rows_updated, temp_bytes, size_bytes …"""
        self.account_i = -1
        self.copied: dict[str, Any] = {}

    def feed(self, op: Op) -> None:
        """Take the next op of the harness."""
        value = op.value or {}
        match op.f:
            case "progress":
                self._progress(op, value)
            case "equality" if op.type == "ok":
                self.tables_i = op.i
                for name, told in (value.get("tables") or {}).items():
                    self.tables[name] = TableSeen(name, told.get("blue"), told.get("green"), told.get("equal"))
            case "database" if op.type == "ok":
                self.account, self.account_i = value, op.i
            case "stack" if op.type == "ok":
                self.seeded, self.seeded_i = value.get("seeding") or {}, op.i
            case "step" if op.type != "invoke":
                self.now = None
                if value.get("step") == "copy":
                    self.copied = value.get("figures") or {}

    def _progress(self, op: Op, value: dict[str, Any]) -> None:
        self.progress, self.progress_i = value, op.i
        if "temp_bytes" in value:
            self.temp.append((op.t_s, float(value["temp_bytes"] or 0)))
        if "version" not in value:
            self.now = None
            return
        name = str(value.get("now") or value["version"])
        seen = self.files.get(name)
        if seen is None:
            seen = self.files[name] = FileSeen(name, op.i)
        seen.i = op.i
        seen.statement = str(value.get("statement") or seen.statement)
        seen.seen_s = max(seen.seen_s, float(value.get("for_s") or 0.0))
        seen.locked = tuple(dict.fromkeys((*seen.locked, *(str(t) for t in value.get("locked") or []))))
        seen.waits = seen.waits or bool(value.get("waits"))
        self.now = seen

    def gauged(self, t_s: float, gauge: dict[str, Any]) -> None:
        """A gauge: who waits on each side."""
        for side, kept in self.waiting.items():
            told = gauge.get(side) or {}
            if told:
                kept.append((t_s, int(told.get("waiting") or 0), float(told.get("oldest_s") or 0.0)))

    def slowest(self, most: int) -> list[FileSeen]:
        """The files that took longest so far."""
        return sorted(self.files.values(), key=lambda f: -f.seen_s)[:most]
