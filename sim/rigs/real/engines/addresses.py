"""The variables of the stack file for one run: secrets, and where everything listens."""

from __future__ import annotations

from collections.abc import Mapping

from sim.rigs.real.acquire import Parts
from sim.rigs.real.secrets import Secrets
from sim.rigs.real.stack import Stack, variable_name

PROGRAMS = {
    "BLUE_POSTGRES": "postgres", "GREEN_POSTGRES": "postgres", "COPIER": "postgres", "TOXIPROXY": "toxiproxy",
    "NATS": "nats", "BLUE_HYDRA": "hydra-1.11.10", "GREEN_HYDRA": "hydra-2.3.0", "SERVICES": "services",
}
"""Which part runs it unless PROGRAM_<key> says another; REHEARSE_<key> is its image in the stack file."""


def port_variable(service: str, port: str) -> str:
    """`PORT_BLUE_HYDRA_ADMIN`."""
    return variable_name("PORT", service, port)


def image_variables(parts: Parts, variables: Mapping[str, str]) -> dict[str, str]:
    """The images that were acquired, by the stack file's names."""
    return {f"REHEARSE_{key}": parts.image(variables.get(f"PROGRAM_{key}") or part) for key, part in PROGRAMS.items()}


def secret_variables(secrets: Secrets) -> dict[str, str]:
    """The stack file's names of the secrets."""
    return {"DATABASE_PASSWORD": secrets.database, "SYSTEM_SECRET": secrets.system, "CONTROL_TOKEN": secrets.control}


def loopback_variables(stack: Stack, ports: Mapping[tuple[str, str], int], links: Mapping[str, int]) -> dict[str, str]:
    """Everything on 127.0.0.1: the process engine's addresses."""
    told = {"BIND": "127.0.0.1"}
    for (service, port), number in ports.items():
        told[port_variable(service, port)] = str(number)
    for variable, name in stack.dialled.items():
        told[variable] = f"127.0.0.1:{links[name]}"
    return told


def container_variables(stack: Stack) -> dict[str, str]:
    """Inside the stack's own network every link is Toxiproxy's, by service name."""
    return {variable: f"toxiproxy:{stack.links[name].listen}" for variable, name in stack.dialled.items()}
