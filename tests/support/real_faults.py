"""The makers of faults over a real engine, put together as the rig does it, without a rehearsal."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from sim.rigs.real.controls import Controls
from sim.rigs.real.engines import Engine
from sim.rigs.real.faulting import RealFaults, fault_makers
from sim.rigs.real.noted import NotedEngine
from sim.rigs.real.probing import Probing
from sim.rigs.real.secrets import secrets
from sim.rigs.real.sender import AUTH_HOST, LOGIN_HOST
from sim.rigs.real.stack import load_stack
from sim.rigs.real.standing import Standing

OURS = ("edge", "login-consent", "authz")


@asynccontextmanager
async def faults_on(engine: Engine, *running: str) -> AsyncIterator[tuple[RealFaults, Standing, dict[str, Controls]]]:
    """Faults on a stack of which `running` is started already."""
    own = secrets()
    noted = NotedEngine(engine, own, lambda kind, text: None)
    noted.wanted |= set(running)
    controls = {name: Controls(name, engine.direct(name, "control"), own.control) for name in OURS}
    standing = Standing()
    made = fault_makers(noted, load_stack(), own, Probing(engine, controls, AUTH_HOST, LOGIN_HOST), controls, standing)
    try:
        yield made, standing, controls
    finally:
        for control in controls.values():
            await control.close()


async def lived_through(faults: RealFaults, fault: dict[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Make, prove and heal one fault: (proof, what the heal says)."""
    fault = {"name": f"{fault['fault']}-{fault.get('part') or fault.get('link')}", **fault}
    await faults.make(fault)
    try:
        proof = await faults.prove(fault["name"])
    finally:
        healed = await faults.heal(fault["name"])
    return proof, healed
