"""Faults that a killed harness left on: healed from its own list, before its parts are removed.

Toxics, cuts, limits and sessions go with the part that holds them. What must be done here is to
let frozen processes go on, because a frozen one takes no signal but the last and tidies nothing
up; then the list says of every fault that it is off, and by whom.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import psutil

from sim.faults.written import Written, unhealed
from sim.rigs.real.living import alive

FILE = "faults.jsonl"


def left_on(record: dict[str, Any]) -> Iterator[tuple[str, Callable[[], None]]]:
    """(what it is, what heals it) of every fault of a dead run that nobody healed; blocking."""
    path = Path(str(record.get("run_dir") or "/nowhere/at-all")) / FILE
    with contextlib.suppress(OSError):
        for fault in unhealed(path):
            where = fault.get("link") or fault.get("part") or "?"
            yield f"{fault['name']}: {fault.get('fault', '?')} on {where}", partial(_heal, record, path, fault)


def _heal(record: dict[str, Any], path: Path, fault: dict[str, Any]) -> None:
    if fault.get("fault") == "pause":
        for mark in record.get("processes", {}).get(str(fault.get("part")), []):
            if alive(mark):
                _go_on(int(mark.split(":")[0]))
    with contextlib.suppress(OSError):
        written = Written(path)
        written.write(str(fault["name"]), "healed", by="clean")
        written.close()


def _go_on(pid: int) -> None:
    with contextlib.suppress(psutil.Error):
        leader = psutil.Process(pid)
        for one in [leader, *leader.children(recursive=True)]:
            one.resume()
