"""What an acquisition gives: each real program, where it came from and what it says it is."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Literal

import msgspec

from sim.errors import PartMissing

EngineKind = Literal["docker", "process"]
State = Literal["waiting", "downloading", "building", "checking", "ready"]


class Update(msgspec.Struct, frozen=True):
    """One piece of news while parts are being found or built.

    `state` ready comes exactly once for each part, with `row`; the others as they happen.
    """

    part: str
    state: State
    detail: str = ""
    elapsed_s: float = 0.0
    row: Row | None = None


class Row(msgspec.Struct, frozen=True):
    """One part as it was had: the table's line and the run's record of it.

    `source` names where it came from ("cache", "PATH", "published", "built from …"); `why` says
    why that source, in words for the user. `word` is what the program itself answered.
    `digest` is an image id or the SHA-256 of a binary; "" where the system's own package is used.
    """

    part: str
    source: str
    size_bytes: int
    elapsed_s: float
    why: str
    word: str
    digest: str = ""
    path: str = ""
    """The binary, or for `postgres` the folder of its programs; "" for an image."""
    image: str = ""
    """The image's name; "" for a binary."""


Progress = Callable[[Update], None]


def quiet(_: Update) -> None:
    """The callback of callers that show nothing."""


class Parts:
    """Every real program of one engine; all are here and each has given its own word."""

    def __init__(self, engine: EngineKind, rows: Iterable[Row]) -> None:
        self.engine: EngineKind = engine
        self.table: list[Row] = list(rows)
        self._rows = {row.part: row for row in self.table}

    def row(self, name: str) -> Row:
        """The row of one part; PartMissing if it was not asked for."""
        try:
            return self._rows[name]
        except KeyError:
            raise PartMissing(
                f"'{name}' was not acquired", where=self.engine, seen=f"acquired: {', '.join(self._rows)}"
            ) from None

    def binary(self, name: str) -> Path:
        """The program on this machine: `hydra-1.11.10`, `hydra-2.3.0`, `toxiproxy`, `nats`, `python`.

        `postgres` (and `postgres-15`) is the folder that holds postgres, initdb, pg_dump, psql and so on.
        """
        row = self.row(name)
        if not row.path:
            raise PartMissing(f"'{name}' is an image here, not a program", where=self.engine, seen=row.image)
        return Path(row.path)

    def image(self, name: str) -> str:
        """The image's name: `hydra-1.11.10`, `hydra-2.3.0`, `postgres`, `toxiproxy`, `nats`, `services`."""
        row = self.row(name)
        if not row.image:
            raise PartMissing(f"'{name}' is a program here, not an image", where=self.engine, seen=row.path)
        return row.image

    @property
    def versions(self) -> dict[str, str]:
        """Part → the program's own word."""
        return {row.part: row.word for row in self.table}

    @property
    def digests(self) -> dict[str, str]:
        """Part → image id or SHA-256 of the binary, where there is one."""
        return {row.part: row.digest for row in self.table if row.digest}
