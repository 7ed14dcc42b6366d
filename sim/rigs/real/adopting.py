"""Takes over what a killed harness left, instead of removing it: its stack's folder with both databases.

On Linux the programs of the process engine end with their harness, and what a database has committed
is on the disk. Whatever still runs all the same is ended first, so that nothing is served twice.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, NamedTuple

from sim.errors import BadInput
from sim.rigs.real import leftovers
from sim.rigs.real.living import alive, me
from sim.rigs.real.record import HOME_PREFIX, all_records, only_one


class Adopted(NamedTuple):
    """A dead run's stack, ours from now on."""

    home: Path
    """The process engine's folder: data/, config/."""
    record: Path
    """Its record, in our name; to be removed once the new engine has one of its own."""


def adopt(folder: Path) -> Adopted:
    """Claim the stack of the run in `folder`, whose harness is dead; what still runs of it is ended.

    Of several that were made in this folder one after another, the last. Raises BadInput if it lives, ran in
    containers, or is not there any more.
    """
    run = folder.name
    with only_one():
        for path, record in _records(folder):
            if alive(record["owner"]):
                raise BadInput("this run still goes on", where=run, seen=f"process {record['owner'].split(':')[0]}",
                               todo=f"rehearse watch {run}, or rehearse ctl {run} abort")
            if record.get("kind") != "process":
                raise BadInput("only a run of the process engine can be taken up again yet", where=run,
                               seen=str(record.get("kind")), todo="rehearse clean removes it; then run it again")
            home = Path(str(record.get("folder") or "/nowhere/at-all"))
            if not (home.name.startswith(HOME_PREFIX) and (home / "data").is_dir()):
                break
            leftovers.end_all(run)
            part = path.with_suffix(".part")
            part.write_text(json.dumps({**record, "owner": me(), "processes": {}}))
            part.chmod(0o600)
            part.replace(path)
            return Adopted(home, path)
    raise BadInput("nothing of this run's stack is left to go on with", where=run,
                   todo=f"rehearse judge {run} judges what it wrote")


def _records(folder: Path) -> list[tuple[Path, dict[str, Any]]]:
    """Those of the folder's runs, the newest harness first."""
    found = [(record.pop("path"), record) for record in all_records()
             if record.get("run") == folder.name and Path(str(record.get("run_dir"))).resolve() == folder.resolve()]
    return sorted(found, key=lambda one: float(str(one[1]["owner"]).partition(":")[2] or 0), reverse=True)
