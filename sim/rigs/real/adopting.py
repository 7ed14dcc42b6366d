"""Takes over what a killed harness left, instead of removing it: its databases' and its queue's data.

On Linux the programs of the process engine end with their harness; containers go on and serve nobody.
Whatever still runs is ended first, so that nothing is served twice and no job works on; what a database
has committed is on the disk, in the run's folder or in its volumes, and is started from there.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, NamedTuple

from sim.errors import BadInput
from sim.rigs.real import leftovers
from sim.rigs.real.engines import Estate
from sim.rigs.real.engines.containers import found_in
from sim.rigs.real.labels import RUN
from sim.rigs.real.living import alive, me, where
from sim.rigs.real.record import HOME_PREFIX, all_records, only_one, passwords_of, record_of
from sim.runfolder import write_private


class Adopted(NamedTuple):
    """A dead run's stack, ours from now on."""

    estate: Estate
    record: Path
    """Its record, in our name."""
    dead: dict[str, Any]
    """What stood in it before."""

    def handed_over(self) -> None:
        """The new engine has a record of its own."""
        if self.record != record_of(str(self.dead["run"])):
            self.record.unlink(missing_ok=True)

    def given_up(self) -> None:
        """There is no new engine: whatever was left goes now."""
        write_private(self.record, json.dumps(self.dead))
        leftovers.remove(run=str(self.dead["run"]))


def adopt(folder: Path) -> Adopted:
    """Claim the stack of the run in `folder`, whose harness is dead; what still runs of it is ended.

    Of several that were made in this folder one after another, the last. Raises BadInput if it lives or is not
    there any more, EngineDown if it ran in containers and their daemon does not answer.
    """
    run = folder.name
    with only_one():
        for path, record in _records(folder):
            if alive(record["owner"]):
                raise BadInput("this run still goes on", where=run, seen=f"process {record['owner'].split(':')[0]}",
                               todo=f"rehearse watch {run}, or rehearse ctl {run} abort")
            owners = (record["owner"], *(record.get("inherits") or ()))
            estate = _volumes(run, owners) if record.get("kind") == "docker" else _home(record, owners)
            if estate is None:
                break
            leftovers.end_all(run)
            passwords_of(path).unlink(missing_ok=True)  # of ports that nobody listens on any more
            write_private(path, json.dumps({**record, "owner": me(), "processes": {}, "inherits": list(owners)}))
            return Adopted(estate, path, record)
    raise BadInput("nothing of this run's stack is left to go on with", where=run,
                   todo=f"rehearse judge {run} judges what it wrote")


def _home(record: dict[str, Any], owners: tuple[str, ...]) -> Estate | None:
    """The process engine's folder, if it is there."""
    home = Path(str(record.get("folder") or "/nowhere/at-all"))
    is_there = home.name.startswith(HOME_PREFIX) and (home / "data").is_dir()
    return Estate(home=home, owners=owners) if is_there else None


def _volumes(run: str, owners: tuple[str, ...]) -> Estate | None:
    """The docker engine's network, if it and the volumes named after it are there. Raises EngineDown."""
    from sim.rigs.real.acquire.daemon import client

    connected = client(deadline_s=30.0)
    try:
        its = [one for one in found_in(connected.api, f"{RUN}={run}") if one.owner in owners and one.where == where()]
    finally:
        connected.close()
    volumes = [one.name for one in its if one.kind == "volume"]
    found = (one.name for one in its if one.kind == "network"
             and any(volume.startswith(f"{one.name}-") for volume in volumes))
    network = next(found, None)
    return None if network is None else Estate(network=network, owners=owners)


def _records(folder: Path) -> list[tuple[Path, dict[str, Any]]]:
    """Those of the folder's runs, the newest harness first."""
    found = [(record.pop("path"), record) for record in all_records()
             if record.get("run") == folder.name and Path(str(record.get("run_dir"))).resolve() == folder.resolve()]
    return sorted(found, key=lambda one: float(str(one[1]["owner"]).partition(":")[2] or 0), reverse=True)
