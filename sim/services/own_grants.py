"""The authorization service's own table: who has granted something to which app.

A file of SQLite, because the service answers from it thousands of times a second and a restart
must not lose it. It holds subjects, so nobody but the service reads it. A kept copy is a second
file; putting it back adds what is missing and takes nothing away.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Sequence
from pathlib import Path

from sim.services import clock

Pair = tuple[str, str]
"""(subject, client)."""

_SCHEMA = """
    CREATE TABLE IF NOT EXISTS granted (subject TEXT NOT NULL, client TEXT NOT NULL, since_s REAL NOT NULL,
        looked_s REAL NOT NULL DEFAULT 0, PRIMARY KEY (subject, client)) WITHOUT ROWID;
    CREATE INDEX IF NOT EXISTS granted_looked ON granted (looked_s);
    CREATE TABLE IF NOT EXISTS deleted (n INTEGER PRIMARY KEY, subject TEXT NOT NULL, client TEXT NOT NULL,
        at_s REAL NOT NULL);
    CREATE TABLE IF NOT EXISTS put_back (subject TEXT NOT NULL, client TEXT NOT NULL);"""


class OwnGrants:
    """The table; every method is one short transaction."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._kept = folder / "kept.db"
        self._db = sqlite3.connect(folder / "grants.db", isolation_level=None)
        self._db.execute("PRAGMA journal_mode = WAL")
        self._db.executescript(_SCHEMA)
        self._kept_s = 0.0

    def add(self, pairs: Iterable[Pair]) -> None:
        """Write grants down; known ones stay as they are."""
        now_s = clock.now()
        self._db.execute("BEGIN")
        self._db.executemany("INSERT OR IGNORE INTO granted (subject, client, since_s) VALUES (?, ?, ?)",
                             [(subject, client, now_s) for subject, client in pairs])
        self._db.execute("COMMIT")

    def has(self, pair: Pair) -> bool:
        """Whether this grant is known."""
        return self._db.execute("SELECT 1 FROM granted WHERE subject = ? AND client = ?", pair).fetchone() is not None

    def count(self) -> int:
        """How many are known."""
        return int(self._db.execute("SELECT count(*) FROM granted").fetchone()[0])

    def longest_not_looked(self, subjects: int) -> dict[str, list[str]]:
        """Subject → its clients, of those nobody looked at for the longest time."""
        found: dict[str, list[str]] = {}
        for subject, client in self._db.execute(
                "SELECT subject, client FROM granted WHERE subject IN (SELECT subject FROM granted "
                "GROUP BY subject ORDER BY min(looked_s), subject LIMIT ?)", (subjects,)):
            found.setdefault(subject, []).append(client)
        return found

    def looked(self, subjects: Sequence[str]) -> None:
        """They were looked at now."""
        now_s = clock.now()
        self._db.execute("BEGIN")
        self._db.executemany("UPDATE granted SET looked_s = ? WHERE subject = ?", [(now_s, s) for s in subjects])
        self._db.execute("COMMIT")

    def delete(self, pairs: Iterable[Pair]) -> None:
        """Delete grants, and write down that it was done."""
        now_s = clock.now()
        self._db.execute("BEGIN")
        for pair in pairs:
            if self._db.execute("DELETE FROM granted WHERE subject = ? AND client = ?", pair).rowcount:
                self._db.execute("INSERT INTO deleted (subject, client, at_s) VALUES (?, ?, ?)", (*pair, now_s))
        self._db.execute("COMMIT")

    def deleted(self, after: int, most: int) -> list[tuple[int, str, str, float]]:
        """(n, subject, client, Unix seconds) of what was deleted, from `after` on."""
        return [tuple(row) for row in self._db.execute(
            "SELECT n, subject, client, at_s FROM deleted WHERE n > ? ORDER BY n LIMIT ?", (after, most))]

    def keep(self) -> int:
        """Make the kept copy, in place of an older one; returns how many grants it holds."""
        self._kept.unlink(missing_ok=True)
        self._kept_s = clock.now()
        self._db.execute("VACUUM INTO ?", (str(self._kept),))
        return self.count()

    def restore(self) -> dict[str, int]:
        """Put back what the kept copy has and the table lacks.

        Returns {restored, written_since, missing}: `missing` of those written since the copy are gone by it,
        compared by key. Raises ValueError without a kept copy.
        """
        if not self._kept.exists():
            raise ValueError("there is no kept copy")
        since = set(self._db.execute("SELECT subject, client FROM granted WHERE since_s > ?", (self._kept_s,)))
        self._db.execute("ATTACH ? AS kept", (str(self._kept),))
        try:
            self._db.execute("BEGIN")
            self._db.execute("DELETE FROM put_back")
            self._db.execute(
                "INSERT INTO put_back SELECT subject, client FROM kept.granted k WHERE NOT EXISTS "
                "(SELECT 1 FROM main.granted g WHERE g.subject = k.subject AND g.client = k.client)")
            self._db.execute(
                "INSERT INTO main.granted (subject, client, since_s, looked_s) "
                "SELECT k.subject, k.client, k.since_s, k.looked_s FROM kept.granted k JOIN put_back p "
                "ON p.subject = k.subject AND p.client = k.client")
            self._db.execute("COMMIT")
        finally:
            self._db.execute("DETACH kept")
        missing = sum(not self.has(pair) for pair in since)
        restored = int(self._db.execute("SELECT count(*) FROM put_back").fetchone()[0])
        return {"restored": restored, "written_since": len(since), "missing": missing}

    def close(self) -> None:
        """Close the file."""
        self._db.close()
