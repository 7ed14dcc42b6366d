"""The operator's acts on the real stack: one method per act of a runbook step or its undo."""

from __future__ import annotations

import asyncio
import contextlib
import json
import time
from collections.abc import Callable, Mapping
from typing import Any, Literal

from sim.errors import StepFailed
from sim.rigs.real.accounting import Accounting
from sim.rigs.real.authorizing import Authorizing
from sim.rigs.real.cleanup import Cleanup
from sim.rigs.real.controls import AllControls, Controls
from sim.rigs.real.copying import Copying
from sim.rigs.real.databases import database
from sim.rigs.real.engines.engine import Engine
from sim.rigs.real.engines.together import together
from sim.rigs.real.fence import Fence
from sim.rigs.real.fresh import FreshSchema
from sim.rigs.real.gauging import Gauging
from sim.rigs.real.grant_indexes import GrantIndexes
from sim.rigs.real.janitor import Janitor
from sim.rigs.real.lifetime import Lifetime
from sim.rigs.real.migration import Migration
from sim.rigs.real.poisoned import poisoned
from sim.rigs.real.rehearsing import Preflight
from sim.rigs.real.repair import Repair
from sim.rigs.real.secrets import Secrets
from sim.rigs.real.standing import Standing
from sim.rigs.real.superseded import end_superseded
from sim.rigs.real.upgrading import Upgrading
from sim.rigs.real.verification import Verification
from sim.rigs.real.wellness import Wellness
from sim.rigs.rig import Progress, Side, Switchable
from sim.services import planted

BARRIER_S = 15.0
"""Assumption: a revocation under way ends within its client's 5 s; three times that is a fault."""
WRITES_S = 6.0
"""Assumption: a client waits 5 s for an answer, so whoever writes has ended by then."""
APPS = ("login-consent", "authz")
"""They ask Hydra itself, not over the edge."""
HOLD_S = 2.0
"""Assumption: a question to Hydra's admin API takes milliseconds; what is under way longer is not waited for."""
REPLAY_S = 240.0
"""Assumption: 1,000,000 captures are another issue's; thousands take seconds."""


class RealOperations:
    """Implements `sim.rigs.rig.Operations`; each method raises StepFailed with what was seen."""

    def __init__(self, engine: Engine, controls: dict[str, Controls], edges: AllControls, standing: Standing, *,
                 lifetime: Lifetime, upgrading: Upgrading, copying: Copying, preflight: Preflight, cleanup: Cleanup,
                 migration: Migration, repair: Repair, janitor: Janitor,
                 authorizing: Authorizing, accounting: Accounting, schema: FreshSchema, fence: Fence,
                 grant_indexes: GrantIndexes,
                 verification: Verification, gauging: Gauging, wellness: Wellness,
                 replay_environment: dict[str, str], prove_green: Callable[[], Any],
                 let_edge_take: Callable[[], Any], secrets: Secrets) -> None:
        self._secrets = secrets
        self._engine, self._controls, self._edges = engine, controls, edges
        self._upgrading = upgrading
        self._lifetime, self._copying, self._preflight, self._cleanup = lifetime, copying, preflight, cleanup
        self._migration, self._repair, self._fence = migration, repair, fence
        self._verification, self._gauging, self._wellness = verification, gauging, wellness
        self._janitor, self._authorizing = janitor, authorizing
        self._accounting, self._schema, self._grant_indexes = accounting, schema, grant_indexes
        self._replay_environment = replay_environment
        self._prove_green = prove_green
        self._let_edge_take = let_edge_take
        self.green_runs = False
        self.standing = standing

    async def set_lifetime(self, access_s: float | None) -> dict[str, Any]:
        """Raise blue's access-token lifetime; None puts it back (on whichever stack serves)."""
        return await self._lifetime.set(access_s)

    async def capture(self, on: bool, *, direction: Literal["forward", "back"],
                      only: int | None = None) -> dict[str, Any]:
        """Switch the capture; on ends when every earlier revocation has its outcome."""
        told = await self._edges.ask("PUT", "/capture", {"on": on, "direction": direction}, deadline_s=BARRIER_S,
                                     only=only)
        for edge in self.standing.of(only):
            edge.capture = direction if on else "off"
        return told

    async def upgrade_database(self, *, progress: Progress) -> dict[str, Any]:
        """Migrate blue's database within 1.x, online."""
        return await self._upgrading.migrate(progress)

    async def exchange_blue(self) -> dict[str, Any]:
        """Put the newer Hydra in the place of blue's; login-consent and authz hold what they would ask it."""
        apps = [self._controls[part] for part in APPS]
        try:
            await asyncio.gather(*(app.ask("PUT", "/hold", {"on": True, "deadline_s": HOLD_S}) for app in apps))
            return await self._upgrading.exchange()
        finally:
            await asyncio.gather(*(app.ask("PUT", "/hold", {"on": False}) for app in apps), return_exceptions=True)

    async def preflight(self, *, rows: str, progress: Progress) -> dict[str, Any]:
        """Rehearse the migration on a copy of its own; what it finds, the cleanup takes."""
        return await self._preflight.preflight(rows=rows, progress=progress)

    async def copy(self, *, jobs: int, on_snapshot: Callable[[], None],
                   progress: Progress) -> dict[str, Any]:
        """Copy blue's database to green while blue serves."""
        return await self._copying.copy(jobs=jobs, on_snapshot=on_snapshot, progress=progress)

    async def drop_copy(self) -> dict[str, Any]:
        """Drop green's database."""
        return await self._copying.drop_copy()

    async def cleanup(self, *, rows: str, progress: Progress) -> dict[str, Any]:
        """Mend or set aside the rows of the copy that break the migration."""
        return await self._cleanup.cleanup(rows=rows, progress=progress, findings=self._preflight.findings)

    async def migrate(self, *, by: str, analyze: bool, progress: Progress) -> dict[str, Any]:
        """Run the migration on green's database: the stock one, or online."""
        figures = await self._migration.migrate(by=by, analyze=analyze, progress=progress)
        await self._accounting.hold()
        return figures

    async def repair(self, *, marks: list[str], progress: Progress) -> dict[str, Any]:
        """Mend what the migration marked wrongly."""
        return await self._repair.repair(marks=marks, progress=progress)

    async def janitor(self, *, what: list[str]) -> dict[str, Any]:
        """Run the new version's own janitor on green's database."""
        return await self._janitor.run(what=what)

    async def keep_grants(self) -> dict[str, Any]:
        """Make the kept copy of authz' own grants, if it keeps any."""
        return await self._authorizing.keep()

    async def restore_grants(self) -> dict[str, Any]:
        """Stop authz' cleanup job and put back what it deleted, from the kept copy."""
        return await self._authorizing.restore()

    async def index_grants(self) -> dict[str, Any]:
        """Let green find a grant's rows without reading whole tables; before anybody waits for it."""
        return await self._grant_indexes.build()

    async def drop_grant_indexes(self) -> dict[str, Any]:
        """Drop them; green serves meanwhile."""
        return await self._grant_indexes.drop()

    async def start_green(self) -> dict[str, Any]:
        """Start green's Hydra on the migrated copy and prove its links; nothing if it runs."""
        if self.green_runs:
            return {}
        began = time.monotonic()
        if not self._engine.gives_back:  # the connections it makes now would have less for good
            await self.make_way_for_green()
        await together(self._engine.start("green-hydra"), self._let_edge_take())
        self.green_runs = True
        proven = await self._prove_green()
        await self._wellness.warm("green")
        return {"ready_s": round(time.monotonic() - began, 3), "links": proven}

    async def make_way_for_green(self) -> dict[str, Any]:
        """Its database has everybody's share of the CPU from now on: it is to serve."""
        await self._engine.weigh_fully(self._engine.database("green"))
        return {}

    async def stop_green(self) -> dict[str, Any]:
        """Stop green's Hydra."""
        self.green_runs = False
        await self._engine.stop("green-hydra")
        return {}

    async def buffer(self, on: bool, *, only: int | None = None) -> dict[str, Any]:
        """Let requests wait at the edges (or at one of them), or release them."""
        if not on:
            self.standing.buffering = False  # an edge that is dead just now comes back open
        told = await self._edges.ask("PUT", "/buffer", {"on": on}, only=only)
        self.standing.buffering = on and only is None
        return told

    async def drain(self, side: Side, *, deadline_s: float, only: int | None = None) -> dict[str, Any]:
        """Wait until nothing is under way to a side, from any edge or from one of them."""
        return await self._edges.ask("POST", "/drain", {"side": side, "deadline_s": deadline_s},
                                     deadline_s=deadline_s + 5.0, only=only)

    async def writes(self, allowed: bool) -> dict[str, Any]:
        """Refuse every request that writes, or let them in again; refused ones under way are awaited."""
        told = await self._edges.ask("PUT", "/writes", {"allowed": allowed, "deadline_s": WRITES_S})
        self.standing.writes_allowed = allowed
        if told.get("in_flight"):
            raise StepFailed("requests that write do not end", where="edge", seen=f"{told['in_flight']} are under way")
        return told

    async def fence(self, side: Side, on: bool) -> dict[str, Any]:
        """Nothing can write to a side's database, or again everything can."""
        return await (self._fence.close(side) if on else self._fence.open(side))

    async def switch(self, what: Switchable, to: Side, *, share: float = 1.0,
                     only: int | None = None) -> dict[str, Any]:
        """Point the edges (or one of them), login-consent or authz at a side; edges with a share of their requests."""
        if what == "edge":
            told = await self._edges.ask("PUT", "/route", {"to": to, "share": share}, only=only)
            for edge in self.standing.of(only):
                edge.to, edge.share, edge.epoch = to, share, int(told["epoch"])
            return told
        if what == "login_consent" and planted.on("forget-login"):
            return {"side": to}
        part = what.replace("_", "-")
        told = await self._controls[part].ask("PUT", "/side", {"to": to})
        self.standing.sides[part] = to
        return told

    async def replay(self, *, direction: Literal["forward", "back"], by: str, workers: int,
                     progress: Progress) -> dict[str, Any]:
        """Run the replayer once; its last line is the result."""
        last: dict[str, Any] = {}

        def line(text: str) -> None:
            nonlocal last
            try:
                told = json.loads(text)
            except ValueError:
                return
            if told.get("event") == "progress":
                progress({"done": told.get("done"), "total": told.get("total"), "now": "replay"})
            elif told.get("event") == "done":
                last = told

        result = await self._engine.job(
            "replayer", ["python", "-m", "sim.services.replayer", "--direction", direction, "--by", by,
                         "--workers", str(workers)],
            environment=self._replay_environment, on_line=line, deadline_s=REPLAY_S)
        if not last or result.exit_code:
            raise StepFailed("the replayer did not finish", where="replayer", seen=result.tail[-400:],
                             todo="its log is logs/replayer.log in the run folder")
        last.pop("event")
        return last

    async def end_superseded(self) -> dict[str, Any]:
        """End on blue what green has rotated (see superseded)."""
        async with (database(self._engine, self._secrets, "blue") as blue,
                    database(self._engine, self._secrets, "green") as green):
            return {"chains": await end_superseded(blue, green)}

    async def stop_blue(self) -> dict[str, Any]:
        """Stop blue's Hydra, and its Postgres unless green uses it; the data is kept until the stack is removed."""
        await self._engine.stop("blue-hydra")
        if self._engine.database("green") != self._engine.database("blue"):
            await self._engine.stop("blue-postgres")
        return {"kept": "until the stack is removed"}

    async def start_blue(self) -> dict[str, Any]:
        """Start blue's Hydra again, where green uses its database and it had to stop."""
        await self._engine.start("blue-hydra")
        return {}

    async def prove_well(self, side: Side) -> dict[str, Any]:
        """A new token is issued, is active and is refused once revoked."""
        return await self._wellness.prove(side)

    async def gauges(self) -> dict[str, Any]:
        """One second's figures of both stacks and the edge."""
        told = await self._gauging.read(green=self.green_runs)
        with contextlib.suppress(StepFailed):  # a gauge must never end a run
            if job := await self._authorizing.status():
                told["cleanup_job"] = job
        return told

    async def measure(self, question: str, arguments: Mapping[str, Any]) -> dict[str, Any]:
        """Read by key, for the verify step."""
        if question == "equality":
            return self._copying.equality()
        if question == "migrations":
            return await self._migration.listed()
        if question == "poisoned":
            return await poisoned(self._engine, self._secrets, arguments.get("signatures") or {})
        if question == "accounted":
            return await self._accounting.accounted()
        if question == "schema":
            return await self._schema.compared()
        if question == "cleaned":
            cleaned = self._janitor.cleaned() if arguments["job"] == "janitor" else await self._authorizing.cleaned()
            return await self._verification.named(cleaned, arguments)
        return await self._verification.measure(question, arguments)
