"""Where real programs come from: found, published, or built at an exact version.

    parts = await acquire("process")
    parts.binary("hydra-1.11.10"), parts.binary("postgres")   # a program; the folder of Postgres' programs
    parts = await acquire("docker", progress=callback)
    parts.image("services"), parts.table, parts.versions

Nothing here is a stand-in: a part is the published program, the same source built here, or
missing, and then PartMissing says why and what to install.
"""

from sim.rigs.real.acquire.gather import acquire
from sim.rigs.real.acquire.parts import EngineKind, Parts, Progress, Row, Update

__all__ = ["EngineKind", "Parts", "Progress", "Row", "Update", "acquire"]
