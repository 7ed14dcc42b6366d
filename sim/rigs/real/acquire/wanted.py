"""Which images the stack needs, what fixes each, and how its build context is laid out."""

from __future__ import annotations

import asyncio
import hashlib
import shutil
from collections.abc import Awaitable, Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec

from sim import paths
from sim.errors import PartMissing
from sim.rigs.real.acquire import daemon, debian, go, pins, programs, services, store, words
from sim.rigs.real.acquire.parts import Progress
from sim.rigs.real.acquire.reporting import Telling

PYTHON_BASE = f"rehearse.local/debian-python:{pins.PYTHON_SUITE}"
"""The services' base where the published Python can't be pulled."""


class Wanted(msgspec.Struct, frozen=True):
    """One image: its names, what fixes it, how it tells its version, and how it's built."""

    part: str
    local: str
    published: str
    """"" for our own services, which nobody publishes."""
    recipe: str
    ask: tuple[str, ...]
    """The command that makes it tell its version; the image's entrypoint comes before it."""
    expect: Callable[[str], None]
    """Raises PartMissing if the word is another version's."""
    build: Callable[[Path, Telling], Awaitable[None]]
    """Lay out a build context in the given folder: a Dockerfile and what it copies."""
    arguments: Mapping[str, str] = {}
    """Build arguments of the Dockerfile."""

    @property
    def digest(self) -> str:
        return hashlib.sha256(self.recipe.encode()).hexdigest()


async def all_wanted(
    client: Any,
    about: daemon.Daemon,
    *,
    hydra: Sequence[str] = pins.HYDRA_VERSIONS,
    majors: Sequence[int] = (15,),
    published_python: bool = False,
) -> list[Wanted]:
    """What the stack needs on this daemon. Asks the daemon alone; gets nothing."""
    has_python = published_python or await asyncio.to_thread(daemon.find_image, client, pins.PYTHON_IMAGE) is not None
    return [
        *(_postgres(client, about, major) for major in majors),
        *(_go_image(about, part) for part in (pins.NATS, pins.TOXIPROXY, *map(pins.hydra, dict.fromkeys(hydra)))),
        _services(client, about, "" if has_python else PYTHON_BASE),
    ]


def _go_image(about: daemon.Daemon, part: pins.GoPart) -> Wanted:
    kind = part.name.split("-")[0]
    dockerfile = paths.data("compose", "images", kind, "Dockerfile")
    target = go.Target(about.system, go.go_machine(about.machine))

    async def build(context: Path, telling: Telling) -> None:
        telling.now("building", "its program first")
        row = await programs.go_program(part, target, _passing_on(telling))
        shutil.copyfile(row.path, context / "program")
        (context / "program").chmod(0o755)
        shutil.copyfile(dockerfile, context / "Dockerfile")

    return Wanted(
        part=part.name,
        local=f"rehearse.local/{kind}:{part.version.removeprefix('v')}",
        published=part.published,
        recipe=go.recipe(part, target) + dockerfile.read_text(),
        ask=part.version_arguments,
        expect=lambda word: words.expect_version(word, part, where=kind),
        build=build,
    )


def _passing_on(telling: Telling) -> Progress:
    """The program's own news as lines of the image that waits for it, without its `ready`."""
    return lambda update: None if update.state == "ready" else telling.line(update.detail)


def _postgres(client: Any, about: daemon.Daemon, major: int) -> Wanted:
    where = paths.data("compose", "images", "postgres")
    suite = pins.POSTGRES_SUITES.get(major, "")
    packages = (f"postgresql-{major}",)
    base = f"rehearse.local/debian-postgres:{major}"

    async def build(context: Path, telling: Telling) -> None:
        if not suite:
            raise PartMissing(
                f"no image of Postgres {major} can be built here",
                seen=f"known Debian packages: {', '.join(map(str, pins.POSTGRES_SUITES))}",
                todo=f"make postgres:{major} available to this Docker daemon, or ask for another version",
            )
        await _base(client, about, base, suite, packages, telling)
        shutil.copytree(where, context, dirs_exist_ok=True)

    def expect(word: str) -> None:
        if f"(PostgreSQL) {major}." not in word:
            raise PartMissing(f"Postgres says it is another version than {major}", where=base, seen=word)

    recipe = [f"{debian.RECIPE} {suite} {packages} {about.machine}"]
    recipe += [path.read_text() for path in sorted(where.iterdir())]
    return Wanted(
        part=f"postgres-{major}",
        local=f"rehearse.local/postgres:{major}",
        published=f"postgres:{major}",
        recipe="\n".join(recipe),
        ask=("postgres", "--version"),
        expect=expect,
        build=build,
        arguments={"BASE": base, "MAJOR": str(major)},
    )


def _services(client: Any, about: daemon.Daemon, made: str) -> Wanted:
    """Our own services: the sources as they are now decide which image this is.

    `made` is the base image built here; "" if they stand on the published Python.
    """
    base = made or pins.PYTHON_IMAGE
    recipe = f"{services.recipe()}\n{base} {debian.RECIPE} {about.machine}"

    async def build(context: Path, telling: Telling) -> None:
        if made:
            await _base(client, about, made, pins.PYTHON_SUITE, ("python3",), telling)
        await services.lay_out(context, about.machine, telling)

    def expect(word: str) -> None:
        if not word.startswith(f"Python {pins.PYTHON_OF_SUITE}."):
            raise PartMissing("the services' image has another Python than their packages need", seen=word)

    return Wanted(
        part="services",
        local=f"rehearse.local/services:{hashlib.sha256(recipe.encode()).hexdigest()[:12]}",
        published="",
        recipe=recipe,
        ask=services.ASK,
        expect=expect,
        build=build,
        arguments={"BASE": base},
    )


async def _base(
    client: Any, about: daemon.Daemon, name: str, suite: str, packages: Sequence[str], telling: Telling
) -> None:
    """A Debian base image, unless this recipe's is here."""
    recipe = hashlib.sha256(f"{debian.RECIPE} {suite} {packages} {about.machine}".encode()).hexdigest()
    tagged = f"{name}-{recipe[:12]}"
    where = store.file_name(name)
    async with store.locked(f"image-{where}", waiting=lambda: telling.now("waiting", f"another run makes {name}")):
        if await asyncio.to_thread(daemon.find_image, client, tagged) is None:
            async with store.workplace(paths.cache("contexts", where)) as work:
                tar = await debian.make_tar(suite, packages, about.machine, work, telling)
                telling.now("building", f"image {tagged}")
                repository, tag = tagged.rsplit(":", 1)
                load = client.api.import_image_from_file
                await asyncio.to_thread(load, str(tar), repository=repository, tag=tag)
        await asyncio.to_thread(lambda: client.images.get(tagged).tag(*name.rsplit(":", 1)))
