"""What runs the stack: containers or plain processes, behind one protocol.

Both read the same stack file and start the same programs; only addresses differ.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Literal, Protocol

import msgspec

from sim.rigs.real.engines.container_faults import ContainerFaults
from sim.rigs.real.engines.usage import Usage
from sim.rigs.rig import Side

Kind = Literal["docker", "process"]


class Estate(msgspec.Struct, frozen=True):
    """What a dead run left to the engine that goes on with it (see adopting)."""

    home: Path | None = None
    """The process engine's folder: data/, config/."""
    network: str = ""
    """The docker engine's network, whose name begins those of its volumes."""
    owners: tuple[str, ...] = ()
    """Whom its labels name: they can't be changed, so what is theirs is ours."""

    @property
    def kind(self) -> Kind:
        """The engine that left it, and must go on with it."""
        return "docker" if self.network else "process"


class JobResult(msgspec.Struct, frozen=True):
    """How a one-shot job ended; `tail` is its last output, secrets masked."""

    exit_code: int
    tail: str


class Engine(Protocol):
    """A running stack of one run. Everything it starts goes with `close`, in whatever state."""

    kind: Kind
    run_id: str
    run_dir: Path
    gives_back: bool
    """Whether a running part's share of the CPU can be raised again; plain processes need root for that."""

    @property
    def container_faults(self) -> ContainerFaults | None:
        """What only a container can suffer; None where parts are plain processes."""
        ...

    async def start(self, *services: str, environment: Mapping[str, str] | None = None,
                    data: Mapping[str, Path] | None = None) -> None:
        """Start services together and wait until each answers a functional query.

        `data` gives a Postgres the tar of a data folder (see `save_data`).
        Raises NotReady with the part's last output.
        """
        ...

    def data_place(self) -> Path | None:
        """The folder that holds the databases' data; None if it can't be reached from here."""
        ...

    def vary(self, variables: Mapping[str, str]) -> None:
        """Other values of the stack file's variables, for whatever starts from now on."""
        ...

    async def stop(self, service: str) -> None:
        """End it cleanly and wait; nothing if it does not run."""
        ...

    async def kill(self, service: str) -> None:
        """SIGKILL."""
        ...

    async def pause(self, service: str) -> None:
        """Freeze it. Raises NotReady if it does not run."""
        ...

    async def resume(self, service: str) -> None:
        """Thaw it; nothing if it is not frozen."""
        ...

    async def incarnation(self, service: str) -> str:
        """Which run of it this is: another word after each start, '' while it does not run."""
        ...

    async def end_jobs(self, service: str) -> int:
        """SIGKILL its jobs under way; how many there were."""
        ...

    async def restart(self, service: str) -> None:
        """Stop, start, wait until ready."""
        ...

    async def weigh_fully(self, service: str) -> None:
        """From now on it has everybody's share of the CPU, whatever the stack file says: others wait for it."""
        ...

    def database(self, side: Side) -> str:
        """The service that holds a side's database; both have one where they share it."""
        ...

    def program(self, service: str) -> str:
        """The part that runs a service: `hydra-1.11.10`, `postgres`, `nats`."""
        ...

    def direct(self, service: str, port: str) -> tuple[str, int]:
        """Where the harness reaches a port round every link: (host, port) on loopback."""
        ...

    def link(self, name: str) -> tuple[str, int]:
        """Where the harness dials a link that is its own (`harness: true`)."""
        ...

    def inside(self, name: str) -> str:
        """Where parts dial a link: `host:port`."""
        ...

    async def job(self, service: str, command: list[str], *, environment: Mapping[str, str] | None = None,
                  on_line: Callable[[str], None] | None = None, deadline_s: float) -> JobResult:
        """Run a one-shot job to its end; cancelled or late means killed (TimeoutError)."""
        ...

    async def write_config(self, service: str, filename: str, text: str) -> None:
        """Replace a configuration file of a running service."""
        ...

    async def save_data(self, service: str, tar: Path) -> None:
        """Write the data folder of a stopped Postgres to a tar; whole or not at all."""
        ...

    async def usage(self, service: str) -> Usage:
        """What it uses now."""
        ...

    def log(self, service: str) -> Path:
        """Its log, in the run folder."""
        ...

    def command(self, service: str) -> str:
        """What started it, secrets masked."""
        ...

    async def close(self) -> None:
        """Remove everything; never raises for what is gone already."""
        ...
