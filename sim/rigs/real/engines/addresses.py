"""The variables of the stack file for one run: secrets, and where everything listens."""

from __future__ import annotations

from collections.abc import Mapping

from sim.rigs.real.secrets import Secrets
from sim.rigs.real.stack import Stack


def port_variable(service: str, port: str) -> str:
    """`PORT_BLUE_HYDRA_ADMIN`."""
    return f"PORT_{service}_{port}".upper().replace("-", "_")


def secret_variables(secrets: Secrets) -> dict[str, str]:
    """The stack file's names of the secrets."""
    return {"DATABASE_PASSWORD": secrets.database, "SYSTEM_SECRET": secrets.system, "CONTROL_TOKEN": secrets.control}


def loopback_variables(stack: Stack, ports: Mapping[tuple[str, str], int], links: Mapping[str, int]) -> dict[str, str]:
    """Everything on 127.0.0.1: the process engine's addresses."""
    told = {"BIND": "127.0.0.1"}
    for (service, port), number in ports.items():
        told[port_variable(service, port)] = str(number)
    for name, number in links.items():
        told[stack.links[name].variable] = f"127.0.0.1:{number}"
    return told


def container_variables(stack: Stack) -> dict[str, str]:
    """Inside the stack's own network every link is Toxiproxy's, by service name."""
    return {link.variable: f"toxiproxy:{link.listen}" for link in stack.links.values()}
