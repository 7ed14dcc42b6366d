"""The list of everything a cleanup changed, in the run folder: what, why, and where it is kept.

The rows themselves stand in `rehearsal.rehearsal_set_aside` of green's database, as they were; here is
only what names them, so the file may be shown around.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from sim.rigs.real.databases import Connection
from sim.rigs.real.narrowing import Finding
from sim.runfolder import write_private

FILE = "manifest.json"
KEPT_IN = "rehearsal.rehearsal_set_aside"


async def write_manifest(green: Connection, folder: Path, findings: Sequence[Finding]) -> str:
    """Write the manifest of what is kept now; returns the file's name."""
    rows = await green.fetch(f"SELECT n, class, table_name, key, action FROM {KEPT_IN} ORDER BY n")
    told = {(f.table, f.shown): f.told() for f in findings}
    entries: list[dict[str, Any]] = []
    for n, name, table, key, action in rows:
        entry: dict[str, Any] = {"n": n, "class": name, "table": table, "key": key, "action": action}
        why = told.get((table, key))
        if why is not None:
            entry |= {"columns": why["columns"], "migration": why["migration"], "sqlstate": why["sqlstate"]}
        entries.append(entry)
    text = json.dumps({"kept_in": KEPT_IN, "kept_until": "green's database is dropped", "rows": entries}, indent=1)
    await asyncio.to_thread(write_private, folder / FILE, text + "\n")
    return FILE
