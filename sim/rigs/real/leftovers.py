"""What dead runs left behind: found, and removed, without touching a living one.

A run's owner is its pid and start time, in the cache's `living/` and on every container's
label. Only what belongs to no living owner is removed; run folders never are.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import subprocess
import time
from pathlib import Path
from typing import Any

import msgspec

from sim.paths import cache
from sim.rigs.real.living import alive
from sim.rigs.real.record import living

MARKER = "REHEARSE_RUN"
END_S = 3.0


class Leftover(msgspec.Struct, frozen=True):
    """One thing that belongs to no living run."""

    kind: str
    """process, container, network, folder, port lock or record"""
    name: str
    run: str


def find() -> list[Leftover]:
    """Everything of dead runs, on this machine and on the Docker daemon if one answers."""
    return [*_records(), *_locks(), *_docker()]


def remove() -> list[Leftover]:
    """Remove it all; returns what there was. What can't be removed stays in `find`."""
    there = find()
    for record in _dead():
        _end_processes(record)
        folder = str(record.get("folder", ""))
        if folder and Path(folder).name.startswith("rh-"):
            shutil.rmtree(folder, ignore_errors=True)
        (living() / f"{record['run']}.json").unlink(missing_ok=True)
    for lock in _locks():
        (cache("ports") / lock.name).unlink(missing_ok=True)
    client = _client()
    if client is not None:
        from sim.rigs.real.engines.docker import remove_run

        for run in {one.run for one in there if one.kind in ("container", "network")}:
            remove_run(client, run)
        client.close()
    return there


def _dead() -> list[dict[str, Any]]:
    found = []
    for path in sorted(living().glob("*.json")):
        with contextlib.suppress(ValueError, OSError, KeyError):
            record = json.loads(path.read_text())
            if not alive(record["owner"]):
                found.append(record)
    return found


def _records() -> list[Leftover]:
    found = []
    for record in _dead():
        run = str(record["run"])
        found.append(Leftover("record", run, run))
        found += [Leftover("process", f"{name} (pid {mark.split(':')[0]})", run)
                  for name, marks in record["processes"].items() for mark in marks if alive(mark)]
        if record.get("folder") and Path(record["folder"]).exists():
            found.append(Leftover("folder", record["folder"], run))
    return found


def _end_processes(record: dict[str, Any]) -> None:
    """Postgres first by SIGINT so that it gives its shared memory back; then everything by SIGKILL."""
    marks = [(name, mark) for name, marks in record["processes"].items() for mark in marks if alive(mark)]
    for name, mark in marks:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.kill(int(mark.split(":")[0]), signal.SIGINT if name.endswith("postgres") else signal.SIGKILL)
    until = time.monotonic() + END_S
    while time.monotonic() < until and any(alive(mark) for _, mark in marks):
        time.sleep(0.05)
    for _, mark in marks:
        if alive(mark):
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(int(mark.split(":")[0]), signal.SIGKILL)
    _shared_memory(record)


def _shared_memory(record: dict[str, Any]) -> None:
    """A Postgres that was killed leaves a SysV segment; its id stands in postmaster.pid."""
    for pid_file in Path(str(record.get("folder") or "/nowhere")).glob("data/*/postmaster.pid"):
        with contextlib.suppress(OSError, IndexError, ValueError):
            key_and_id = pid_file.read_text().splitlines()[6].split()
            subprocess.run(["ipcrm", "-m", key_and_id[1]], check=False, capture_output=True)


def _locks() -> list[Leftover]:
    found = []
    for lock in sorted(cache("ports").glob("*")):
        with contextlib.suppress(OSError):
            if not alive(lock.read_text()):
                found.append(Leftover("port lock", lock.name, ""))
    return found


def _client() -> Any:
    """A Docker client if a daemon answers, else None."""
    from docker.client import from_env
    from docker.errors import DockerException

    try:
        client = from_env(timeout=10)
        client.ping()
    except (DockerException, OSError):
        return None
    return client


def _docker() -> list[Leftover]:
    from sim.rigs.real.engines.docker import OWNER_LABEL, RUN_LABEL

    client = _client()
    if client is None:
        return []
    found = []
    try:
        for container in client.containers.list(all=True, filters={"label": RUN_LABEL}):
            if not alive(container.labels.get(OWNER_LABEL, "")):
                found.append(Leftover("container", container.name, container.labels[RUN_LABEL]))
        for network in client.networks.list(filters={"label": RUN_LABEL}):
            labels = network.attrs.get("Labels") or {}
            if not alive(labels.get(OWNER_LABEL, "")):
                found.append(Leftover("network", network.name, labels.get(RUN_LABEL, "")))
    finally:
        client.close()
    return found
