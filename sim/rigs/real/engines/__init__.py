"""The engines: docker and process, chosen by what is here."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from sim.errors import BadInput
from sim.rigs.real.engines.engine import Engine, Estate, Kind

if TYPE_CHECKING:
    from sim.rigs.real.acquire import Parts
    from sim.rigs.real.secrets import Secrets
    from sim.rigs.real.stack import Stack


def choose(kind: str) -> tuple[Kind, str]:
    """(engine, why): `auto` takes docker when its daemon answers.

    Raises BadInput for another word, EngineDown if docker was asked for and does not answer.
    """
    from sim.errors import EngineDown

    if kind not in ("auto", "docker", "process"):
        raise BadInput(f"there is no engine {kind!r}", where="--engine", todo="auto, docker or process")
    if kind == "process":
        return "process", "asked for"
    try:
        said = _daemon()
    except EngineDown as down:
        if kind == "docker":
            raise
        return "process", f"no Docker daemon answers ({down.seen or down.what})"
    if kind == "docker":
        return "docker", f"asked for; daemon {said}"
    return "docker", f"its daemon answers ({said})"


def _daemon() -> str:
    from docker.client import from_env
    from docker.errors import DockerException

    from sim.errors import EngineDown

    try:
        client = from_env(timeout=3)
        try:
            return str(client.version()["Version"])
        finally:
            client.close()
    except (DockerException, OSError) as error:
        raise EngineDown("the Docker daemon does not answer", seen=str(error)[:160],
                         todo="start it, set DOCKER_HOST, or use --engine process") from error


async def open_engine(kind: Literal["docker", "process"], *, run_id: str, run_dir: Path, stack: Stack, parts: Parts,
                      secrets: Secrets, variables: Mapping[str, str], estate: Estate | None = None,
                      disks: Mapping[str, int] | None = None) -> Engine:
    """An engine with nothing started yet; `close` it whatever happens.

    `estate`: a dead run's, to go on with. `disks`: service → bytes of a disk that can be filled (docker alone).
    """
    if kind == "docker":
        from sim.rigs.real.engines.docker import DockerEngine

        return await DockerEngine.open(run_id, run_dir, stack, parts, secrets, variables, disks, estate)
    from sim.rigs.real.engines.process import ProcessEngine

    return ProcessEngine(run_id, run_dir, stack, parts, secrets, variables, estate)


__all__ = ["Engine", "Estate", "Kind", "choose", "open_engine"]
