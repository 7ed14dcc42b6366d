"""The stack as containers: one network a run, labels on everything, loopback ports only.

The docker SDK is blocking, so its calls run in threads. Files go into containers as archives
and not as mounts, so that a daemon on another host (DOCKER_HOST) works alike.
"""

from __future__ import annotations

import asyncio
import contextlib
import io
import os
import tarfile
import threading
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import docker
import docker.errors
import requests

from sim.errors import EngineDown, NotReady
from sim.rigs.real.acquire import Parts
from sim.rigs.real.engines.addresses import container_variables, secret_variables
from sim.rigs.real.engines.engine import JobResult, Usage
from sim.rigs.real.engines.readiness import wait_ready
from sim.rigs.real.living import me
from sim.rigs.real.ports import Ports
from sim.rigs.real.record import Record
from sim.rigs.real.secrets import Secrets
from sim.rigs.real.stack import Service, Stack
from sim.rigs.real.toxiproxy import Toxiproxy

RUN_LABEL, OWNER_LABEL = "rehearse.run", "rehearse.owner"
STOP_S = 10
API_S = 120
"""Assumption: saving a data folder of a gigabyte is the longest call; minutes mean a dead daemon."""
TAIL_LINES = 40
PGDATA_PARENT = "/var/lib/postgresql/data"
CONFIG = "/etc/rehearse"
# What the harness dials itself, round every link; nothing else is published.
_DIRECT = {("toxiproxy", "api"), ("blue-postgres", "sql"), ("green-postgres", "sql"), ("queue", "nats"),
           ("blue-hydra", "admin"), ("green-hydra", "admin"), ("blue-hydra", "public"), ("green-hydra", "public"),
           ("edge", "control"), ("login-consent", "control"), ("authz", "control")}


class DockerEngine:
    """Implements `Engine`; owns its containers, its network and their anonymous volumes."""

    kind = "docker"

    def __init__(self, client: docker.DockerClient, network: Any, run_id: str, run_dir: Path, stack: Stack,
                 parts: Parts, secrets: Secrets, variables: Mapping[str, str]) -> None:
        self.run_id, self.run_dir = run_id, run_dir
        self._client, self._network = client, network
        self._stack, self._parts, self._secrets = stack, parts, secrets
        self._variables = {**secret_variables(secrets), **variables, **container_variables(stack)}
        self._record = Record(run_id, kind="docker", run_dir=run_dir)
        self._pool = Ports()
        self._host = _host()
        self._published = {(name, port): self._pool.take() for name, port in sorted(_DIRECT)}
        self._links = {name: self._pool.take() for name, link in stack.links.items() if link.harness}
        self._containers: dict[str, Any] = {}
        self._n = 0

    @classmethod
    async def open(cls, run_id: str, run_dir: Path, stack: Stack, parts: Parts, secrets: Secrets,
                   variables: Mapping[str, str]) -> DockerEngine:
        """Connect to the daemon and make the run's network.

        Raises EngineDown if the daemon does not answer or refuses.
        """

        def connect() -> tuple[docker.DockerClient, Any]:
            client = docker.from_env(timeout=API_S)
            network = client.networks.create(f"rehearse-{run_id}", driver="bridge", check_duplicate=True,
                                             labels={RUN_LABEL: run_id, OWNER_LABEL: me()})
            return client, network

        try:
            client, network = await asyncio.to_thread(connect)
        except (docker.errors.DockerException, OSError) as error:
            raise EngineDown("the Docker daemon can't make a network", seen=str(error)[:300],
                             todo="rehearse clean removes what dead runs left; or use --engine process") from error
        return cls(client, network, run_id, run_dir, stack, parts, secrets, variables)

    async def start(self, *services: str, environment: Mapping[str, str] | None = None,
                    data: Mapping[str, Path] | None = None) -> None:
        """See `Engine.start`."""
        try:
            async with asyncio.TaskGroup() as group:
                for name in services:
                    group.create_task(self._start(name, environment or {}, (data or {}).get(name)))
        except* NotReady as failed:
            raise failed.exceptions[0] from None

    async def _start(self, name: str, environment: Mapping[str, str], data: Path | None) -> None:
        container = self._containers.get(name)
        if container is None:
            service = self._stack.service(name, self._variables)
            container = await self._thread(self._create, service, environment)
            self._containers[name] = container
            for filename in service.config:
                await self.write_config(name, filename, self._stack.config(name, filename, self._variables))
            if data is not None:
                await self._thread(self._unpack, container, data)
        await self._thread(container.start)
        self._follow(name, container)

        async def lives() -> bool:
            await self._thread(container.reload)
            return str(container.status) == "running"

        await wait_ready(self, name, self._secrets, lives=lives)
        if name == "toxiproxy":
            await self._make_links()

    def _create(self, service: Service, environment: Mapping[str, str]) -> Any:
        ports: dict[str, Any] = {}
        for (name, port), number in self._published.items():
            if name == service.name:
                ports[f"{service.ports[port]}/tcp"] = ("127.0.0.1", number)
        if service.name == "toxiproxy":
            for link, number in self._links.items():
                ports[f"{self._stack.links[link].listen}/tcp"] = ("127.0.0.1", number)
        extra: dict[str, Any] = {}
        if service.shm_size:
            extra["shm_size"] = service.shm_size
        return self._client.containers.create(
            self._image(service), service.command, name=f"rehearse-{self.run_id}-{service.name}",
            environment={**service.environment, **environment}, ports=ports, network=self._network.name,
            networking_config={self._network.name: self._client.api.create_endpoint_config(aliases=[service.name])},
            labels=self._labels(), stop_signal=service.stop_signal, **extra)

    def _labels(self) -> dict[str, str]:
        return {RUN_LABEL: self.run_id, OWNER_LABEL: me()}

    def _image(self, service: Service) -> str:
        return self._parts.image({"python": "services"}.get(service.program, service.program))

    def _unpack(self, container: Any, data: Path) -> None:
        with open(data, "rb") as file:
            container.put_archive(PGDATA_PARENT, file)

    async def _make_links(self) -> None:
        toxiproxy = Toxiproxy(*self.direct("toxiproxy", "api"))
        for link in self._stack.links.values():
            port = self._stack.ports(link.service)[link.port]
            await toxiproxy.make(link.name, f"0.0.0.0:{link.listen}", f"{link.service}:{port}")

    def _follow(self, name: str, container: Any) -> None:
        """Copy the container's output into the run folder until it ends."""

        def copy() -> None:
            with contextlib.suppress(Exception), open(self.log(name), "ab") as file:
                os.chmod(self.log(name), 0o600)
                for chunk in container.logs(stream=True, follow=True):
                    file.write(chunk)
                    file.flush()

        threading.Thread(target=copy, name=f"log-{name}", daemon=True).start()

    async def stop(self, service: str) -> None:
        """See `Engine.stop`."""
        if (container := self._containers.get(service)) is not None:
            await self._thread(container.stop, timeout=STOP_S)

    async def kill(self, service: str) -> None:
        """See `Engine.kill`."""
        if (container := self._containers.get(service)) is not None:
            await self._thread(container.kill)

    async def pause(self, service: str) -> None:
        """See `Engine.pause`."""
        await self._thread(self._containers[service].pause)

    async def resume(self, service: str) -> None:
        """See `Engine.resume`."""
        await self._thread(self._containers[service].unpause)

    async def restart(self, service: str) -> None:
        """See `Engine.restart`."""
        await self.stop(service)
        await self.start(service)

    def direct(self, service: str, port: str) -> tuple[str, int]:
        """See `Engine.direct`."""
        return self._host, self._published[service, port]

    def link(self, name: str) -> tuple[str, int]:
        """See `Engine.link`."""
        return self._host, self._links[name]

    def inside(self, name: str) -> str:
        """See `Engine.inside`."""
        return f"toxiproxy:{self._stack.links[name].listen}"

    async def job(self, service: str, command: list[str], *, environment: Mapping[str, str] | None = None,
                  on_line: Callable[[str], None] | None = None, deadline_s: float) -> JobResult:
        """See `Engine.job`."""
        told = self._stack.service(service, self._variables)
        self._n += 1
        container = await self._thread(lambda: self._client.containers.create(
            self._image(told), command, name=f"rehearse-{self.run_id}-{service}-{self._n}",
            environment={**told.environment, **(environment or {})}, network=self._network.name,
            labels=self._labels(), **({"shm_size": told.shm_size} if told.shm_size else {})))
        try:
            async with asyncio.timeout(deadline_s):
                await self._thread(container.start)
                tail = await self._lines(service, container, on_line)
                result = await self._thread(container.wait)
                return JobResult(int(result["StatusCode"]), tail)
        finally:
            await asyncio.shield(self._thread(_remove, container))

    async def _lines(self, service: str, container: Any, on_line: Callable[[str], None] | None) -> str:
        loop = asyncio.get_running_loop()
        lines: asyncio.Queue[str | None] = asyncio.Queue()

        def read() -> None:
            try:
                for line in _split(container.logs(stream=True, follow=True)):
                    loop.call_soon_threadsafe(lines.put_nowait, line)
            except (docker.errors.DockerException, requests.RequestException, OSError):
                pass  # the container was removed under it: the job was given up
            finally:
                with contextlib.suppress(RuntimeError):  # the loop has ended
                    loop.call_soon_threadsafe(lines.put_nowait, None)

        threading.Thread(target=read, name=f"job-{service}", daemon=True).start()
        tail: list[str] = []
        log = await asyncio.to_thread(open, self.log(service), "a")
        try:
            os.chmod(self.log(service), 0o600)
            while (line := await lines.get()) is not None:
                masked = self._secrets.mask(line)
                log.write(masked + "\n")
                tail = [*tail[-TAIL_LINES:], masked]
                if on_line is not None:
                    on_line(masked)
        finally:
            log.close()
        return "\n".join(tail)

    async def write_config(self, service: str, filename: str, text: str) -> None:
        """See `Engine.write_config`."""
        archive = io.BytesIO()
        with tarfile.open(fileobj=archive, mode="w") as tar:
            folder = tarfile.TarInfo(CONFIG.lstrip("/"))
            folder.type, folder.mode = tarfile.DIRTYPE, 0o755
            tar.addfile(folder)
            info = tarfile.TarInfo(f"{CONFIG.lstrip('/')}/{filename}")
            info.size, info.mode = len(text.encode()), 0o644
            tar.addfile(info, io.BytesIO(text.encode()))
        await self._thread(self._containers[service].put_archive, "/", archive.getvalue())

    async def save_data(self, service: str, tar: Path) -> None:
        """See `Engine.save_data`."""
        part = tar.with_name(tar.name + ".part")

        def save() -> None:
            chunks, _ = self._containers[service].get_archive(f"{PGDATA_PARENT}/pgdata", chunk_size=1 << 20)
            descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
            with os.fdopen(descriptor, "wb") as file:
                for chunk in chunks:
                    file.write(chunk)

        await self._thread(save)
        part.replace(tar)

    async def usage(self, service: str) -> Usage:
        """See `Engine.usage`."""
        container = self._containers.get(service)
        if container is None:
            return Usage(0.0, 0)
        try:
            told = await self._thread(lambda: self._client.api.stats(container.id, stream=False, one_shot=True))
            memory = told["memory_stats"]
            cache = memory.get("stats", {}).get("inactive_file", 0)
            return Usage(told["cpu_stats"]["cpu_usage"]["total_usage"] / 1e9, int(memory.get("usage", 0)) - int(cache))
        except (EngineDown, KeyError):
            return Usage(0.0, 0)

    def log(self, service: str) -> Path:
        """See `Engine.log`."""
        return self.run_dir / "logs" / f"{service}.log"

    def command(self, service: str) -> str:
        """See `Engine.command`."""
        told = self._stack.service(service, self._variables)
        return self._secrets.mask(" ".join([self._image(told), *told.command]))

    async def close(self) -> None:
        """See `Engine.close`."""
        await asyncio.to_thread(remove_run, self._client, self.run_id)
        self._pool.close()
        self._record.close()
        await asyncio.to_thread(self._client.close)

    async def _thread(self, call: Callable[..., Any], *arguments: Any, **named: Any) -> Any:
        try:
            return await asyncio.to_thread(call, *arguments, **named)
        except (docker.errors.DockerException, requests.RequestException) as error:
            raise EngineDown("Docker refused", seen=str(error)[:400],
                             todo="is its disk full, or a port taken? rehearse doctor tells") from error


def remove_run(client: docker.DockerClient, run_id: str) -> tuple[int, int]:
    """Remove every container and network of a run; (containers, networks) removed."""
    flt = {"label": f"{RUN_LABEL}={run_id}"}
    containers = client.containers.list(all=True, filters=flt)
    threads = [threading.Thread(target=_remove, args=(container,)) for container in containers]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    networks = client.networks.list(filters=flt)
    for network in networks:
        with contextlib.suppress(docker.errors.APIError):
            network.remove()
    return len(containers), len(networks)


def _remove(container: Any) -> None:
    with contextlib.suppress(docker.errors.APIError, requests.RequestException):
        container.remove(force=True, v=True)


def _split(chunks: Iterator[bytes]) -> Iterator[str]:
    """Lines of a stream of chunks."""
    rest = b""
    for chunk in chunks:
        *lines, rest = (rest + chunk).split(b"\n")
        for line in lines:
            yield line.decode(errors="replace").rstrip("\r")
    if rest:
        yield rest.decode(errors="replace")


def _host() -> str:
    """Where published ports are: loopback, or the remote daemon's host."""
    told = os.environ.get("DOCKER_HOST", "")
    if told.startswith("tcp://"):
        return told.removeprefix("tcp://").rsplit(":", 1)[0]
    return "127.0.0.1"
