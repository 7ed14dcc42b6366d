"""Postgres' data folder in the process engine: made, unpacked, packed.

A packed folder is a plain tar whose names begin with `./`, the same as the docker engine's.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import IO

from sim.errors import EngineDown
from sim.rigs.real.engines.running import spawn

_SHMID_FIELD = (6, 1)
"""Source: PostgreSQL's pidfile.h: line 7 of postmaster.pid is `shmem key` and `shmem id`."""
_TOOL_S = 5.0


def remove_home(home: Path) -> None:
    """Remove a process engine's folder, and the shared memory that a killed Postgres in it left. Blocking."""
    for pid_file in home.glob("data/*/postmaster.pid"):
        with contextlib.suppress(OSError, IndexError, ValueError, subprocess.SubprocessError):
            line, field = _SHMID_FIELD
            segment = str(int(pid_file.read_text().splitlines()[line].split()[field]))
            subprocess.run(["ipcrm", "-m", segment], check=False, capture_output=True, timeout=_TOOL_S)
    shutil.rmtree(home, ignore_errors=True)


class DataFolder:
    """Makes, fills and packs the data folders of one run."""

    def __init__(self, programs: Path, user: str, home: Path, password: str, environment: Mapping[str, str]) -> None:
        self._programs, self._user, self._home, self._password = programs, user, home, password
        self._environment = environment

    async def make(self, folder: Path) -> None:
        """initdb, with the password asked of everybody (scram-sha-256).

        Raises EngineDown with its output.
        """
        self._own(folder)
        secret = self._home / f"{folder.name}.password"
        with os.fdopen(os.open(secret, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
            file.write(self._password + "\n")
        self._give(secret)
        try:
            # --no-sync is about these first files alone; the server itself syncs as always.
            await self._run([str(self._programs / "initdb"), "-D", str(folder), "-U", "rehearse", f"--pwfile={secret}",
                             "--auth=scram-sha-256", "--encoding=UTF8", "--locale=C.UTF-8", "--no-sync"], "initdb")
        finally:
            secret.unlink()
        rules = folder / "pg_hba.conf"
        # As the image's entrypoint does, so that the packed folder serves either engine.
        rules.write_text(rules.read_text() + "host all all all scram-sha-256\n")

    async def unpack(self, tar: Path, folder: Path) -> None:
        """Fill the folder from a tar; its files belong to whom Postgres runs as.

        Raises EngineDown with tar's output.
        """
        self._own(folder)
        # Opened by us: that user may not reach the cache.
        with await asyncio.to_thread(open, tar, "rb") as file:
            await self._run(["tar", "-x", "-C", str(folder)], "unpacking the saved data", stdin=file)
        (folder / "postmaster.pid").unlink(missing_ok=True)

    async def pack(self, folder: Path, tar: Path) -> None:
        """Write a stopped Postgres' folder to a tar, whole or not at all.

        Raises EngineDown with tar's output.
        """
        if (folder / "postmaster.pid").exists():
            raise EngineDown("data can only be saved of a stopped Postgres", where=folder.name)
        part = tar.with_name(tar.name + ".part")
        os.close(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600))
        await self._run(["tar", "-c", "-f", str(part), "-C", str(folder), "."], "saving the data", ours=True)
        part.replace(tar)

    def _own(self, folder: Path) -> None:
        folder.parent.mkdir(mode=0o711, exist_ok=True)
        folder.mkdir(mode=0o700, exist_ok=True)
        self._give(folder)

    def _give(self, path: Path) -> None:
        if self._user != "-":
            os.chown(path, *(int(part) for part in self._user.split(":")))

    async def _run(self, command: list[str], what: str, *, stdin: IO[bytes] | int = asyncio.subprocess.DEVNULL,
                   ours: bool = False) -> None:
        process = await spawn(command, environment=self._environment, folder=Path("/"),
                              user="-" if ours else self._user, stdin=stdin)
        try:
            output, _ = await process.communicate()
        except asyncio.CancelledError:
            process.kill()
            await process.wait()
            raise
        if process.returncode:
            raise EngineDown(f"{what} failed", where=Path(command[0]).name, seen=output.decode(errors="replace")[-600:])
