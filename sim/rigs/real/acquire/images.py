"""The docker engine's images: here already, pulled, or built from the same programs and packages.

Each comes by the first way that works: the image built here before by the same recipe, the
published one if this daemon has it, the published one pulled, a build. Built images are called
`rehearse.local/<part>:<version>` and carry the recipe's digest as a label; one counts only after
the program in it has told its version.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec

from sim import paths
from sim.errors import PartMissing
from sim.rigs.real.acquire import daemon, pins, registry, store, words
from sim.rigs.real.acquire.parts import Progress, Row
from sim.rigs.real.acquire.reporting import Telling
from sim.rigs.real.acquire.wanted import PYTHON_BASE, Wanted, all_wanted

RECIPE_LABEL = "rehearse.recipe"
PART_LABEL = "rehearse.part"
_BUILD_DEADLINE_S = 900.0
_KEEP = 3


async def every_image(hydra: Sequence[str], majors: Sequence[int], progress: Progress) -> list[Row]:
    """All images of the stack; PartMissing or EngineDown if one can't be had."""
    client = await asyncio.to_thread(daemon.client)
    try:
        about = await asyncio.to_thread(daemon.describe, client)
        python = await _published_python(client, about, progress)
        everything = await all_wanted(client, about, hydra=hydra, majors=majors, published_python=python)
        rows = [await image(client, about, one, progress) for one in everything]
        return [msgspec.structs.replace(rows[0], part="postgres"), *rows]
    finally:
        client.close()


async def image(client: Any, about: daemon.Daemon, wanted: Wanted, progress: Progress) -> Row:
    """One image by the first way that works (see the module)."""
    telling = Telling(wanted.part, progress)
    if row := await _here(client, wanted, telling):
        return telling.ready(row)
    lock = f"image-{store.file_name(wanted.local)}"
    async with store.locked(lock, waiting=lambda: telling.now("waiting", "another run is getting it")):
        if row := await _here(client, wanted, telling):
            return telling.ready(row)
        why = "nobody publishes it: it is this project's own"
        if wanted.published:
            telling.now("downloading", wanted.published)
            why = await asyncio.to_thread(registry.pull, wanted.published, about.ident)
            if not why:
                row = await _row(client, wanted, wanted.published, "pulled", "published by its makers", telling)
                return telling.ready(row)
        await _build(client, wanted, telling)
        await asyncio.to_thread(_tidy, client, wanted)
        return telling.ready(await _row(client, wanted, wanted.local, "built here", why, telling))


class Here(msgspec.Struct, frozen=True):
    """An image this daemon has: the SDK's object and the name it goes by."""

    found: Any
    name: str


def found_here(client: Any, wanted: Wanted) -> Here | None:
    """The wanted image if this daemon has it: ours by the same recipe, else the published one. Blocking."""
    ours = daemon.find_image(client, wanted.local)
    if ours is not None and ours.labels.get(RECIPE_LABEL) == wanted.digest:
        return Here(ours, wanted.local)
    published = daemon.find_image(client, wanted.published) if wanted.published else None
    return None if published is None else Here(published, wanted.published)


def known_word(found: Any) -> str:
    """What the image's program said when it was asked; "" if it never was."""
    remembered = _word_file(found)
    return remembered.read_text() if remembered.exists() else ""


def _word_file(found: Any) -> Path:
    return paths.cache("words", found.id.removeprefix("sha256:")[:24])


async def _here(client: Any, wanted: Wanted, telling: Telling) -> Row | None:
    here = await asyncio.to_thread(found_here, client, wanted)
    return (
        None if here is None else await _row(client, wanted, here.name, "cache", "this daemon has it already", telling)
    )


async def _row(client: Any, wanted: Wanted, name: str, source: str, why: str, telling: Telling) -> Row:
    found = await asyncio.to_thread(daemon.find_image, client, name)
    if found is None:
        raise PartMissing(f"the image of {wanted.part} vanished while it was made", where=name)
    word = await _word(client, wanted, found, telling)
    return Row(
        part=wanted.part,
        source=source,
        size_bytes=found.attrs.get("Size", 0),
        elapsed_s=telling.elapsed_s,
        why=why,
        word=word,
        digest=found.id,
        image=name,
    )


async def _word(client: Any, wanted: Wanted, found: Any, telling: Telling) -> str:
    """The program's own word, heard once for each image id and then remembered."""
    if known := known_word(found):
        return known
    telling.now("checking", "asking it its version")
    word = await asyncio.to_thread(_ask, client, wanted, found.id)
    wanted.expect(word)
    remembered = _word_file(found)
    remembered.parent.mkdir(mode=0o700, exist_ok=True)
    scratch = remembered.with_suffix(".new")
    scratch.write_text(word)
    scratch.replace(remembered)
    return word


def _ask(client: Any, wanted: Wanted, image_id: str) -> str:
    from docker.errors import DockerException

    try:
        output = client.containers.run(
            image_id,
            list(wanted.ask),
            network_mode="none",
            remove=True,
            stderr=True,
            labels={PART_LABEL: wanted.part},
        )
    except DockerException as error:
        raise PartMissing(
            f"the image of {wanted.part} does not run",
            where=wanted.local,
            seen=" ".join(str(error).split())[:400],
        ) from error
    return words.first_line(output.decode(errors="replace"), 0, part=wanted.part, where=wanted.local)


async def _build(client: Any, wanted: Wanted, telling: Telling) -> None:
    async with store.workplace(paths.cache("contexts", store.file_name(wanted.local))) as context:
        await wanted.build(context, telling)
        telling.now("building", f"image {wanted.local}")
        await asyncio.to_thread(build_context, client, context, wanted, telling)


def build_context(client: Any, context: Path, wanted: Wanted, telling: Telling) -> None:
    """Have the daemon build the folder `context`; PartMissing with its last words. Blocking."""
    from docker.errors import DockerException

    said = ""
    try:
        stream = client.api.build(
            path=str(context),
            tag=wanted.local,
            buildargs=dict(wanted.arguments),
            labels={RECIPE_LABEL: wanted.digest, PART_LABEL: wanted.part},
            network_mode="none",
            rm=True,
            forcerm=True,
            decode=True,
            timeout=_BUILD_DEADLINE_S,
        )
        for line in stream:
            if text := str(line.get("stream", "")).strip():
                said = f"{said}\n{text}"[-1500:]
                telling.line(text)
            if "error" in line:
                raise PartMissing(
                    f"the image of {wanted.part} can't be built",
                    where=wanted.local,
                    seen=f"{said}\n{line['error']}",
                )
    except (DockerException, OSError) as error:
        raise PartMissing(
            f"the image of {wanted.part} can't be built",
            where=wanted.local,
            seen=" ".join(str(error).split())[:600],
        ) from error


def _tidy(client: Any, wanted: Wanted) -> None:
    """Keep a few of the older images of the part: each change of a service makes one. Blocking.

    The services' newest is also `latest`, the name that plain Compose asks for.
    """
    from docker.errors import APIError

    if not wanted.published:
        client.images.get(wanted.local).tag(wanted.local.rsplit(":", 1)[0], "latest")
    mine = client.images.list(filters={"label": f"{PART_LABEL}={wanted.part}"})
    mine.sort(key=lambda found: str(found.attrs.get("Created", "")), reverse=True)
    for old in mine[_KEEP:]:
        with contextlib.suppress(APIError):  # in use by a rehearsal that still runs: next time
            client.images.remove(old.id, noprune=False)


async def _published_python(client: Any, about: daemon.Daemon, progress: Progress) -> bool:
    """Whether the published Python could be pulled; not tried where its stand-in was built before."""
    for name in (pins.PYTHON_IMAGE, PYTHON_BASE):
        if await asyncio.to_thread(daemon.find_image, client, name) is not None:
            return name == pins.PYTHON_IMAGE
    Telling("services", progress).now("downloading", pins.PYTHON_IMAGE)
    return not await asyncio.to_thread(registry.pull, pins.PYTHON_IMAGE, about.ident)
