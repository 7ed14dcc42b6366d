"""What is here of each part and what the rest would cost, without fetching or starting anything."""

from __future__ import annotations

import asyncio
import os
import shutil
from pathlib import Path
from typing import Any, Literal

import msgspec

from sim.errors import EngineDown
from sim.rigs.real.acquire import daemon, debian, go, images, pins, postgres, registry, store, wanted, words
from sim.rigs.real.acquire.parts import EngineKind

_BUILD_S = {"nats": 24, "toxiproxy": 5, "hydra-1.11.10": 68, "hydra-2.3.0": 65}
"""Seconds of a first build, measured on 2 cores with the modules already downloaded."""
_DEBIAN_S = 26
"""Seconds mmdebstrap took for either base image on the same machine."""
_ON_BASE_S = 2
"""Seconds an image took whose base was here already."""


class Standing(msgspec.Struct, frozen=True):
    """One part of one engine: is it here, and if not, how would it come and what would that take."""

    engine: EngineKind
    part: str
    state: Literal["here", "to get", "missing"]
    how: str
    word: str = ""
    cost_s: float = 0.0
    """Roughly, on a machine like the one it was measured on (see _BUILD_S); 0 where it's here or unknown."""


class Tools(msgspec.Struct, frozen=True):
    """What getting a part can use: each the program's own word, "" where it's not here."""

    go: str
    docker: str
    docker_why: str
    debian: str
    uv: str


async def tools() -> tuple[Tools, Any, daemon.Daemon | None]:
    """The tools, and the docker client with what its daemon says (None, None without one)."""
    found = Path(on_path) if (on_path := shutil.which("go")) else go.wheel_toolchain()
    client: Any = None
    about: daemon.Daemon | None = None
    why = ""
    try:
        client = await asyncio.to_thread(daemon.client, deadline_s=10)
        about = await asyncio.to_thread(daemon.describe, client)
    except EngineDown as down:
        why = f"{down.what}: {down.seen}"
    return (
        Tools(
            go=f"{await go.version_of(found)} ({found})" if found else "",
            docker=f"{about.version} ({about.system}/{about.machine})" if about else "",
            docker_why=why,
            debian=debian.tool(),
            uv=shutil.which("uv") or "",
        ),
        client,
        about,
    )


async def process_parts(have: Tools) -> list[Standing]:
    """The process engine's parts."""
    standings = [await _server()]
    target = go.Target.here()
    for part in _go_parts():
        manifest = store.read(_program(part, target))
        if manifest is not None:
            standings.append(Standing("process", part.name, "here", manifest.source, manifest.word))
        else:
            standings.append(Standing("process", part.name, "to get", _build_how(part, have), "", _build_s(part)))
    return standings


async def docker_parts(have: Tools, client: Any, about: daemon.Daemon) -> list[Standing]:
    """The docker engine's images."""
    return [await _image(client, about, have, want) for want in await wanted.all_wanted(client, about)]


async def _server() -> Standing:
    found = postgres.installed()
    if found:
        word = await words.of_program(found[0] / "postgres", ("--version",), part="postgres")
        return Standing("process", "postgres", "here", f"on this machine: {found[0]}", word)
    manifest = store.read(postgres.wheel_folder())
    if manifest is not None:
        return Standing("process", "postgres", "here", manifest.source, manifest.word)
    return Standing("process", "postgres", "to get", f"the Python wheel {pins.POSTGRES_WHEEL}; or install a server")


async def _image(client: Any, about: daemon.Daemon, have: Tools, want: wanted.Wanted) -> Standing:
    here = await asyncio.to_thread(images.found_here, client, want)
    if here is not None:
        return Standing("docker", want.part, "here", here.name, images.known_word(here.found))
    refused = registry.refused(want.published, about.ident) if want.published else ""
    if want.published and not refused:
        return Standing("docker", want.part, "to get", f"pull {want.published}, else build it")
    part = next((p for p in _go_parts() if p.name == want.part), None)
    if part is not None:
        how = f"build: {refused}; {_build_how(part, have)}"
        return Standing("docker", want.part, "to get", how, "", _build_s(part) + 1)
    base = want.arguments.get("BASE", "")
    if await asyncio.to_thread(daemon.find_image, client, base) is not None:
        return Standing("docker", want.part, "to get", f"build on {base}, which is here", "", _ON_BASE_S)
    if not have.debian:
        how = f"{refused or 'nobody publishes it'}; building it needs mmdebstrap (apt-get install mmdebstrap)"
        return Standing("docker", want.part, "missing", how)
    return Standing("docker", want.part, "to get", f"build from Debian packages with {have.debian}", "", _DEBIAN_S)


def _go_parts() -> list[pins.GoPart]:
    return [pins.NATS, pins.TOXIPROXY, *(pins.hydra(version) for version in pins.HYDRA_VERSIONS)]


def _program(part: pins.GoPart, target: go.Target) -> Path:
    return store.folder(f"{part.name}-{target.system}-{target.machine}", go.recipe(part, target))


def _build_how(part: pins.GoPart, have: Tools) -> str:
    with_what = have.go.split(" ")[0] if have.go else f"Go from the Python wheel {pins.GO_WHEEL}"
    return f"build {part.module} {part.version} with {with_what}"


def _build_s(part: pins.GoPart) -> float:
    cores = os.cpu_count() or 1
    return _BUILD_S.get(part.name, 70) * 2 / max(cores, 1)
