"""The cache of parts: a folder counts only when its `part.json`, written last, is there.

Work goes on in a folder of its own beside it and is renamed when it is whole, under a lock file,
so that two rehearsals at once build once and a killed build leaves nothing that could be taken
for a part. Locks are the kernel's (flock): they end with their holder.
"""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import hashlib
import os
import shutil
import tempfile
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import msgspec

from sim import paths

_STALE_POLL_S = 0.2


class Manifest(msgspec.Struct, frozen=True):
    """What a finished part's folder holds."""

    part: str
    source: str
    word: str
    """The program's own answer, heard when the part was finished."""
    why: str
    main: str
    """Path of the program inside the folder (or of the folder of programs)."""
    size_bytes: int
    sha256: str
    """Of `main` if it is a file; "" otherwise."""
    took_s: float


def folder(name: str, recipe: str) -> Path:
    """Where the part `name` made by `recipe` (any text that fixes it) is or will be."""
    digest = hashlib.sha256(recipe.encode()).hexdigest()[:12]
    return paths.cache("parts", f"{name}-{digest}")


def read(where: Path) -> Manifest | None:
    """The manifest of a finished part, or None if it's absent, broken or not whole."""
    try:
        manifest = msgspec.json.decode((where / "part.json").read_bytes(), type=Manifest)
    except (OSError, msgspec.DecodeError):
        return None
    main = where / manifest.main
    if not main.exists() or (main.is_file() and main.stat().st_size != manifest.size_bytes):
        return None
    return manifest


def file_name(image: str) -> str:
    """An image's name as a file's."""
    return image.replace("/", "-").replace(":", "-")


@asynccontextmanager
async def locked(name: str, *, waiting: Callable[[], None]) -> AsyncIterator[None]:
    """Hold the lock `name`; `waiting()` is called once if another holds it."""
    locks = paths.cache("locks")
    locks.mkdir(mode=0o700, exist_ok=True)
    handle = os.open(locks / f"{name}.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        told = False
        while True:
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if not told:
                    told = True
                    waiting()
                await asyncio.sleep(_STALE_POLL_S)
        yield
    finally:
        os.close(handle)


@asynccontextmanager
async def workplace(where: Path) -> AsyncIterator[Path]:
    """An empty folder beside `where` to make a part in; gone afterwards, unless `finish`ed."""
    where.parent.mkdir(mode=0o700, exist_ok=True)
    await asyncio.to_thread(_sweep, where)
    work = Path(tempfile.mkdtemp(prefix=f".{where.name}.", dir=where.parent))
    try:
        yield work
    finally:
        await asyncio.to_thread(remove_tree, work)


def _sweep(where: Path) -> None:
    """Remove what a killed build of the same part left; its lock is ours now.

    A compiler it started may live on for a moment and still write: what then resists is swept next time.
    """
    for old in where.parent.glob(f".{where.name}.*"):
        with contextlib.suppress(OSError):
            remove_tree(old)


def finish(work: Path, where: Path, manifest: Manifest) -> None:
    """Make the finished folder `work` the part at `where`; the rename is what makes it count."""
    (work / "part.json").write_bytes(msgspec.json.format(msgspec.json.encode(manifest)))
    remove_tree(where)
    work.rename(where)


def remove_tree(tree: Path) -> None:
    """Remove a folder, also one with read-only folders in it (Go's module copies)."""
    if not tree.exists():
        return
    for directory, _, _ in os.walk(tree):
        os.chmod(directory, 0o700)  # our own folder, about to go
    shutil.rmtree(tree)


def sha256_file(path: Path) -> str:
    """Hex SHA-256 of a file's content."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def tree_bytes(tree: Path) -> int:
    """Bytes of all files below `tree`, links not followed."""
    return sum(entry.lstat().st_size for entry in tree.rglob("*") if entry.is_file() and not entry.is_symlink())
