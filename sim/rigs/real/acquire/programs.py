"""The process engine's programs: each Go part from the cache or built, the interpreter, Postgres."""

from __future__ import annotations

import asyncio
import platform
import sys
from pathlib import Path

from sim.rigs.real.acquire import go, pins, store, words
from sim.rigs.real.acquire.parts import Progress, Row
from sim.rigs.real.acquire.reporting import Telling


async def go_program(part: pins.GoPart, target: go.Target, progress: Progress) -> Row:
    """A Go part as a binary for `target`; built at most once a machine and recipe."""
    telling = Telling(part.name, progress)
    where = store.folder(f"{part.name}-{target.system}-{target.machine}", go.recipe(part, target))
    manifest = store.read(where)
    fresh = manifest is None
    if manifest is None:
        async with store.locked(where.name, waiting=lambda: telling.now("waiting", "another run is building it")):
            manifest = store.read(where) or await _build(part, target, where, telling)
    return telling.ready(
        Row(
            part=part.name,
            source=manifest.source if fresh else f"cache ({manifest.source})",
            size_bytes=manifest.size_bytes,
            elapsed_s=telling.elapsed_s,
            why=manifest.why,
            word=manifest.word,
            digest=f"sha256:{manifest.sha256}",
            path=str(where / manifest.main),
        )
    )


async def _build(part: pins.GoPart, target: go.Target, where: Path, telling: Telling) -> store.Manifest:
    async with store.workplace(where) as work:
        binary = await go.build(part, target, work, telling)
        telling.now("checking", "asking it its version")
        word = ""
        if target == go.Target.here():
            word = await words.of_program(binary, part.version_arguments, part=part.name)
            words.expect_version(word, part, where=str(binary))
        carried = await asyncio.to_thread(words.expect_migrations, binary, part)
        manifest = store.Manifest(
            part=part.name,
            source=f"built from {part.module} {part.version}",
            word="; ".join(filter(None, [word, carried])),
            why="no release binary is published for the process engine"
            if target == go.Target.here()
            else "for the image: none could be pulled",
            main=binary.name,
            size_bytes=binary.stat().st_size,
            sha256=await asyncio.to_thread(store.sha256_file, binary),
            took_s=telling.elapsed_s,
        )
        store.finish(work, where, manifest)
        return manifest


def interpreter(progress: Progress) -> Row:
    """The Python that runs our services beside us: our own."""
    telling = Telling("python", progress)
    path = Path(sys.executable)
    return telling.ready(
        Row(
            part="python",
            source="this environment",
            size_bytes=path.stat().st_size,
            elapsed_s=telling.elapsed_s,
            why="the services run with the harness's own interpreter and packages",
            word=f"Python {platform.python_version()}",
            path=str(path),
        )
    )
