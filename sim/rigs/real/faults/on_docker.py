"""Faults that only a container can suffer: asked of the engine, refused where parts are plain processes."""

from __future__ import annotations

from sim.errors import StepFailed
from sim.rigs.real.engines.container_faults import ContainerFaults
from sim.rigs.real.engines.engine import Engine


def container_faults(engine: Engine, to: str) -> ContainerFaults:
    """What does it to a container; raises StepFailed if there are none. `to`: the act, for a person."""
    if engine.container_faults is None:
        raise StepFailed(f"only the docker engine can {to}", todo="--engine docker")
    return engine.container_faults
