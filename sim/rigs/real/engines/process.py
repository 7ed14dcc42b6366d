"""The stack as plain processes on loopback: no Docker, no root needed.

Each program leads a session of its own, so a Ctrl-C in the terminal reaches the harness alone.
What runs is written to the cache's `living/` before anything else happens to it, so that
`rehearse clean` finds it after a SIGKILL of the harness.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import pwd
import shutil
import signal
import sys
import tempfile
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import Any

import psutil

from sim.errors import EngineDown, NotReady
from sim.paths import PROJECT
from sim.rigs.real.acquire import Parts
from sim.rigs.real.engines.addresses import loopback_variables, secret_variables
from sim.rigs.real.engines.engine import JobResult, Kind, Usage
from sim.rigs.real.engines.readiness import wait_ready
from sim.rigs.real.living import mark
from sim.rigs.real.ports import Ports
from sim.rigs.real.record import Record
from sim.rigs.real.secrets import Secrets
from sim.rigs.real.stack import Service, Stack
from sim.rigs.real.toxiproxy import Toxiproxy

STOP_S = 10.0
"""As `docker stop`: ten seconds, then SIGKILL."""
TAIL_LINES = 40


class ProcessEngine:
    """Implements `Engine`; owns its folder, its ports and its processes."""

    kind: Kind = "process"

    def __init__(self, run_id: str, run_dir: Path, stack: Stack, parts: Parts, secrets: Secrets,
                 variables: Mapping[str, str]) -> None:
        self.run_id, self.run_dir = run_id, run_dir
        self._stack, self._parts, self._secrets = stack, parts, secrets
        # Short, because a Unix socket's path may have 107 characters; 0711, because Postgres may be nobody.
        self._home = Path(tempfile.mkdtemp(prefix="rh-"))
        self._home.chmod(0o711)
        self._record = Record(run_id, kind="process", run_dir=run_dir, folder=self._home)
        self._ports_pool = Ports()
        self._ports = {(name, port): self._ports_pool.take() for name in stack.names for port in stack.ports(name)}
        self._links = {name: self._ports_pool.take() for name in stack.links}
        self._variables = {**secret_variables(secrets), **variables,
                           **loopback_variables(stack, self._ports, self._links)}
        for name in stack.names:
            upper = name.upper().replace("-", "_")
            self._variables[f"CONFIG_{upper}"] = str(self._home / "config" / name)
            self._variables[f"DATA_{upper}"] = str(self._home / "data" / name)
        self._running: dict[str, asyncio.subprocess.Process] = {}
        self._jobs: set[asyncio.subprocess.Process] = set()
        self._postgres_user = _postgres_user()

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
        service = self._stack.service(name, self._variables)
        for filename in service.config:
            await self.write_config(name, filename, self._stack.config(name, filename, self._variables))
        if service.program == "postgres":
            await self._prepare_data(name, data)
        process = await self._spawn(service, service.command, {**service.environment, **environment},
                                    stdout=open(self.log(name), "ab"))
        self._running[name] = process

        async def lives() -> bool:
            return process.returncode is None

        await wait_ready(self, name, self._secrets, lives=lives)
        if name == "toxiproxy":
            await self._make_links()

    async def _make_links(self) -> None:
        toxiproxy = Toxiproxy(*self.direct("toxiproxy", "api"))
        for link in self._stack.links.values():
            port = self._ports[link.service, link.port]
            await toxiproxy.make(link.name, f"127.0.0.1:{self._links[link.name]}", f"127.0.0.1:{port}")

    async def _prepare_data(self, name: str, data: Path | None) -> None:
        """initdb, or unpack a saved data folder; nothing if there is one."""
        folder = self._home / "data" / name
        if (folder / "PG_VERSION").exists():
            return
        folder.parent.mkdir(mode=0o711, exist_ok=True)
        folder.mkdir(mode=0o700, exist_ok=True)
        self._give(folder)
        if data is not None:
            await self._tool(["tar", "-xf", str(data), "-C", str(folder)], "unpack the saved data", as_postgres=True)
            return
        password = self._home / f"{name}.password"
        password.write_text(self._secrets.database + "\n")
        password.chmod(0o600)
        self._give(password)
        try:
            await self._tool([str(self._parts.binary("postgres") / "initdb"), "-D", str(folder), "-U", "rehearse",
                              f"--pwfile={password}", "--auth=scram-sha-256", "--encoding=UTF8", "--locale=C.UTF-8",
                              "--no-sync"], "initdb", as_postgres=True)
        finally:
            password.unlink()

    def _give(self, path: Path) -> None:
        if self._postgres_user is not None:
            os.chown(path, *self._postgres_user)

    async def _tool(self, command: list[str], what: str, *, as_postgres: bool = False) -> None:
        extra: dict[str, Any] = {}
        if as_postgres and self._postgres_user is not None:
            extra = {"user": self._postgres_user[0], "group": self._postgres_user[1], "extra_groups": []}
        process = await asyncio.create_subprocess_exec(
            *command, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT, cwd="/", **extra)
        output, _ = await process.communicate()
        if process.returncode:
            raise EngineDown(f"{what} failed", where=command[0], seen=output.decode(errors="replace")[-600:])

    async def _spawn(self, service: Service, command: list[str], environment: Mapping[str, str], *,
                     stdout: Any) -> asyncio.subprocess.Process:
        argv = self._argv(service, command)
        extra: dict[str, Any] = {}
        if service.program == "postgres" and self._postgres_user is not None:
            extra = {"user": self._postgres_user[0], "group": self._postgres_user[1], "extra_groups": []}
        kept = {key: os.environ[key] for key in ("PATH", "HOME", "LANG", "TMPDIR", "LD_LIBRARY_PATH") if key in os.environ}
        # Jobs of Postgres programs run as its user too; HOME may then be a folder they can't read.
        kept["HOME"] = str(self._home)
        if service.program == "python":
            kept |= {"PYTHONPATH": str(PROJECT), "PYTHONUNBUFFERED": "1", "PYTHONDONTWRITEBYTECODE": "1"}
        try:
            process = await asyncio.create_subprocess_exec(
                *argv, env={**kept, **environment, "REHEARSE_RUN": self.run_id}, stdin=asyncio.subprocess.DEVNULL,
                stdout=stdout, stderr=asyncio.subprocess.STDOUT, start_new_session=True, cwd=str(self._home), **extra)
        except OSError as error:
            raise NotReady(f"{service.name} can't be started", where=argv[0], seen=str(error)) from error
        finally:
            if hasattr(stdout, "close"):
                stdout.close()
        with contextlib.suppress(psutil.Error):
            self._record.add(service.name, mark(process.pid))
        return process

    def _argv(self, service: Service, command: list[str]) -> list[str]:
        if service.program == "postgres":
            argv = [str(self._parts.binary("postgres") / command[0]), *command[1:]]
            if command[0] == "postgres":
                argv += ["-D", str(self._home / "data" / service.name), "-p", str(self._ports[service.name, "sql"]),
                         "-c", "listen_addresses=127.0.0.1", "-c", "unix_socket_directories="]
            return argv
        binary = self._parts.binary(service.program)
        return [str(binary), *(command[1:] if service.program == "python" else command)]

    async def stop(self, service: str) -> None:
        """See `Engine.stop`."""
        process = self._running.pop(service, None)
        if process is not None:
            soft = signal.SIGINT if service.endswith("-postgres") else signal.SIGTERM
            await _end(process, soft, STOP_S)

    async def kill(self, service: str) -> None:
        """See `Engine.kill`."""
        process = self._running.pop(service, None)
        if process is not None:
            await _end(process, signal.SIGKILL, STOP_S)

    async def pause(self, service: str) -> None:
        """See `Engine.pause`."""
        os.killpg(self._running[service].pid, signal.SIGSTOP)

    async def resume(self, service: str) -> None:
        """See `Engine.resume`."""
        os.killpg(self._running[service].pid, signal.SIGCONT)

    async def restart(self, service: str) -> None:
        """See `Engine.restart`."""
        await self.stop(service)
        await self.start(service)

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
        process = await self._spawn(told, command, {**told.environment, **(environment or {})},
                                    stdout=asyncio.subprocess.PIPE)
        self._jobs.add(process)
        try:
            async with asyncio.timeout(deadline_s):
                tail = await read_lines(process, self.log(service), self._secrets, on_line)
                return JobResult(await process.wait(), tail)
        finally:
            if process.returncode is None:
                await asyncio.shield(_end(process, signal.SIGKILL, STOP_S))
            self._jobs.discard(process)

    async def write_config(self, service: str, filename: str, text: str) -> None:
        """See `Engine.write_config`."""
        folder = self._home / "config" / service
        folder.mkdir(mode=0o711, parents=True, exist_ok=True)
        part = folder / f".{filename}.part"
        part.write_text(text)
        part.replace(folder / filename)

    async def save_data(self, service: str, tar: Path) -> None:
        """See `Engine.save_data`."""
        part = tar.with_name(tar.name + ".part")
        await self._tool(["tar", "-cf", str(part), "-C", str(self._home / "data" / service), "."], "save the data")
        part.chmod(0o644 if self._postgres_user is not None else 0o600)
        part.replace(tar)

    async def usage(self, service: str) -> Usage:
        """See `Engine.usage`."""
        process = self._running.get(service)
        cpu_s, rss_bytes = 0.0, 0
        if process is not None:
            with contextlib.suppress(psutil.Error):
                leader = psutil.Process(process.pid)
                for one in [leader, *leader.children(recursive=True)]:
                    with contextlib.suppress(psutil.Error):
                        times = one.cpu_times()
                        cpu_s += times.user + times.system
                        rss_bytes += one.memory_info().rss
        return Usage(cpu_s, rss_bytes)

    def log(self, service: str) -> Path:
        """See `Engine.log`."""
        return self.run_dir / "logs" / f"{service}.log"

    def command(self, service: str) -> str:
        """See `Engine.command`."""
        told = self._stack.service(service, self._variables)
        return self._secrets.mask(" ".join([Path(self._argv(told, told.command)[0]).name, *told.command[1:]]))

    async def close(self) -> None:
        """See `Engine.close`."""
        ending: list[Awaitable[None]] = [_end(process, signal.SIGKILL, STOP_S) for process in self._jobs]
        for name, process in self._running.items():
            soft = signal.SIGINT if name.endswith("-postgres") else signal.SIGTERM
            ending.append(_end(process, soft, 3.0))
        await asyncio.gather(*ending, return_exceptions=True)
        self._running.clear()
        shutil.rmtree(self._home, ignore_errors=True)
        self._ports_pool.close()
        self._record.close()


async def read_lines(process: asyncio.subprocess.Process, log: Path, secrets: Secrets,
                     on_line: Callable[[str], None] | None) -> str:
    """Copy a job's output to its log, masked; returns the last lines."""
    assert process.stdout is not None
    tail: list[str] = []
    with open(log, "a") as file:
        os.chmod(log, 0o600)
        async for raw in process.stdout:
            line = secrets.mask(raw.decode(errors="replace").rstrip())
            file.write(line + "\n")
            tail = [*tail[-TAIL_LINES:], line]
            if on_line is not None:
                on_line(line)
    return "\n".join(tail)


async def _end(process: asyncio.subprocess.Process, soft: signal.Signals, within_s: float) -> None:
    """End a process and its session: softly, then by SIGKILL."""
    if process.returncode is None:
        with contextlib.suppress(ProcessLookupError):
            # Postgres' own children end with their postmaster; a group signal would confuse them.
            process.send_signal(soft)
        try:
            await asyncio.wait_for(process.wait(), within_s)
        except TimeoutError:
            with contextlib.suppress(ProcessLookupError):
                process.kill()
            await process.wait()
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)


def _postgres_user() -> tuple[int, int] | None:
    """Whom Postgres runs as: ourselves, or nobody if we are root (it refuses root)."""
    if sys.platform != "win32" and os.geteuid() == 0:
        nobody = pwd.getpwnam("nobody")
        return nobody.pw_uid, nobody.pw_gid
    return None

