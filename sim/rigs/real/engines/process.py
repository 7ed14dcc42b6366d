"""The stack as plain processes on loopback: no Docker, no root needed.

Each program leads a session of its own, so a Ctrl-C in the terminal reaches the harness alone,
and goes when the harness is killed (Linux; see guard.py). What runs is written to the cache's
`living/`, so that `rehearse clean` finds what a SIGKILL of the harness left all the same.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
import signal
import sys
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import IO, Any

import psutil

from sim.errors import NotReady
from sim.paths import PROJECT
from sim.rigs.real.acquire import Parts
from sim.rigs.real.engines import running
from sim.rigs.real.engines.addresses import loopback_variables, secret_variables
from sim.rigs.real.engines.engine import Estate, JobResult, Kind
from sim.rigs.real.engines.folder import DataFolder, remove_home
from sim.rigs.real.engines.output import JobOutput
from sim.rigs.real.engines.readiness import wait_ready
from sim.rigs.real.engines.shares import Share, nice_of
from sim.rigs.real.engines.together import in_order
from sim.rigs.real.engines.usage import Usage
from sim.rigs.real.labels import MARKER, part_of
from sim.rigs.real.living import mark
from sim.rigs.real.ports import Ports
from sim.rigs.real.record import HOME_PREFIX, Record
from sim.rigs.real.secrets import Secrets
from sim.rigs.real.stack import Service, Stack, variable_name
from sim.rigs.real.toxiproxy import Toxiproxy
from sim.rigs.rig import Side

STOP_S = 10.0
"""As `docker stop`: ten seconds, then SIGKILL."""
_ON_DISK = "/var/tmp"  # not /tmp, which may be memory: two databases of a GB go here


class ProcessEngine:
    """Implements `Engine`; owns its folder, its ports and its processes."""

    kind: Kind = "process"
    gives_back = os.geteuid() == 0
    container_faults = None

    def __init__(self, run_id: str, run_dir: Path, stack: Stack, parts: Parts, secrets: Secrets,
                 variables: Mapping[str, str], estate: Estate | None = None) -> None:
        self.run_id, self.run_dir = run_id, run_dir
        self._stack, self._parts, self._secrets = stack, parts, secrets
        estate = estate or Estate()
        self._home = estate.home or Path(tempfile.mkdtemp(prefix=HOME_PREFIX, dir=_home_parent()))
        self._home.chmod(0o711)  # Postgres may be another user
        (self._home / "data").mkdir(mode=0o711, exist_ok=True)  # before the queue makes it for itself alone
        (self._home / "data").chmod(0o711)
        self._record = Record(run_id, kind="process", run_dir=run_dir, folder=self._home, inherits=estate.owners)
        self._reserved = Ports()
        self._ports = {(name, port): self._reserved.take() for name in stack.names for port in stack.ports(name)}
        self._links = {name: self._reserved.take() for name in stack.links}
        self._variables = {**secret_variables(secrets), **variables,
                           **loopback_variables(stack, self._ports, self._links),
                           **{variable_name("CONFIG", name): str(self._home / "config" / name) for name in stack.names},
                           **{variable_name("DATA", name): str(self._home / "data" / name) for name in stack.names}}
        self._running: dict[str, asyncio.subprocess.Process] = {}
        self._jobs: dict[asyncio.subprocess.Process, str] = {}
        self._shares: dict[str, Share] = {}
        """Servers that are held at less of the CPU."""
        self._full: set[str] = set()
        """Services that have their full share by order."""
        self._user = running.other_user()

    async def start(self, *services: str, environment: Mapping[str, str] | None = None,
                    data: Mapping[str, Path] | None = None) -> None:
        """See `Engine.start`."""
        await in_order(self._stack, services,
                       lambda name: self._start(name, environment or {}, (data or {}).get(name)))

    def data_place(self) -> Path | None:
        """See `Engine.data_place`."""
        return self._home

    def vary(self, variables: Mapping[str, str]) -> None:
        """See `Engine.vary`."""
        self._variables |= variables

    async def _start(self, name: str, environment: Mapping[str, str], data: Path | None) -> None:
        service = self._stack.service(name, self._variables)
        for filename in service.config:
            await self.write_config(name, filename, self._stack.config(name, filename, self._variables))
        if service.kind == "postgres":
            await self._prepare_data(service, data)
        with _append(self.log(name)) as log:
            process = await self._spawn(service, service.command, {**service.environment, **environment}, log)
        self._running[name] = process

        async def lives() -> bool:
            return process.returncode is None

        await wait_ready(self, name, self._secrets, lives=lives)
        if service.kind == "postgres" and self._nice(service):
            self._shares[name] = Share(process.pid, service.cpu_shares)
        if service.kind == "toxiproxy":
            await Toxiproxy(*self.direct(name, "api")).make_all(
                (link.name, f"127.0.0.1:{self._links[link.name]}", f"127.0.0.1:{self._ports[link.service, link.port]}")
                for link in self._stack.links.values())

    async def _prepare_data(self, service: Service, data: Path | None) -> None:
        """A new data folder, or a saved one unpacked; what is there already stays."""
        folder = self._data(service.name)
        if (folder / "PG_VERSION").exists():
            return
        if data is not None:
            await self._folders(service).unpack(data, folder)
        else:
            await self._folders(service).make(folder)

    def _folders(self, service: Service) -> DataFolder:
        return DataFolder(self._parts.binary(service.program), self._user, self._home, self._secrets.database,
                          self._environment(service))

    def _data(self, service: str) -> Path:
        return self._home / "data" / service

    async def _spawn(self, service: Service, command: list[str], environment: Mapping[str, str],
                     output: IO[bytes] | int) -> asyncio.subprocess.Process:
        argv = self._argv(service, command)
        # SIGQUIT is Postgres' immediate shutdown: it gives its shared memory back.
        serves = self._serves(service, command)
        try:
            process = await running.spawn(
                argv, environment={**self._environment(service), **environment}, folder=self._home, output=output,
                user=self._user if serves else "-", last=signal.SIGQUIT if serves else signal.SIGKILL,
                nice=0 if serves else self._nice(service))
        except OSError as error:
            raise NotReady(f"{service.name} can't be started", where=argv[0], seen=str(error)) from error
        with contextlib.suppress(psutil.Error):
            self._record.add(service.name, mark(process.pid))
        return process

    def _nice(self, service: Service) -> int:
        return 0 if service.name in self._full else nice_of(service.cpu_shares)

    async def weigh_fully(self, service: str) -> None:
        """See `Engine.weigh_fully`."""
        self._full.add(service)
        if share := self._shares.pop(service, None):
            share.end(restore=True)

    def _environment(self, service: Service) -> dict[str, str]:
        """What every part gets: nothing of ours but where programs are found."""
        path = os.environ.get("PATH", os.defpath)
        if service.kind == "postgres":
            path = f"{self._parts.binary(service.program)}{os.pathsep}{path}"
        told = {"PATH": path, "HOME": str(self._home), "LANG": "C.UTF-8", "TZ": "UTC",
                MARKER: part_of(self.run_dir)}
        if service.kind == "python":
            told |= {"PYTHONPATH": str(PROJECT), "PYTHONUNBUFFERED": "1", "PYTHONDONTWRITEBYTECODE": "1"}
        return told

    def _argv(self, service: Service, command: list[str]) -> list[str]:
        """The program and its arguments, as the service's image would run `command`."""
        binary = self._parts.binary(service.program)
        match service.kind:
            case "postgres":
                program = shutil.which(command[0], path=str(binary)) or command[0]
                serving = ["-D", str(self._data(service.name)), "-p", str(self._ports.get((service.name, "sql"))),
                           "-c", "listen_addresses=127.0.0.1", "-c", "unix_socket_directories=",
                           # Not in /dev/shm, where a killed Postgres would leave it.
                           "-c", "dynamic_shared_memory_type=mmap"] if command == service.command else []
                return [program, *command[1:], *serving]
            case "python":
                return [str(binary), *command[1:]] if command[0] == "python" else command
            case "hydra":
                return [str(binary), *(command[1:] if command[:1] == ["hydra"] else command)]
        return [str(binary), *command]

    def _serves(self, service: Service, command: list[str]) -> bool:
        """Whether this is a Postgres server, not one of its other programs."""
        return command[0] == "postgres" and (service.name, "sql") in self._ports

    async def stop(self, service: str) -> None:
        """See `Engine.stop`."""
        await self._end(service, self._soft(service), STOP_S)

    async def kill(self, service: str) -> None:
        """See `Engine.kill`."""
        await self._end(service, signal.SIGKILL, STOP_S)

    async def _end(self, service: str, soft: signal.Signals, within_s: float) -> None:
        process = self._running.get(service)
        if share := self._shares.pop(service, None):
            share.end(restore=False)
        if process is not None:
            await running.end(process, soft, within_s)
            self._running.pop(service, None)

    def _soft(self, service: str) -> signal.Signals:
        return signal.Signals[self._stack.service(service, self._variables).stop_signal]

    async def pause(self, service: str) -> None:
        """See `Engine.pause`."""
        if not await self.incarnation(service):
            raise NotReady(f"{service} does not run", where=service)
        running.send(self._running[service].pid, signal.SIGSTOP)

    async def resume(self, service: str) -> None:
        """See `Engine.resume`."""
        if await self.incarnation(service):
            running.send(self._running[service].pid, signal.SIGCONT)

    async def incarnation(self, service: str) -> str:
        """See `Engine.incarnation`."""
        process = self._running.get(service)
        return str(process.pid) if process is not None and process.returncode is None else ""

    async def end_jobs(self, service: str) -> int:
        """See `Engine.end_jobs`."""
        under_way = [job for job, name in self._jobs.items() if name == service and job.returncode is None]
        for job in under_way:
            running.send(job.pid, signal.SIGKILL)
        return len(under_way)

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
        return f"127.0.0.1:{self._links[name]}"

    async def job(self, service: str, command: list[str], *, environment: Mapping[str, str] | None = None,
                  on_line: Callable[[str], None] | None = None, deadline_s: float) -> JobResult:
        """See `Engine.job`."""
        told = self._stack.service(service, self._variables)
        with JobOutput(self.log(service), self._secrets, asyncio.get_running_loop(), on_line) as output:
            process = await self._spawn(told, command, {**told.environment, **(environment or {})},
                                        asyncio.subprocess.PIPE)
            self._jobs[process] = service
            try:
                async with asyncio.timeout(deadline_s):
                    assert process.stdout is not None
                    while piece := await process.stdout.read(1 << 16):
                        output.feed(piece)
                    code = await process.wait()
                tail = output.tail()
                await asyncio.sleep(0)  # lines are handed over through the loop
                return JobResult(code, tail)
            finally:
                output.cancelled = process.returncode is None
                await asyncio.shield(running.end(process, signal.SIGKILL, STOP_S))
                self._jobs.pop(process, None)

    async def write_config(self, service: str, filename: str, text: str) -> None:
        """See `Engine.write_config`."""
        folder = self._home / "config" / service
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        part = folder / f".{filename}.part"
        part.write_text(text)
        part.replace(folder / filename)

    async def save_data(self, service: str, tar: Path) -> None:
        """See `Engine.save_data`."""
        told = self._stack.service(service, self._variables)
        await self._folders(told).pack(self._data(service), tar)

    async def usage(self, service: str) -> Usage:
        """See `Engine.usage`."""
        process = self._running.get(service)
        return running.usage(process.pid) if process is not None else Usage(0.0, 0)

    def log(self, service: str) -> Path:
        """See `Engine.log`."""
        return self.run_dir / "logs" / f"{service}.log"

    def command(self, service: str) -> str:
        """See `Engine.command`."""
        told = self._stack.service(service, self._variables)
        program, *arguments = self._argv(told, told.command)
        return self._secrets.mask(" ".join([Path(program).name, *arguments]))

    async def close(self) -> None:
        """See `Engine.close`."""
        # Nothing of it is used again, so Postgres needs no checkpoint: SIGQUIT is its immediate shutdown.
        ending = [running.end(process, signal.SIGQUIT if name.endswith("-postgres") else signal.SIGTERM, 3.0)
                  for name, process in self._running.items()]
        ending += [running.end(process, signal.SIGKILL, STOP_S) for process in self._jobs]
        for share in self._shares.values():
            share.end(restore=False)
        await asyncio.gather(*ending, return_exceptions=True)
        self._running.clear()
        for pid in running.marked(MARKER, part_of(self.run_dir)):  # started by a call that was cancelled half way
            running.send(pid, signal.SIGKILL)
        await asyncio.to_thread(remove_home, self._home)
        self._reserved.close()
        self._record.close()


def _append(path: Path) -> Any:
    return os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600), "ab")


def _home_parent() -> str:
    if "TMPDIR" not in os.environ and sys.platform == "linux" and os.access(_ON_DISK, os.W_OK):
        return _ON_DISK
    return tempfile.gettempdir()
