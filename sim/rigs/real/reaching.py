"""How people reach a living stack: `addresses.json` in the run folder, and a password file that libpq reads.

Both are there from when the stack stands to its end. What a SIGKILL leaves of the addresses names an owner
that is dead, so it is not believed; the password file lies beside the run's record, not in the run folder,
so `rehearse clean` removes it and no folder that is sent round holds a secret.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from sim.errors import BadInput
from sim.rigs.real.engines.engine import Engine
from sim.rigs.real.living import alive, me
from sim.rigs.real.record import passwords_of, record_of
from sim.rigs.real.secrets import Secrets
from sim.rigs.real.stack import Stack
from sim.rigs.rig import Side
from sim.runfolder import write_private

ADDRESSES = "addresses.json"
_SIDES: tuple[Side, ...] = ("blue", "green")
_PRIVATE = ("control",)
"""Ports that only the harness speaks to."""


class Reaching:
    """Tells where one stack is reached."""

    def __init__(self, engine: Engine, stack: Stack, secrets: Secrets) -> None:
        self._engine, self._stack, self._secrets = engine, stack, secrets
        self._passwords = passwords_of(record_of(engine.run_id))

    def environment(self) -> dict[str, str]:
        """REHEARSE_* addresses (`host:port`), and where libpq finds the password; no secret.

        Green's Hydra answers at its own once the run has started it.
        """
        told = {"REHEARSE_RUN": self._engine.run_id, "REHEARSE_ENGINE": self._engine.kind,
                "PGPASSFILE": str(self._passwords)}
        for side in _SIDES:
            told[f"REHEARSE_{side.upper()}_POSTGRES_SQL"] = self._place(self._engine.database(side), "sql")
        for service in self._stack.names:
            if service.endswith("-hydra") or self._stack.service(service, {}).kind == "python":
                for port in self._stack.ports(service):
                    if port not in _PRIVATE:
                        told[f"REHEARSE_{service}_{port}".upper().replace("-", "_")] = self._place(service, port)
        return told

    def _place(self, service: str, port: str) -> str:
        host, number = self._engine.direct(service, port)
        return f"{host}:{number}"

    def tell(self) -> None:
        """The stack stands: write addresses and password file, both for their owner alone."""
        places = dict.fromkeys(self._place(self._engine.database(side), "sql") for side in _SIDES)
        write_private(self._passwords, "".join(f"{place}:*:rehearse:{self._secrets.database}\n" for place in places))
        write_private(self._engine.run_dir / ADDRESSES,
                      json.dumps({"owner": me(), "environment": self.environment()}) + "\n")

    def forget(self) -> None:
        """The stack is to go: remove both."""
        (self._engine.run_dir / ADDRESSES).unlink(missing_ok=True)
        self._passwords.unlink(missing_ok=True)


def told_by(folder: Path) -> dict[str, Any]:
    """What a run folder says of its living stack: {owner, environment}.

    Raises BadInput if there is none, or its process is gone.
    """
    try:
        told: dict[str, Any] = json.loads((folder / ADDRESSES).read_text())
    except (OSError, ValueError):
        raise BadInput("this run holds no stack", where=str(folder),
                       seen="it has ended, or its stack does not stand yet",
                       todo="rehearse run plays one, rehearse up starts a stack alone") from None
    if not alive(str(told.get("owner"))):
        raise BadInput("this run holds no stack any more: its process is gone", where=str(folder),
                       todo="rehearse clean removes what it left")
    return told
