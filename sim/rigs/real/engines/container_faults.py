"""What faults do to a container and can't do to a plain process: bound it, fill its disk, take it off its network."""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Mapping
from typing import Any, Protocol, TypeVar

from sim.errors import NotReady
from sim.rigs.real.engines.bounded import BoundedDisks
from sim.rigs.real.engines.containers import Containers

T = TypeVar("T")


class Calling(Protocol):
    """Makes one blocking call of the SDK in a thread of the engine's."""

    def __call__(self, function: Callable[..., T], *arguments: Any) -> Coroutine[Any, Any, T]: ...


class ContainerFaults:
    """Of one run's containers; `made` tells a service's id, None if it has none."""

    def __init__(self, call: Calling, containers: Containers, disks: BoundedDisks,
                 made: Callable[[str], str | None]) -> None:
        self._call, self._containers, self._disks, self._made = call, containers, disks, made

    async def limit(self, service: str, *, cpu: float | None = None, memory_bytes: int | None = None) -> dict[str, Any]:
        """Limit a running container's share of one core, or its memory; None = as much as there is.

        Returns {cpu, memory_bytes} as the daemon has them then, None where there is no limit.
        """
        ident = self._made(service)
        if ident is None or not await self._call(self._containers.pid, ident):
            raise NotReady(f"{service} does not run", where=service)
        return await self._call(self._containers.limit, ident, cpu, memory_bytes)

    @property
    def disks(self) -> Mapping[str, int]:
        """Service → bytes of its disk, of those whose disk is bounded and can be filled."""
        return self._disks.sizes

    async def fill(self, service: str, *, full: bool) -> None:
        """Fill a bounded disk, or give back what it was filled with; the disk tells when that is done."""
        await self._call(lambda: self._disks.fill(service, full=full))

    async def free_bytes(self, service: str) -> int:
        """What is left of a bounded disk."""
        return await self._call(self._disks.free_bytes, service)

    async def detach(self, service: str) -> None:
        """Take a container off the network: nobody reaches it, it reaches nobody. Nothing if there is none."""
        if ident := self._made(service):
            await self._call(self._containers.detach, ident)

    async def attach(self, service: str) -> None:
        """Put it back under its name; nothing if it is there."""
        if ident := self._made(service):
            await self._call(self._containers.attach, ident, service)
