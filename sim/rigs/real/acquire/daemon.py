"""The Docker daemon: reached, or an EngineDown that says what to do."""

from __future__ import annotations

import shutil
from importlib import import_module
from typing import Any

import msgspec

from sim.errors import EngineDown

_CALL_DEADLINE_S = 120.0


class Daemon(msgspec.Struct, frozen=True):
    """What the daemon says of itself."""

    version: str
    system: str
    """`linux`"""
    machine: str
    """As `uname -m` says it on the daemon's machine: `x86_64`, `aarch64`."""
    cores: int
    memory_bytes: int
    root: str
    """Where it keeps its images, on its own machine."""
    ident: str


def connect(deadline_s: float) -> Any:
    """A docker SDK client, not yet asked anything; each of its calls has the deadline. Blocking."""
    sdk: Any = import_module("docker")  # untyped; and slow to import, so not at the top
    return sdk.from_env(timeout=deadline_s)


def client(*, deadline_s: float = _CALL_DEADLINE_S) -> Any:
    """A docker SDK client that has been answered once; EngineDown otherwise. Blocking."""
    from docker.errors import DockerException

    try:
        connected = connect(deadline_s)
        connected.ping()
    except (DockerException, OSError) as error:
        installed = shutil.which("dockerd") or shutil.which("docker")
        todo = (
            "start it (`dockerd`, or your desktop's Docker), or let your user reach its socket"
            if installed
            else "install Docker (Debian: `apt-get install docker.io`)"
        )
        raise EngineDown(
            "the Docker daemon does not answer",
            seen=" ".join(str(error).split())[:300],
            todo=f"{todo}; or use --engine process",
        ) from error
    return connected


def describe(connected: Any) -> Daemon:
    """The daemon behind a client. Blocking."""
    info = connected.info()
    return Daemon(
        version=info.get("ServerVersion", "?"),
        system=info.get("OSType", "linux"),
        machine=info.get("Architecture", ""),
        cores=info.get("NCPU", 0),
        memory_bytes=info.get("MemTotal", 0),
        root=info.get("DockerRootDir", ""),
        ident=info.get("ID", ""),
    )


def find_image(client: Any, name: str) -> Any | None:
    """The SDK's object of an image this daemon has, else None. Blocking."""
    from docker.errors import ImageNotFound

    try:
        return client.images.get(name)
    except ImageNotFound:
        return None
