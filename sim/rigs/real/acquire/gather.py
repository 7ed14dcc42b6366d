"""Gathers every part an engine needs, one after the other, and hands them back as `Parts`.

One after the other on purpose: a Go build takes every core it gets, and the table reads better.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from sim.rigs.real.acquire import go, pins, programs
from sim.rigs.real.acquire.parts import EngineKind, Parts, Progress, Row, quiet
from sim.rigs.real.acquire.postgres import postgres_program


async def acquire(
    engine: EngineKind,
    *,
    hydra: Sequence[str] = pins.HYDRA_VERSIONS,
    postgres: int | Sequence[int] = 15,
    progress: Progress = quiet,
) -> Parts:
    """Every real program `engine` needs; from the cache in milliseconds, else found, pulled or built.

    `postgres` is one major version or several (blue's and green's); the first is the part
    `postgres`, and each is `postgres-<major>`. Raises PartMissing (which, why, what to install)
    and, for docker, EngineDown.
    """
    majors = [postgres] if isinstance(postgres, int) else list(dict.fromkeys(postgres))
    if engine == "docker":
        from sim.rigs.real.acquire import images

        return Parts("docker", await images.every_image(hydra, majors, progress))
    return Parts("process", await _programs(hydra, majors, progress))


async def _programs(hydra: Sequence[str], majors: Sequence[int], progress: Progress) -> list[Row]:
    target = go.Target.here()
    rows = [programs.interpreter(progress)]
    for index, major in enumerate(majors):
        row = await postgres_program(major, progress, name="postgres" if index == 0 else f"postgres-{major}")
        rows.append(row)
        if index == 0:
            rows.append(msgspec.structs.replace(row, part=f"postgres-{major}"))
    for part in [pins.NATS, pins.TOXIPROXY, *(pins.hydra(version) for version in dict.fromkeys(hydra))]:
        rows.append(await programs.go_program(part, target, progress))
    return rows
