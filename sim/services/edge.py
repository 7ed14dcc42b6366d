"""The edge: the one way in. Routes, buffers, coalesces refreshes and captures revocations.

Three listeners: public (OAuth clients and browsers), internal (introspection by resource
servers, deletes of consents and logins by operators) and control (the harness).

Run: `python -m sim.services.edge`; the environment is described in compose/stack.yaml.
"""

from __future__ import annotations

import asyncio

from sim.services.edge_control import EdgeControl
from sim.services.edge_requests import Edge
from sim.services.serving import Listeners, control_handler, run
from sim.services.settings import Environment


async def serve(ended: asyncio.Event) -> None:
    """Open the three listeners, work until `ended`, close."""
    environment = Environment()
    listeners = Listeners()
    edge = Edge(environment)
    try:
        await listeners.open(environment.listen("EDGE_PUBLIC"), edge.listener("public"))
        await listeners.open(environment.listen("EDGE_INTERNAL"), edge.listener("internal"))
        await listeners.open(environment.listen("EDGE_CONTROL"),
                             control_handler(environment.text("CONTROL_TOKEN"), EdgeControl(edge).call))
        await ended.wait()
        edge.gate.open()
    finally:
        await listeners.close()
        await edge.close()


if __name__ == "__main__":
    run("edge", serve)
