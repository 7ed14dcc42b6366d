"""The build context of our own services' image: their sources alone, and their few packages."""

from __future__ import annotations

import asyncio
import hashlib
import shutil
from pathlib import Path

from sim import paths
from sim.rigs.real.acquire import pins, store, wheels
from sim.rigs.real.acquire.reporting import Telling

_PACKAGE_DOC = '"""Holds the services alone; the harness is not in this image."""\n'

ASK = (
    "python",
    "-c",
    "import platform, aiohttp, asyncpg, cryptography, nats, uvloop, sim.services;"
    "print('Python', platform.python_version() + ', aiohttp', aiohttp.__version__ + ', asyncpg',"
    " asyncpg.__version__ + ', uvloop', uvloop.__version__)",
)
"""Makes the image tell what it holds; it fails unless every package fits the image's Python."""


def sources() -> list[Path]:
    """Every file of sim/services, in a fixed order."""
    root = paths.data("sim", "services")
    return sorted(p for p in root.rglob("*") if p.is_file() and "__pycache__" not in p.parts)


def lock() -> Path:
    """The services' own lock file."""
    return paths.data("services.lock")


def recipe() -> str:
    """Digest of all that goes into the image: sources, lock and Dockerfile."""
    root = paths.data("sim")
    whole = hashlib.sha256(_PACKAGE_DOC.encode())
    for path in (*sources(), lock(), paths.data("compose", "images", "services", "Dockerfile")):
        name = path.relative_to(root) if path.is_relative_to(root) else path.name
        whole.update(f"\n{name}\n".encode() + path.read_bytes())
    return f"services {whole.hexdigest()}"


async def lay_out(context: Path, machine: str, telling: Telling) -> None:
    """Put Dockerfile, site/ (packages for the image's Python and `machine`) and sim/ into `context`."""
    site = await _site(machine, telling)
    await asyncio.to_thread(shutil.copytree, site, context / "site", ignore=_not_needed)
    target = context / "sim" / "services"
    target.mkdir(parents=True)
    (context / "sim" / "__init__.py").write_text(_PACKAGE_DOC)
    root = paths.data("sim", "services")
    for path in sources():
        copy = target / path.relative_to(root)
        copy.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path, copy)
    shutil.copyfile(paths.data("compose", "images", "services", "Dockerfile"), context / "Dockerfile")


def _not_needed(folder: str, names: list[str]) -> set[str]:
    return {name for name in names if name in ("part.json", "__pycache__", "bin", ".lock", ".gitignore")}


async def _site(machine: str, telling: Telling) -> Path:
    """The packages of services.lock, unpacked once for each lock and machine."""
    where = store.folder(f"services-site-{machine}", f"{pins.PYTHON_OF_SUITE}\n{lock().read_text()}")
    if store.read(where) is not None:
        return where
    telling.now("downloading", "the services' packages (services.lock)")
    async with (
        store.locked(where.name, waiting=lambda: telling.now("waiting", "another run fetches the packages")),
        store.workplace(where) as work,
    ):
        if store.read(where) is None:
            foreign = wheels.Foreign(pins.PYTHON_OF_SUITE, machine)
            await wheels.install(
                ["-r", str(lock())], work, part="the services' image", foreign=foreign, on_line=telling.line
            )
            manifest = store.Manifest(
                part="services-site",
                source="services.lock",
                word="",
                why="the image holds only what the services need",
                main=".",
                size_bytes=store.tree_bytes(work),
                sha256="",
                took_s=telling.elapsed_s,
            )
            store.finish(work, where, manifest)
    return where
