"""What a program says it is; a part counts only after it has answered.

A Go program built here tells the version we set at build time, as its makers' release does.
For Hydra we therefore also count the SQL migrations in the binary: they come from the source
alone, and they are what the rehearsal depends on.
"""

from __future__ import annotations

import mmap
import re
from pathlib import Path

from sim.errors import PartMissing
from sim.rigs.real.acquire import commands, pins

_MIGRATION = re.compile(rb"migrations/(\d{14,20})_[A-Za-z0-9_.\-]+?\.up\.sql")
_PACKED_MIGRATION = re.compile(rb"(?<!\d)(\d{14})_(?:(?!\.down\.)[A-Za-z0-9_.\-])+?\.up\.(?:sql|fizz)")
"""Names in a packr2 box stand without their folder."""
_DEADLINE_S = 30.0


async def of_program(program: Path, arguments: tuple[str, ...], *, part: str) -> str:
    """The first line a program writes when asked its version; PartMissing if it can't be run."""
    try:
        ended = await commands.run([program, *arguments], deadline_s=_DEADLINE_S)
    except (OSError, TimeoutError) as error:
        raise PartMissing(f"{part} does not run here", where=str(program), seen=repr(error)) from error
    return first_line(ended.tail, ended.exit_code, part=part, where=str(program))


def first_line(output: str, exit_code: int, *, part: str, where: str) -> str:
    """One line for people out of a version command's output; PartMissing if it failed or said nothing.

    Hydra 1.8.5 in a container first complains that it has no configuration file.
    """
    lines = [re.sub(r"\s+", " ", line).strip() for line in output.splitlines() if line.strip()]
    if exit_code != 0 or not lines:
        raise PartMissing(
            f"{part} did not tell its version", where=where, seen=f"exit code {exit_code}: {output[-300:]}"
        )
    told = next((line for line in lines if line.startswith("Version: ")), lines[0])
    return told.removeprefix("Version: ")


def expect_version(word: str, part: pins.GoPart, *, where: str) -> None:
    """PartMissing unless the program's word holds the version asked for."""
    wanted = part.version.removeprefix("v")
    if not re.search(rf"(?<![\d.]){re.escape(wanted)}(?![\d.]*\d)", word):
        raise PartMissing(f"{part.name} says it is another version", where=where, seen=word)


def migrations_in(program: Path, *, packed: bool = False) -> tuple[int, str]:
    """How many SQL migration versions a Hydra binary carries, and the newest; `packed` by packr2."""
    pattern = _PACKED_MIGRATION if packed else _MIGRATION
    with program.open("rb") as stream, mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ) as content:
        found = {match[1].decode() for match in pattern.finditer(content)}
    return len(found), max(found, default="")


def expect_migrations(program: Path, part: pins.GoPart) -> str:
    """`55 migrations, newest 2022…` for a Hydra, "" for others; PartMissing if it isn't what was pinned."""
    if not part.name.startswith("hydra-"):
        return ""
    count, newest = migrations_in(program, packed=bool(part.pack))
    if count == 0 or (part.migrations and (count, newest) != (part.migrations, part.newest_migration)):
        raise PartMissing(
            f"{part.name} carries other migrations than that version has",
            where=str(program),
            seen=f"{count}, newest {newest or 'none'}",
            todo=f"expected {part.migrations}, newest {part.newest_migration}" if part.migrations else "",
        )
    return f"{count} migrations, newest {newest}"
