"""What the history says of the two databases: the migration, locks and who waits, sizes, WAL, temp."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

from sim.history.op import Op

SERIES = 600
"""Gauges kept for the lines over time: ten minutes."""
RATE_S = 5.0
"""Assumption: WAL over five seconds is steady enough to read and fast enough to see a change."""
NOW_S = 2.5
"""Source: gauges come once a second; a wait that the last two did not tell of is over."""
WAITS_KEPT = 200
"""Assumption: nobody reads further down the list of those who waited."""


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
    """One table: rows on both sides when the copy was compared, bytes with its indexes and TOAST."""

    name: str
    blue: int | None = None
    green: int | None = None
    equal: bool | None = None
    blue_bytes: int | None = None
    green_bytes: int | None = None

    @property
    def bytes(self) -> int:
        """The larger side's."""
        return max(self.blue_bytes or 0, self.green_bytes or 0)


@dataclass
class WaitSeen:
    """Somebody who waits (or waited) for a lock."""

    side: str
    who: str
    lock: str
    mode: str
    for_s: float
    wants: str
    holder: str
    held: str
    """The modes that the holder holds on what is waited for."""
    does: str
    """The holder's statement, and that it is idle if it is."""
    i: int
    """The op that told of it last."""
    told_s: float


@dataclass
class ServerSeen:
    """One Postgres as its gauges tell of it."""

    is_measured: bool = False
    """False in a recording made before WAL and sizes were gauged."""
    connections: int = 0
    waiting: int = 0
    oldest_s: float = 0.0
    temp_bytes: int = 0
    size_bytes: int | None = None
    sized_i: int = -1
    i: int = -1
    """The op of the last gauge."""
    waits: list[WaitSeen] = field(default_factory=list)
    wal: deque[tuple[float, int]] = field(default_factory=lambda: deque(maxlen=SERIES))
    """(t_s, bytes of WAL since the first gauge)."""

    @property
    def wal_bytes(self) -> int:
        """Written since the first gauge."""
        return self.wal[-1][1] if self.wal else 0

    @property
    def wal_rate(self) -> float:
        """Bytes a second over the last seconds."""
        if len(self.wal) < 2:
            return 0.0
        last_s, last = self.wal[-1]
        first_s, first = next(at for at in self.wal if last_s - at[0] <= RATE_S)
        return (last - first) / (last_s - first_s) if last_s > first_s else 0.0

    def wal_series(self, cells: int) -> list[float]:
        """Bytes a second from gauge to gauge, the last so many."""
        last = list(self.wal)[-cells - 1 :]
        return [(b - a) / max(0.1, b_s - a_s) for (a_s, a), (b_s, b) in pairwise(last)]


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
        self.sides = {side: ServerSeen() for side in ("blue", "green")}
        self.tables: dict[str, TableSeen] = {}
        self.tables_i = -1
        self.seeded: dict[str, Any] = {}
        self.seeded_i = -1
        self.account: dict[str, Any] = {}
        """What verify read of green at the end: rows_updated, temp_bytes, size_bytes …"""
        self.account_i = -1
        self.copied: dict[str, Any] = {}
        self._blocked: WaitSeen | None = None
        self._waited: dict[tuple[str, ...], WaitSeen] = {}

    def feed(self, op: Op) -> None:
        """Take the next op of the harness."""
        value = op.value or {}
        match op.f:
            case "progress":
                self._progress(op, value)
            case "equality" if op.type == "ok":
                self.tables_i = op.i
                for name, told in (value.get("tables") or {}).items():
                    table = self._table(name)
                    table.blue, table.green, table.equal = told.get("blue"), told.get("green"), told.get("equal")
            case "database" if op.type == "ok":
                self.account, self.account_i = value, op.i
            case "stack" if op.type == "ok":
                self.seeded, self.seeded_i = value.get("seeding") or {}, op.i
            case "step" if op.type != "invoke":
                self.now = None
                if value.get("step") == "copy":
                    self.copied = value.get("figures") or {}

    def _progress(self, op: Op, value: dict[str, Any]) -> None:
        if "blocked" in value:  # who waits while a shared database is migrated: the file under way stays
            self._blocked = _interval(value["blocked"], op)
            self._keep(self._blocked)
            return
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

    def gauged(self, op: Op, gauge: dict[str, Any]) -> None:
        """A gauge: who waits on each side, and what each Postgres says of itself."""
        for side, kept in self.waiting.items():
            its = (gauge.get("databases") or {}).get(side)
            told = its or gauge.get(side) or {}
            if told:
                kept.append((op.t_s, int(told.get("waiting") or 0), float(told.get("oldest_s") or 0.0)))
            if its:
                self._measured(side, op, its)
            else:
                self.sides[side].waits = []

    def _measured(self, side: str, op: Op, told: dict[str, Any]) -> None:
        seen = self.sides[side]
        seen.is_measured, seen.i = True, op.i
        seen.connections, seen.waiting = int(told.get("connections") or 0), int(told.get("waiting") or 0)
        seen.oldest_s, seen.temp_bytes = float(told.get("oldest_s") or 0.0), int(told.get("temp_bytes") or 0)
        seen.wal.append((op.t_s, int(told.get("wal_bytes") or 0)))
        seen.waits = [_wait(side, wait, op) for wait in told.get("waits") or []]
        for wait in seen.waits:
            self._keep(wait)
        if "size_bytes" in told:
            seen.size_bytes, seen.sized_i = int(told["size_bytes"]), op.i
            sizes = told.get("tables") or {}
            for table in self.tables.values():
                setattr(table, f"{side}_bytes", None)  # what is not among them is gone
            for name, size in sizes.items():
                setattr(self._table(str(name)), f"{side}_bytes", int(size))

    def _table(self, name: str) -> TableSeen:
        return self.tables.setdefault(name, TableSeen(name))

    def _keep(self, wait: WaitSeen) -> None:
        """Remember the longest of each kind of wait."""
        key = (wait.side, wait.who, wait.lock, wait.mode, wait.holder)
        known = self._waited.pop(key, None)
        if known is not None and known.for_s > wait.for_s:
            known.told_s, wait = wait.told_s, known
        self._waited[key] = wait
        if len(self._waited) > WAITS_KEPT:
            del self._waited[min(self._waited, key=lambda k: self._waited[k].for_s)]

    def waiting_now(self, side: str, now_s: float) -> list[WaitSeen]:
        """Who waits on a side at this instant, the longest first."""
        waits = [w for w in self.sides[side].waits if now_s - w.told_s <= NOW_S]
        if not waits and side == "blue" and self._blocked is not None and now_s - self._blocked.told_s <= 1.0:
            return [self._blocked]
        return waits

    def waited(self) -> list[WaitSeen]:
        """Everybody who was seen waiting, the longest first."""
        return sorted(self._waited.values(), key=lambda w: -w.for_s)

    def objects(self) -> list[TableSeen]:
        """The tables: those that differ first, then by bytes, then by rows."""
        there = [t for t in self.tables.values() if t.bytes or t.blue is not None or t.blue_bytes is not None
                 or t.green_bytes is not None]
        return sorted(there, key=lambda t: (t.equal is not False, -t.bytes, -(t.blue or 0), t.name))

    def slowest(self, most: int) -> list[FileSeen]:
        """The files that took longest so far."""
        return sorted(self.files.values(), key=lambda f: -f.seen_s)[:most]


def _wait(side: str, told: dict[str, Any], op: Op) -> WaitSeen:
    state = str(told.get("holder_state") or "")
    does = str(told.get("holder_does") or "")
    if state.startswith("idle"):
        does = f"({state}) {does}"
    return WaitSeen(side, str(told.get("who") or "?"), str(told.get("lock") or "?"), str(told.get("mode") or ""),
                    float(told.get("for_s") or 0.0), str(told.get("wants") or ""), str(told.get("holder") or ""),
                    ", ".join(str(m) for m in told.get("held") or []), does, op.i, op.t_s)  # fmt: skip


def _interval(told: dict[str, Any], op: Op) -> WaitSeen:
    """A blocked interval of a migration in place: so many wait, one statement holds them up."""
    held = [str(h).rpartition(" ") for h in told.get("held") or []]
    count = int(told.get("waiting") or 0)
    holder = str(told.get("holder") or "")
    return WaitSeen("blue", f"{count} client{'' if count == 1 else 's'}", ", ".join(sorted({t for t, _, _ in held})),
                    "", float(told.get("for_s") or 0.0), "", holder,
                    ", ".join(sorted({m.removesuffix("Lock") for _, _, m in held})), holder, op.i, op.t_s)  # fmt: skip
