"""faults.jsonl: what was done to the stack on purpose, written before it is done.

One line `{"name", "state": "making"|"made"|"healed", "fault": {…}, "by"?}` each, flushed to the
disk, so that whoever finds a run without its harness knows what must be healed.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any, Literal

State = Literal["making", "made", "healed"]


class Written:
    """The file of one run, for its owner alone."""

    def __init__(self, path: Path) -> None:
        self.path = path
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        self._file = os.fdopen(descriptor, "a")
        if _is_torn(path):
            self._file.write("\n")  # what a kill cut short must not swallow the next line

    def write(self, name: str, state: State, fault: dict[str, Any] | None = None, *, by: str = "") -> None:
        """Append one line; it is on the disk when this returns. `by`: who healed it, if not its own run."""
        line: dict[str, Any] = {"name": name, "state": state}
        if by:
            line["by"] = by
        if fault is not None:
            line["fault"] = fault
        self._file.write(json.dumps(line, sort_keys=True) + "\n")
        self._file.flush()
        os.fsync(self._file.fileno())

    def close(self) -> None:
        """Close the file."""
        self._file.close()


def _is_torn(path: Path) -> bool:
    with open(path, "rb") as file:
        if file.seek(0, os.SEEK_END) == 0:
            return False
        file.seek(-1, os.SEEK_END)
        return file.read(1) != b"\n"


def unhealed(path: Path) -> list[dict[str, Any]]:
    """Faults of a file that were begun and not healed, oldest first; [] if there is no file."""
    if not path.exists():
        return []
    open_faults: dict[str, dict[str, Any]] = {}
    for raw in path.read_text().splitlines():
        try:
            line = json.loads(raw)
        except ValueError:
            continue  # the last line, torn by a kill: its fault was not begun yet
        if line["state"] == "healed":
            open_faults.pop(line["name"], None)
        else:
            open_faults.setdefault(line["name"], line.get("fault", {}))
    return [{"name": name, **fault} for name, fault in open_faults.items()]
