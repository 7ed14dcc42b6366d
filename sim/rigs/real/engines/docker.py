"""The stack as containers on a network of the run's own, by the Docker SDK.

SDK calls block, so each runs in a thread of this engine's pool; `close` first waits for those
under way, then removes by label: a call that was cancelled half way leaves nothing behind.
Names and addresses inside are the stack file's; this machine reaches published loopback ports,
which are chosen and reserved here because Docker's own choice changes at each restart.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import secrets as randomness
import threading
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import urlsplit

from sim.errors import EngineDown, NotReady
from sim.rigs.real.acquire import Parts
from sim.rigs.real.engines.addresses import container_variables, image_variables, secret_variables
from sim.rigs.real.engines.bounded import BoundedDisks
from sim.rigs.real.engines.container_faults import ContainerFaults
from sim.rigs.real.engines.containers import Containers, Wanted
from sim.rigs.real.engines.engine import Estate, JobResult, Kind
from sim.rigs.real.engines.output import JobOutput
from sim.rigs.real.engines.readiness import wait_ready
from sim.rigs.real.engines.together import in_order
from sim.rigs.real.engines.usage import Usage
from sim.rigs.real.ports import Ports
from sim.rigs.real.record import Record
from sim.rigs.real.room import must_have_memory
from sim.rigs.real.secrets import Secrets
from sim.rigs.real.stack import CPU_SHARES, Service, Stack
from sim.rigs.real.toxiproxy import Toxiproxy
from sim.rigs.rig import Side

STOP_S = 10
"""As `docker stop`: ten seconds, then SIGKILL."""
CALL_S = 120.0
"""Assumption: no call to the daemon takes longer, unpacking a saved database of some GB included."""
THREADS = 24
"""Assumption: more calls and jobs are never under way at once; a job holds a thread until it ends."""
CONFIG = "/etc/rehearse"

T = TypeVar("T")


class DockerEngine:
    """Implements `Engine`; owns everything that carries its run's label."""

    kind: Kind = "docker"
    gives_back = True

    def __init__(self, run_id: str, run_dir: Path, stack: Stack, parts: Parts, secrets: Secrets,
                 variables: Mapping[str, str], client: Any, disks: Mapping[str, int], estate: Estate) -> None:
        self.run_id, self.run_dir = run_id, run_dir
        self._stack, self._parts, self._secrets = stack, parts, secrets
        self._pool = ThreadPoolExecutor(THREADS, thread_name_prefix="docker")
        self._containers = Containers(client, run_id, estate.network or f"rehearse-{randomness.token_hex(4)}",
                                      estate.owners)
        self._disks = BoundedDisks(self._containers, disks)
        self._record = Record(run_id, kind="docker", run_dir=run_dir, inherits=estate.owners)
        self._reserved = Ports()
        self._ports = {(name, port): self._reserved.take() for name in stack.names for port in stack.ports(name)}
        self._links = {name: self._reserved.take() for name, link in stack.links.items() if link.harness}
        self._variables = {**image_variables(parts, variables), **secret_variables(secrets), **variables,
                           **container_variables(stack)}
        self._made: dict[str, str] = {}
        self.container_faults = ContainerFaults(self._call, self._containers, self._disks, self._made.get)
        self._followers: list[threading.Thread] = []
        self._full: set[str] = set()
        """Services that have their full share of the CPU by order."""
        self._jobs = 0
        self._outputs: dict[JobOutput, str] = {}
        """Jobs under way, with their service."""
        self._closing = False

    @classmethod
    async def open(cls, run_id: str, run_dir: Path, stack: Stack, parts: Parts, secrets: Secrets,
                   variables: Mapping[str, str], disks: Mapping[str, int] | None = None,
                   estate: Estate | None = None) -> DockerEngine:
        """Connect to the daemon and make the run's network, unless a dead run left one.

        `disks`: service → bytes of its disk, of those whose disk is bounded and can be filled.

        Raises EngineDown if the daemon does not answer, refuses, or publishes its ports elsewhere, BadInput
        if there is not enough memory for the disks.
        """
        from sim.rigs.real.acquire.daemon import client

        connected = await asyncio.to_thread(client, deadline_s=CALL_S)
        _refuse_far(str(connected.api.base_url))
        engine = cls(run_id, run_dir, stack, parts, secrets, variables, connected, disks or {}, estate or Estate())
        if estate is not None:
            return engine
        try:
            must_have_memory(engine._disks.sizes, await engine._call(lambda: engine._containers.memory_bytes))
            await engine._call(engine._containers.make_network)
        except BaseException:
            await asyncio.shield(engine.close())
            raise
        return engine

    async def _call(self, function: Callable[..., T], *arguments: Any) -> T:
        """One SDK call in a thread; its failures become EngineDown."""
        if self._closing:
            raise EngineDown("the stack is being removed", where=self.run_id)
        with _daemon_errors():
            return await asyncio.get_running_loop().run_in_executor(self._pool, function, *arguments)

    async def start(self, *services: str, environment: Mapping[str, str] | None = None,
                    data: Mapping[str, Path] | None = None) -> None:
        """See `Engine.start`."""
        await in_order(self._stack, services,
                       lambda name: self._start(name, environment or {}, (data or {}).get(name)))

    def data_place(self) -> Path | None:
        """See `Engine.data_place`."""
        root = Path(self._containers.root)
        return root if root.is_dir() else None

    def vary(self, variables: Mapping[str, str]) -> None:
        """See `Engine.vary`."""
        self._variables |= {**variables, **image_variables(self._parts, {**self._variables, **variables})}

    async def _start(self, name: str, environment: Mapping[str, str], data: Path | None) -> None:
        service = self._stack.service(name, self._variables)
        for filename in service.config:
            await self.write_config(name, filename, self._stack.config(name, filename, self._variables))
        if name in self._made:
            # A new container on the same volumes: another environment may have been asked for.
            await self._call(self._containers.remove, self._made.pop(name))
        ident = self._made[name] = await self._call(self._create, service, environment, data)
        await self._call(self._containers.start, ident)
        self._follow(name, ident)

        async def lives() -> bool:
            return await self._call(self._containers.pid, ident) != 0

        await wait_ready(self, name, self._secrets, lives=lives)
        if service.kind == "toxiproxy":
            await Toxiproxy(*self.direct(name, "api")).make_all(
                (link.name, f"0.0.0.0:{link.listen}", f"{link.service}:{self._stack.ports(link.service)[link.port]}")
                for link in self._stack.links.values())

    def _create(self, service: Service, environment: Mapping[str, str], data: Path | None) -> str:
        """Create a service's container with its volumes and data; blocking."""
        name = service.name
        publish = {inner: self._ports[name, port] for port, inner in service.ports.items()}
        if service.kind == "toxiproxy":
            publish |= {self._stack.links[link].listen: outer for link, outer in self._links.items()}
        mounts = [f"{self._config(name)}:{CONFIG}:ro"] if service.config else []
        mounts += [f"{self._disks.volume(name, volume, service.image)}:{path}"
                   for volume, path in service.volumes.items()]
        wanted = Wanted(name, service.image, _words(service, service.command), {**service.environment, **environment},
                        publish, tuple(mounts), service.shm_size or None,
                        CPU_SHARES if name in self._full else service.cpu_shares)
        ident = self._containers.create(wanted, name)
        if data is not None:
            self._containers.put_data(ident, service.environment["PGDATA"], data)
        return ident

    def _follow(self, name: str, ident: str) -> None:
        """Write its output to its log until it ends."""

        def follow() -> None:
            # The container may be removed, or the daemon go away, at any moment: what was read is kept.
            with _append(self.log(name)) as log, contextlib.suppress(Exception):
                for piece in self._containers.output(ident):
                    log.write(piece)
                    log.flush()

        thread = threading.Thread(target=follow, name=f"log of {name}", daemon=True)
        thread.start()
        self._followers.append(thread)

    async def stop(self, service: str) -> None:
        """See `Engine.stop`."""
        if service in self._made:
            await self._call(self._containers.stop, self._made[service], STOP_S)

    async def kill(self, service: str) -> None:
        """See `Engine.kill`."""
        if service in self._made:
            await self._call(self._containers.kill, self._made[service])

    async def pause(self, service: str) -> None:
        """See `Engine.pause`."""
        if not await self.incarnation(service):
            raise NotReady(f"{service} does not run", where=service)
        await self._call(self._containers.pause, self._made[service])

    async def resume(self, service: str) -> None:
        """See `Engine.resume`."""
        if service in self._made:
            await self._call(self._containers.resume, self._made[service])

    async def incarnation(self, service: str) -> str:
        """See `Engine.incarnation`."""
        ident = self._made.get(service)
        pid = 0 if ident is None else await self._call(self._containers.pid, ident)
        return f"{ident} {pid}" if pid else ""

    async def end_jobs(self, service: str) -> int:
        """See `Engine.end_jobs`."""
        under_way = [output.ident for output, name in self._outputs.items() if name == service and output.ident]
        for ident in under_way:
            await self._call(self._containers.kill, ident)
        return len(under_way)

    async def weigh_fully(self, service: str) -> None:
        """See `Engine.weigh_fully`."""
        self._full.add(service)
        if service in self._made:
            await self._call(self._containers.weigh, self._made[service], CPU_SHARES)

    async def restart(self, service: str) -> None:
        """See `Engine.restart`."""
        await self.stop(service)
        await self.start(service)

    def database(self, side: Side) -> str:
        """See `Engine.database`."""
        return self._stack.databases[side]

    def program(self, service: str) -> str:
        """See `Engine.program`."""
        return self._stack.service(service, self._variables).program

    def direct(self, service: str, port: str) -> tuple[str, int]:
        """See `Engine.direct`."""
        return "127.0.0.1", self._ports[service, port]

    def link(self, name: str) -> tuple[str, int]:
        """See `Engine.link`."""
        return "127.0.0.1", self._links[name]

    def inside(self, name: str) -> str:
        """See `Engine.inside`."""
        return f"toxiproxy:{self._stack.links[name].listen}"

    async def job(self, service: str, command: list[str], *, environment: Mapping[str, str] | None = None,
                  on_line: Callable[[str], None] | None = None, deadline_s: float) -> JobResult:
        """See `Engine.job`."""
        told = self._stack.service(service, self._variables)
        self._jobs += 1
        wanted = Wanted(service, told.image, _words(told, command), {**told.environment, **(environment or {})},
                        shm_size=told.shm_size or None, cpu_shares=told.cpu_shares, alias=False)
        loop = asyncio.get_running_loop()
        with JobOutput(self.log(service), self._secrets, loop, on_line) as output:
            running = loop.run_in_executor(self._pool, self._run, wanted, f"{service}-{self._jobs}", output)
            self._outputs[output] = service
            try:
                with _daemon_errors():
                    async with asyncio.timeout(deadline_s):
                        code = await asyncio.shield(running)
            except BaseException:
                output.cancelled = True
                if output.ident:
                    await asyncio.shield(loop.run_in_executor(None, self._containers.kill, output.ident))
                with contextlib.suppress(Exception):
                    await asyncio.shield(running)
                raise
            finally:
                self._outputs.pop(output, None)
            await asyncio.sleep(0)  # the last lines were handed to the loop just before the result
            return JobResult(code, output.tail())

    def _run(self, wanted: Wanted, name: str, output: JobOutput) -> int:
        """Run one job's container to its end; blocking."""
        ident = self._containers.create(wanted, name)
        output.ident = ident
        try:
            if self._closing or output.cancelled:
                return 137
            self._containers.start(ident)
            for piece in self._containers.output(ident):
                output.feed(piece)
            return self._containers.wait(ident)
        finally:
            self._containers.remove(ident)

    def _config(self, service: str) -> Path:
        return (self.run_dir / "config" / service).resolve()

    async def write_config(self, service: str, filename: str, text: str) -> None:
        """See `Engine.write_config`."""
        folder = self._config(service)
        folder.parent.mkdir(mode=0o700, exist_ok=True)
        folder.mkdir(exist_ok=True)
        # Read by whatever user the image has; the run folder above is its owner's alone.
        folder.chmod(0o755)
        part = folder / f".{filename}.part"
        part.write_text(text)
        part.chmod(0o644)
        part.replace(folder / filename)

    async def save_data(self, service: str, tar: Path) -> None:
        """See `Engine.save_data`."""
        ident = self._made[service]
        if await self._call(self._containers.pid, ident):
            raise EngineDown("data can only be saved of a stopped Postgres", where=service)
        part = tar.with_name(tar.name + ".part")
        os.close(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600))
        folder = self._stack.service(service, self._variables).environment["PGDATA"]
        await self._call(self._containers.get_data, ident, folder, part)
        part.replace(tar)

    async def usage(self, service: str) -> Usage:
        """See `Engine.usage`."""
        ident = self._made.get(service)
        return Usage(0.0, 0) if ident is None else await self._call(self._containers.usage, ident)

    def log(self, service: str) -> Path:
        """See `Engine.log`."""
        return self.run_dir / "logs" / f"{service}.log"

    def command(self, service: str) -> str:
        """See `Engine.command`."""
        told = self._stack.service(service, self._variables)
        return self._secrets.mask(" ".join(["docker run", told.image, *_words(told, told.command)]))

    async def close(self) -> None:
        """See `Engine.close`."""
        self._closing = True
        await asyncio.to_thread(self._remove_all)
        self._reserved.close()
        self._record.close()

    def _remove_all(self) -> None:
        """Kill what runs so that calls under way end, wait for these, then remove by label; blocking."""
        with contextlib.suppress(EngineDown), _daemon_errors():
            _all(self._containers.kill, self._containers.mine())
            self._pool.shutdown(wait=True)
            _all(self._containers.remove, self._containers.mine())
            self._containers.remove_rest()
        for thread in self._followers:
            thread.join(2.0)
        self._containers.close()


@contextlib.contextmanager
def _daemon_errors() -> Iterator[None]:
    import requests
    from docker.errors import DockerException

    try:
        yield
    except (DockerException, requests.RequestException) as error:
        raise EngineDown("the Docker daemon refused", seen=" ".join(str(error).split())[:400],
                         todo="rehearse doctor tells what is here; or use --engine process") from error


def _all(work: Callable[[str], None], idents: list[str]) -> None:
    with ThreadPoolExecutor(THREADS) as pool:
        list(pool.map(work, idents))


def _words(service: Service, command: list[str]) -> list[str]:
    """The container's command: images of Hydra name their program themselves."""
    return command[1:] if service.kind == "hydra" and command[:1] == ["hydra"] else list(command)


def _append(path: Path) -> Any:
    return os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600), "ab")


def _refuse_far(base_url: str) -> None:
    """Refuse a daemon on another machine: the loopback it publishes on is not ours."""
    told = urlsplit(base_url)
    if told.scheme in ("http+docker", "npipe") or told.hostname in ("localhost", "127.0.0.1", "::1"):
        return
    raise EngineDown("the Docker daemon is on another machine and publishes ports on that machine's loopback",
                     where=f"DOCKER_HOST ({told.hostname})", todo="use a local daemon, or --engine process")
