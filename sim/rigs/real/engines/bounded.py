"""A container's disk of bounded size, in memory, which can be filled: no disk of the machine ever is.

Such a volume lives only while some container holds it, so a small one of ours does: the data outlives its
Postgres. It is also who fills what is left of the disk, again and again while more becomes free, and who
empties it. It belongs to the run by its labels like everything else; whoever takes a dead run up goes on
with it, and with an empty disk.
"""

from __future__ import annotations

from collections.abc import Mapping

from sim.errors import EngineDown, NotReady
from sim.rigs.real.engines.containers import Containers, Wanted

PLACE = "/disk"
FILLER = f"{PLACE}/filler"
HOLDER = "-disk"
"""How a holder's name ends."""
_FULL, _EMPTY = "SIGUSR1", "SIGUSR2"
_HOLD = f"""
trap 'full=1' USR1; trap 'full=' USR2
while :; do
    if [ "$full" ]; then cat /dev/zero >>{FILLER} 2>/dev/null; else rm -f {FILLER}; fi
    sleep 0.1 & wait $!
done"""
"""One program does both, so that nothing is filled any more once it was emptied."""


class BoundedDisks:
    """The bounded disks of one run; every call blocks."""

    def __init__(self, containers: Containers, sizes: Mapping[str, int]) -> None:
        self._containers = containers
        self.sizes = dict(sizes)
        """Service → bytes of its disk."""
        self._holders: dict[str, str] = {}

    def volume(self, service: str, name: str, image: str) -> str:
        """The service's volume (made if it is not there); its full name. `image`: one that has a shell."""
        if service not in self.sizes:
            return self._containers.volume(service, name)
        full = self._containers.volume(service, name, memory_bytes=self.sizes[service])
        if service not in self._holders:
            self._holders[service] = self._held(service) or self._hold(service, full, image)
        return full

    def _held(self, service: str) -> str:
        """The holder that a dead run left, told to empty the disk; '' if there is none.

        Raises NotReady if it has ended, and the data with it.
        """
        ident = self._containers.named(f"{service}{HOLDER}")
        if ident and not self._containers.pid(ident):
            raise NotReady(f"{service}'s disk was in memory, and is gone", where=service,
                           seen="the container that held it has ended", todo="run it again")
        if ident:
            self._containers.signal(ident, _EMPTY)
        return ident

    def _hold(self, service: str, full: str, image: str) -> str:
        holder = Wanted(service, image, ["sh", "-c", _HOLD], {}, mounts=(f"{full}:{PLACE}",), alias=False)
        ident = self._containers.create(holder, f"{service}{HOLDER}")
        self._containers.start(ident)
        return ident

    def fill(self, service: str, *, full: bool) -> None:
        """Begin to fill it, or to empty it again: at once, and in effect when `free_bytes` says so."""
        self._containers.signal(self._holders[service], _FULL if full else _EMPTY)

    def free_bytes(self, service: str) -> int:
        """What is left of it. Raises EngineDown if that can't be told."""
        said = self._containers.run(self._holders[service], ["stat", "-f", "-c", "%a %S", PLACE])
        blocks, _, size = said.partition(" ")
        if not (blocks.strip().isdigit() and size.strip().isdigit()):
            raise EngineDown("nobody can tell how full the disk is", where=service, seen=said[:200])
        return int(blocks) * int(size)
