"""The Docker SDK's calls the docker engine needs; every one blocks and runs in a thread.

Everything made here carries the run's labels, so that `close` and `rehearse clean` find it by
label alone. Ports are published on 127.0.0.1 only.
"""

from __future__ import annotations

import contextlib
import tarfile
from collections.abc import Callable, Iterable, Iterator, Mapping
from io import BytesIO
from pathlib import Path
from typing import Any

import msgspec

from sim.errors import EngineDown, NotReady
from sim.rigs.real.engines.running import usage
from sim.rigs.real.engines.usage import Usage
from sim.rigs.real.labels import OWNER, RUN, SERVICE, WHERE
from sim.rigs.real.living import me, where
from sim.rigs.real.stack import CPU_SHARES

_CHUNK_BYTES = 1 << 20
_PERIOD_US, _LEAST_QUOTA_US = 100_000, 1_000
"""Source: docker run --cpu-period, --cpu-quota: the default period, and the smallest quota it takes."""
_POSTGRES_ID = 999
"""Source: the published image's user postgres; its entrypoint mends another owner, one file at a time."""


class Wanted(msgspec.Struct, frozen=True):
    """One container to be made."""

    service: str
    image: str
    command: list[str]
    environment: Mapping[str, str]
    publish: Mapping[int, int] = {}
    """Port inside → loopback port of this machine."""
    mounts: tuple[str, ...] = ()
    """As Docker's `binds`: `folder-or-volume:/path[:ro]`."""
    shm_size: str | None = None
    cpu_shares: int = CPU_SHARES
    alias: bool = True
    """Whether others find it by its service's name; jobs are not found."""


class Containers:
    """One run's network, volumes and containers."""

    def __init__(self, client: Any, run_id: str, prefix: str, inherits: Iterable[str] = ()) -> None:
        """`inherits`: dead owners whose network and volumes are this run's now."""
        self._api = client.api
        self._client = client
        self._run_id, self._prefix = run_id, prefix
        self._owners = {me(), *inherits}
        self.network = prefix

    @property
    def root(self) -> str:
        """The daemon's own folder, as it names it."""
        return str(self._api.info().get("DockerRootDir") or "")

    @property
    def memory_bytes(self) -> int:
        """Of the daemon's machine."""
        return int(self._api.info()["MemTotal"])

    def labels(self, service: str = "") -> dict[str, str]:
        """What everything of this run carries."""
        told = {RUN: self._run_id, OWNER: me(), WHERE: where()}
        return {**told, SERVICE: service} if service else told

    def make_network(self) -> None:
        """The run's own network; two rehearsals never share one."""
        self._api.create_network(self.network, driver="bridge", labels=self.labels(), check_duplicate=True)

    def volume(self, service: str, name: str, *, memory_bytes: int | None = None) -> str:
        """Make a volume (or find it again); returns its full name. `memory_bytes`: in memory, and no larger."""
        full = f"{self._prefix}-{name}"
        options = {"type": "tmpfs", "device": "tmpfs", "o": f"size={memory_bytes}"} if memory_bytes else None
        self._api.create_volume(full, driver="local", driver_opts=options, labels=self.labels(service))
        return full

    def create(self, wanted: Wanted, name: str) -> str:
        """Create a container, not started; returns its id.

        Raises NotReady with the daemon's word.
        """
        from docker.errors import APIError
        from docker.types.containers import LogConfig

        host = self._api.create_host_config(
            port_bindings={inner: ("127.0.0.1", outer) for inner, outer in wanted.publish.items()},
            binds=list(wanted.mounts), shm_size=wanted.shm_size, network_mode=self.network,
            cpu_shares=wanted.cpu_shares,
            # json-file whatever the daemon's default: the logs are read back through the API.
            log_config=LogConfig(type="json-file", config={}),
            # No name server but the network's own, so nothing calls home. The name of a part that is
            # not up stays without an answer, and Toxiproxy accepts nothing while it dials: not for long.
            dns=["127.0.0.1"], dns_opt=["timeout:1", "attempts:1"])
        network = self._api.create_networking_config({self.network: self._api.create_endpoint_config(
            aliases=[wanted.service] if wanted.alias else [])})
        try:
            made = self._api.create_container(
                wanted.image, command=wanted.command, name=f"{self._prefix}-{name}",
                environment=dict(wanted.environment), labels=self.labels(wanted.service),
                ports=list(wanted.publish), host_config=host, networking_config=network)
        except APIError as error:
            raise NotReady(f"{wanted.service}'s container can't be made", where=wanted.image,
                           seen=str(error.explanation or error)[:400]) from error
        return str(made["Id"])

    def start(self, ident: str) -> None:
        """Start a created container. Raises NotReady with the daemon's word."""
        from docker.errors import APIError

        try:
            self._api.start(ident)
        except APIError as error:
            raise NotReady("a container can't be started", where=ident[:12],
                           seen=str(error.explanation or error)[:400]) from error

    def pid(self, ident: str) -> int:
        """The first process of it, on the daemon's machine; 0 if it does not run (paused runs)."""
        from docker.errors import NotFound

        try:
            state = self._api.inspect_container(ident)["State"]
        except NotFound:
            return 0
        return int(state["Pid"]) if state["Running"] else 0

    def output(self, ident: str) -> Iterator[bytes]:
        """Its output from the beginning until it ends, in pieces."""
        yield from self._api.logs(ident, stdout=True, stderr=True, stream=True, follow=True)

    def wait(self, ident: str) -> int:
        """Wait for its end; the exit code."""
        return int(self._api.wait(ident)["StatusCode"])

    def stop(self, ident: str, within_s: int) -> None:
        """End it with its image's stop signal, then SIGKILL; gone is well too."""
        from docker.errors import NotFound

        with contextlib.suppress(NotFound):
            self._api.stop(ident, timeout=within_s)

    def kill(self, ident: str) -> None:
        """SIGKILL; not running is well too."""
        from docker.errors import APIError

        with contextlib.suppress(APIError):
            self._api.kill(ident)

    def signal(self, ident: str, name: str) -> None:
        """Send its first process a signal."""
        self._api.kill(ident, signal=name)

    def run(self, ident: str, command: list[str]) -> str:
        """Run something short in a running container; what it printed."""
        begun = self._api.exec_create(ident, command)
        return bytes(self._api.exec_start(begun["Id"])).decode(errors="replace")

    def pause(self, ident: str) -> None:
        """Freeze every process of it."""
        self._api.pause(ident)

    def resume(self, ident: str) -> None:
        """Thaw it; not frozen, or gone, is well too."""
        from docker.errors import NotFound

        with contextlib.suppress(NotFound):
            if self._api.inspect_container(ident)["State"]["Paused"]:
                self._api.unpause(ident)

    def limit(self, ident: str, cpu: float | None, memory_bytes: int | None) -> dict[str, Any]:
        """Set the limits of a running container; what the daemon has then.

        It takes 0 for "as it was", so no limit is -1 for the CPU and all the machine's memory.
        """
        machine_bytes = self.memory_bytes
        memory = memory_bytes or machine_bytes
        quota = max(_LEAST_QUOTA_US, round(cpu * _PERIOD_US)) if cpu is not None else -1
        self._api.update_container(ident, cpu_period=_PERIOD_US, cpu_quota=quota, mem_limit=memory,
                                   memswap_limit=memory)
        told = self._api.inspect_container(ident)["HostConfig"]
        has_quota, has_memory = int(told["CpuQuota"]), int(told["Memory"])
        return {"cpu": has_quota / _PERIOD_US if has_quota > 0 else None,
                "memory_bytes": has_memory if 0 < has_memory < machine_bytes else None}

    def weigh(self, ident: str, cpu_shares: int) -> None:
        """Set a container's weight; gone is well too."""
        from docker.errors import NotFound

        with contextlib.suppress(NotFound):
            self._api.update_container(ident, cpu_shares=cpu_shares)

    def detach(self, ident: str) -> None:
        """Take it off the run's network; off it is well too."""
        if self._is_attached(ident):
            self._api.disconnect_container_from_network(ident, self.network, force=True)

    def attach(self, ident: str, alias: str) -> None:
        """Put it on the run's network under its name; there, or gone, is well too."""
        from docker.errors import NotFound

        with contextlib.suppress(NotFound):
            if not self._is_attached(ident):
                self._api.connect_container_to_network(ident, self.network, aliases=[alias])

    def _is_attached(self, ident: str) -> bool:
        return self.network in self._api.inspect_container(ident)["NetworkSettings"]["Networks"]

    def remove(self, ident: str) -> None:
        """Remove it in whatever state, with its anonymous volumes; its named ones stay."""
        from docker.errors import NotFound

        with contextlib.suppress(NotFound):
            self._api.remove_container(ident, v=True, force=True)

    def usage(self, ident: str) -> Usage:
        """What it uses now; zeros if it does not run.

        Read from its processes where this machine has them (as everywhere but in a desktop's
        virtual machine): the daemon's own figures take it a second.
        """
        pid = self.pid(ident)
        if pid == 0:
            return Usage(0.0, 0)
        with contextlib.suppress(OSError):
            if ident in Path(f"/proc/{pid}/cgroup").read_text():
                return usage(pid)
        told = self._api.stats(ident, stream=False, one_shot=True)
        memory = told.get("memory_stats", {})
        stats = memory.get("stats", {})
        # Without the page cache, as `docker stats` counts; cgroup v1 names it total_…, v2 without.
        cache = sum(int(stats.get(f"total_{name}", stats.get(name, 0))) for name in ("inactive_file", "active_file"))
        return Usage(told["cpu_stats"]["cpu_usage"]["total_usage"] / 1e9, max(0, int(memory.get("usage", 0)) - cache))

    def put_data(self, ident: str, folder: str, tar: Path) -> None:
        """Unpack a tar of a data folder's content into `folder` of a created container."""
        parent, _, name = folder.rpartition("/")
        packed = BytesIO()
        with tarfile.open(fileobj=packed, mode="w") as archive:
            entry = tarfile.TarInfo(name)
            entry.type, entry.mode, entry.uid, entry.gid = tarfile.DIRTYPE, 0o700, _POSTGRES_ID, _POSTGRES_ID
            archive.addfile(entry)
        self._api.put_archive(ident, parent, packed.getvalue())
        with tar.open("rb") as file:
            if not self._api.put_archive(ident, folder, file):
                raise EngineDown("the saved data can't be unpacked", where=str(tar))

    def get_data(self, ident: str, folder: str, tar: Path) -> None:
        """Write the content of a stopped container's folder to a tar whose names begin with `./`."""
        pieces, _ = self._api.get_archive(ident, f"{folder}/.", chunk_size=_CHUNK_BYTES)
        with tar.open("wb") as file:
            for piece in pieces:
                file.write(piece)

    def mine(self) -> list[str]:
        """Ids of all containers of this run, also of those this object never heard of."""
        found = self._api.containers(all=True, filters={"label": [f"{RUN}={self._run_id}"]})
        return [str(one["Id"]) for one in found
                if self._is_ours((one["Labels"] or {}).get(OWNER, ""), one["Names"][0].lstrip("/"))]

    def named(self, name: str) -> str:
        """The id of the container that `create` called so, by this run or the one it goes on with; '' = none."""
        found = self._api.containers(all=True, filters={"name": [f"^/{self._prefix}-{name}$"]})
        return next((str(one["Id"]) for one in found), "")

    def remove_rest(self) -> None:
        """Remove the volumes and the network; the containers must be gone."""
        for one in found_in(self._api, f"{RUN}={self._run_id}"):
            if self._is_ours(one.owner, one.name):
                one.remove()

    def _is_ours(self, owner: str, name: str) -> bool:
        """Of two runs of one name in one process, too, each has its own; what a dead owner left is all ours."""
        return owner in self._owners and (owner != me() or name.startswith(self._prefix))

    def close(self) -> None:
        """Close the connection to the daemon."""
        self._client.close()


class Found(msgspec.Struct, frozen=True):
    """Something with our labels that is in the daemon."""

    kind: str
    """container, volume or network"""
    name: str
    run: str
    owner: str
    where: str
    remove: Callable[[], None]
    """Removes it in whatever state; what refuses (a network still in use) stays."""


def found_in(api: Any, label: str = RUN) -> list[Found]:
    """Everything with a label, in the order in which it can be removed."""
    from docker.errors import APIError

    def found(kind: str, name: str, labels: Mapping[str, str] | None, remove: Callable[..., Any],
              *arguments: Any, **named: Any) -> Found:
        def take_away() -> None:
            with contextlib.suppress(APIError):
                remove(*arguments, **named)

        told = labels or {}
        return Found(kind, name, told.get(RUN, ""), told.get(OWNER, ""), told.get(WHERE, ""), take_away)

    flt = {"label": [label]}
    containers = [found("container", one["Names"][0].lstrip("/"), one["Labels"], api.remove_container, one["Id"],
                        force=True, v=True) for one in api.containers(all=True, filters=flt)]
    volumes = [found("volume", one["Name"], one["Labels"], api.remove_volume, one["Name"], force=True)
               for one in api.volumes(filters=flt).get("Volumes") or []]
    networks = [found("network", one["Name"], one["Labels"], api.remove_network, one["Id"])
                for one in api.networks(filters=flt)]
    return [*containers, *volumes, *networks]
