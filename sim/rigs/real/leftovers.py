"""What dead runs left behind: found, and removed, without touching a living one.

A run lives as long as its owner, the harness' process (pid and start time), does. The owner is
written in the cache's `living/`, in every port's lock file and on every container's label; whoever
takes a dead run up inherits what is labelled so. Run folders are never removed, and nothing of an
owner on another machine (a shared daemon) is.
"""

from __future__ import annotations

import contextlib
import os
import signal
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import msgspec
import psutil

from sim.errors import EngineDown
from sim.paths import cache
from sim.rigs.real.engines.bounded import HOLDER
from sim.rigs.real.engines.containers import found_in
from sim.rigs.real.engines.folder import remove_home
from sim.rigs.real.labels import MARKER
from sim.rigs.real.living import alive, mark, where
from sim.rigs.real.record import HOME_PREFIX, all_records, only_one, passwords_of
from sim.rigs.real.unhealed import left_on

END_S = 5.0
"""Assumption: a Postgres told to stop at once gives its shared memory back well within this time."""


class Leftover(msgspec.Struct, frozen=True):
    """One thing that belongs to no living run."""

    kind: str
    """fault, process, folder, password file, record, port lock, container, volume or network"""
    name: str
    run: str
    """The dead run's id; "" for a port lock."""


_Found = tuple[Leftover, Callable[[], None]]
"""A leftover and what takes it away."""


def find(*, run: str | None = None) -> list[Leftover]:
    """Everything of dead runs (or of one of them), here and on the Docker daemon if one answers."""
    return [told for told, _ in _all(run)]


def remove(*, run: str | None = None) -> list[Leftover]:
    """Remove it; returns what there was. What can't be removed stays in `find`."""
    with only_one():
        there = _all(run)
        for _, take_away in there:
            take_away()
    return [told for told, _ in there]


def _all(run: str | None) -> list[_Found]:
    """Leftovers in the order in which they go: faults are healed, what runs, its files, its record last."""
    records = [record for record in _records(living=False) if run in (None, record["run"])]
    owners = None if run is None else {record["owner"] for record in records}
    found: list[_Found] = [(Leftover("fault", what, str(record["run"])), heal)
                           for record in records for what, heal in left_on(record)]
    found += [one for one in _containers() if run in (None, one[0].run)]
    found += _processes(records)
    found += _locks(owners)
    for record in records:
        found += _files(record)
    return found


def end_all(run: str) -> None:
    """End what still runs of a dead run and free its ports; its files, its volumes and its record stay.

    So do the containers that hold a volume in memory: it would go with them.
    """
    records = [record for record in _records(living=False) if record["run"] == run]
    containers = [one for one in _containers() if one[0].kind == "container" and one[0].run == run
                  and not one[0].name.endswith(HOLDER)]
    for _, take_away in [*_processes(records), *containers, *_locks({record["owner"] for record in records})]:
        take_away()


# --- processes and files --------------------------------------------------------------------


def _records(*, living: bool) -> list[dict[str, Any]]:
    """Of the runs that live, or of those that are dead."""
    return [record for record in all_records() if "owner" in record and alive(record["owner"]) is living]


def _inherited() -> set[str]:
    """Dead owners whose things a living run has taken over."""
    return {str(owner) for record in _records(living=True) for owner in record.get("inherits") or ()}


def _processes(records: list[dict[str, Any]]) -> list[_Found]:
    """Processes of dead records: those written down, and those that only bear the run's marker."""
    known = {one: (name, str(record["run"])) for record in records
             for name, marks in record["processes"].items() for one in marks if alive(one)}
    runs = {str(record.get("run_dir")): str(record["run"]) for record in records}
    for record in _records(living=True):
        runs.pop(str(record.get("run_dir")), None)  # a folder may be used again
    for process in psutil.process_iter() if runs else ():
        with contextlib.suppress(psutil.Error, OSError):
            run = runs.get(process.environ().get(MARKER, ""))
            if run is not None:
                known.setdefault(mark(process.pid), (process.name(), run))
    return [(Leftover("process", f"{name} (pid {one.split(':')[0]})", run), partial(end, one))
            for one, (name, run) in known.items()]


def end(one: str) -> None:
    """End a process by its mark, its children and its session with it; a Postgres gets to tidy up.

    SIGQUIT is Postgres' immediate shutdown: no checkpoint, but its shared memory is given back.
    """
    if not alive(one):
        return
    pid = int(one.split(":")[0])
    with contextlib.suppress(psutil.Error, OSError):
        leader = psutil.Process(pid)
        family = [leader, *leader.children(recursive=True)]
        if leader.name() == "postgres":
            for process in family:
                process.resume()  # a stopped process takes no other signal
            leader.send_signal(signal.SIGQUIT)
            psutil.wait_procs(family, timeout=END_S)
        for process in family:
            with contextlib.suppress(psutil.Error):
                process.kill()
        psutil.wait_procs(family, timeout=END_S)
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(pid, signal.SIGKILL)


def _files(record: dict[str, Any]) -> Iterator[_Found]:
    run, folder = str(record["run"]), Path(str(record.get("folder") or "/nowhere/at-all"))
    if folder.name.startswith(HOME_PREFIX) and folder.is_dir():
        yield Leftover("folder", str(folder), run), partial(remove_home, folder)
    path: Path = record["path"]
    if (passwords := passwords_of(path)).exists():
        yield Leftover("password file", passwords.name, run), partial(passwords.unlink, missing_ok=True)
    yield Leftover("record", path.stem, run), partial(path.unlink, missing_ok=True)


def _locks(owners: set[str] | None) -> Iterator[_Found]:
    """Port locks of dead owners, or of these dead owners."""
    for lock in sorted(cache("ports").glob("[0-9]*")):
        with contextlib.suppress(OSError):
            owner = lock.read_text()
            if owner in owners if owners is not None else not alive(owner):
                yield Leftover("port lock", lock.name, ""), partial(lock.unlink, missing_ok=True)


# --- docker ---------------------------------------------------------------------------------


def _containers() -> list[_Found]:
    from sim.rigs.real.acquire.daemon import client

    try:
        connected = client(deadline_s=30.0)
    except EngineDown:
        return []  # no daemon: nothing of ours can be running there

    inherited = _inherited()
    return [(Leftover(one.kind, one.name, one.run), one.remove) for one in found_in(connected.api)
            if one.where == where() and one.owner not in inherited and not alive(one.owner)]
