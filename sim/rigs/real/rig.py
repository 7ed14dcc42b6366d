"""The real rig: real programs on an engine, put together for one run."""

from __future__ import annotations

import asyncio
import json
import secrets as randomness
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import msgspec
import psutil

from sim.errors import NotReady
from sim.rigs.real.accounting import Accounting
from sim.rigs.real.acquire import Parts, acquire
from sim.rigs.real.acquire.table import show
from sim.rigs.real.authorizing import Authorizing
from sim.rigs.real.cleanup import Cleanup
from sim.rigs.real.controls import AllControls, Controls
from sim.rigs.real.copying import Copying
from sim.rigs.real.engines import open_engine
from sim.rigs.real.engines.engine import Engine, Estate, Kind
from sim.rigs.real.engines.together import together
from sim.rigs.real.explicit import DSN_END, name_columns
from sim.rigs.real.faulting import fault_makers
from sim.rigs.real.faults.fsync import undelayed
from sim.rigs.real.fence import Fence
from sim.rigs.real.fresh import FreshSchema
from sim.rigs.real.gauging import Gauging
from sim.rigs.real.grant_indexes import GrantIndexes
from sim.rigs.real.hydra_api import HydraApi, admin_prefix
from sim.rigs.real.janitor import Janitor
from sim.rigs.real.lifetime import Lifetime, go_duration
from sim.rigs.real.migration import Migration
from sim.rigs.real.noted import NotedEngine
from sim.rigs.real.operations import APPS, RealOperations
from sim.rigs.real.probing import Probing
from sim.rigs.real.reaching import Reaching
from sim.rigs.real.rehearsing import Preflight
from sim.rigs.real.repair import Repair
from sim.rigs.real.rights import let_edge_take
from sim.rigs.real.secrets import secrets
from sim.rigs.real.seed import seed_blue
from sim.rigs.real.sender import AUTH_HOST, LOGIN_HOST, Sender
from sim.rigs.real.stack import OWN_DATABASE, Stack, load_stack
from sim.rigs.real.standing import Standing
from sim.rigs.real.upgrading import Upgrading
from sim.rigs.real.verification import Verification
from sim.rigs.real.wellness import Wellness
from sim.rigs.rig import Side
from sim.runbook.stood import Stood
from sim.runfolder import write_private
from sim.scenario import Scenario
from sim.scenario.disks import LOG, disks
from sim.scenario.replicas import EDGE, replica_names
from sim.services import planted
from sim.traffic.minting import Minter
from sim.traffic.plan import make_plan
from sim.traffic.population import Population

PROGRESS_S = 2.0


class RealRig:
    """Implements `sim.rigs.rig.Rig`; `open` acquires and draws, `start` starts, `close` removes all."""

    def __init__(self, engine: Engine, stack: Stack, parts: Parts, scenario: Scenario, population: Population,
                 plan: Any, seed: int, say: Callable[[str], None], command: Callable[[str, str], None]) -> None:
        self.stack, self.parts = stack, parts
        self.scenario, self.population, self.plan, self.seed = scenario, population, plan, seed
        self._say, self._command = say, command
        self._secrets = secrets()
        self._bare_engine = engine
        self.engine: Any = NotedEngine(engine, self._secrets, command)
        self.minter = Minter(self._secrets.system, seed)
        self._edges = replica_names(EDGE, scenario.stack.edge.instances)
        self._standing = Standing(len(self._edges))
        self._controls: dict[str, Controls] = {}
        self._reaching = Reaching(engine, stack, self._secrets)
        self._told: tuple[str | None, float] = (None, 0.0)
        self.prove_links: Callable[[list[str]], Awaitable[None]] = _not_proven
        """Set by the rehearsal: proves links and writes it down."""

    @classmethod
    async def open(cls, kind: Kind, *, scenario: Scenario, seed: int, folder: Path, say: Callable[[str], None],
                   command: Callable[[str, str], None], estate: Estate | None = None) -> RealRig:
        """Acquire the real programs, draw population and plan, open the engine; nothing runs yet.

        `estate` is what a dead run left to go on with (see adopting).
        """
        blue = scenario.stack.blue
        versions = list(dict.fromkeys([blue.first, blue.hydra, scenario.stack.green.hydra]))

        with show() as progress:
            parts = await acquire(kind, hydra=versions, postgres=scenario.stack.blue.postgres, progress=progress)
        say("drawing the population and the plan")
        population, plan = await asyncio.to_thread(_draw, scenario, seed)
        plan.write(folder / "plan.jsonl")
        write_private(folder / "environment.json", json.dumps(_environment(kind, parts, seed), indent=2) + "\n")
        stack = load_stack(override=Path(scenario.stack.override) if scenario.stack.override else None,
                           shared=scenario.in_place, edges=scenario.stack.edge.instances)
        engine = await open_engine(kind, run_id=folder.name, run_dir=folder, stack=stack, parts=parts,
                                   secrets=secrets(), variables=variables(scenario), estate=estate,
                                   disks=disks(scenario))
        return cls(engine, stack, parts, scenario, population, plan, seed, say, command)

    async def start(self) -> dict[str, Any]:
        """Start the blue side, green's empty Postgres if it has one, Toxiproxy, the queue and our services."""
        began = time.monotonic()
        engine = self.engine
        await together(*(engine.start(name) for name in ("toxiproxy", "queue", OWN_DATABASE)
                         if name in self.stack.names))
        seeding = await seed_blue(engine, self.scenario, self.population, self._secrets, self._progress)
        seeded_s = time.monotonic() - began
        if _names_columns(self.scenario):
            await name_columns(engine, self._secrets)
        await engine.start("blue-hydra")
        await together(*(engine.start(name, environment=planted.environment())
                         for name in (*self._edges, *APPS)))
        self._compose()
        await self._authorizing.begin()
        ready_s = time.monotonic() - began
        self._say(f"blue is seeded ({seeding.get('source', '')}) in {seeded_s:.1f} s")
        return {"ready_s": round(ready_s, 3), "seeding": seeding, "parts": self.parts.versions,
                "engine": engine.kind}

    async def restart(self, stood: Stood) -> dict[str, Any]:
        """Start everything on the data that a killed harness left, as it stood then; Postgres recovers by itself."""
        began = time.monotonic()
        engine, stands = self.engine, self._standing
        stands.take_up(stood)
        await together(*(engine.start(name) for name in ("toxiproxy", "queue", "blue-postgres", OWN_DATABASE)
                         if name in self.stack.names))
        await together(undelayed(engine, self._secrets, "blue"), undelayed(engine, self._secrets, "green"))
        if stood.green_serves:
            await engine.weigh_fully(engine.database("green"))
        await together(self._restart_blue(stood),
                       *([engine.start("green-hydra")] if stood.green_serves else []))
        await together(*(engine.start(name, environment=stands.environment(name))
                         for name in (*self._edges, *APPS)))
        self._compose()
        self.operations.green_runs = stood.green_serves
        return {"ready_s": round(time.monotonic() - began, 3), "engine": engine.kind, "taken_up": True}

    async def _restart_blue(self, stood: Stood) -> None:
        """Blue's Hydra, if it served. Raises NotReady if it must and does not start."""
        if not stood.blue_runs:
            return
        if self.scenario.stack.blue.begins_as is not None:
            await Upgrading(self.engine, self._secrets, self.scenario.stack.blue.hydra).take_up()
        try:
            await self.engine.start("blue-hydra")
        except NotReady as error:
            if not stood.past_return:
                raise
            self._say(f"the old Hydra does not start on the database as it is now ({error.what})")

    def _progress(self, told: dict[str, Any]) -> None:
        """A line when the work changes, and one each two seconds."""
        now_s = time.monotonic()
        if told.get("now") != self._told[0] or now_s - self._told[1] > PROGRESS_S:
            self._told = (told.get("now"), now_s)
            self._say(f"seeding: {told.get('now', '')} {told.get('done', 0):,} of {told.get('total', 0):,} grants")

    def _compose(self) -> None:
        """The acts, once there are addresses."""
        engine, own = self.engine, self._secrets
        self._controls = {name: Controls(name, engine.direct(name, "control"), own.control, self._command)
                          for name in (*self._edges, *APPS)}
        edges = AllControls([self._controls[name] for name in self._edges])
        self.sender = Sender({name: engine.link(name) for name, link in self.stack.links.items() if link.harness})
        self.clients = self.sender
        service = next(client for client in self.population.clients if client.kind == "service")
        prefixes: dict[Side, str] = {"blue": admin_prefix(self.scenario.stack.blue.hydra),
                                     "green": admin_prefix(self.scenario.stack.green.hydra)}
        probing = Probing(self._bare_engine, self._controls, AUTH_HOST, LOGIN_HOST, prefixes["green"])
        apis: dict[Side, HydraApi] = {
            side: HydraApi(engine.direct(f"{side}-hydra", "admin"), prefix=prefix)
            for side, prefix in prefixes.items()}
        self._apis = apis
        copying = Copying(engine, own)
        self._accounting = Accounting(engine, own)
        self._authorizing = Authorizing(engine, own, self._controls["authz"], self.scenario.stack.authz.cleanup,
                                        self.scenario.tokens.refresh)
        self.operations = RealOperations(
            engine, self._controls, edges, self._standing,
            lifetime=Lifetime(engine, self.clients, service, self.scenario.tokens.access, prefixes),
            upgrading=Upgrading(engine, own, self.scenario.stack.blue.hydra),
            copying=copying, preflight=Preflight(engine, own), cleanup=Cleanup(engine, own),
            migration=Migration(engine, own), repair=Repair(engine, own),
            janitor=Janitor(engine, own, self.scenario.tokens.refresh), authorizing=self._authorizing,
            accounting=self._accounting, schema=FreshSchema(engine, own), fence=Fence(engine, own),
            grant_indexes=GrantIndexes(engine, own),
            verification=Verification(engine, own, copying),
            gauging=Gauging(engine, own, edges, apis),
            wellness=Wellness(self.clients, service, self._nonsense),
            replay_environment=planted.environment(), prove_green=self._prove_green,
            let_edge_take=lambda: let_edge_take(engine, own), secrets=own)
        self.faults = fault_makers(engine, self.stack, own, probing, self._controls, self.operations.standing)

    async def _prove_green(self) -> int:
        links = self.links_of_green()
        await self.prove_links(links)
        return len(links)

    async def _nonsense(self, side: Any) -> None:
        await self._apis[side].introspect("none.none")

    def links_before_green(self) -> list[str]:
        """Links that can be proven before green's Hydra runs."""
        return [name for name, link in self.stack.links.items()
                if link.service != "green-hydra" and link.source != "green-hydra"]

    def links_of_green(self) -> list[str]:
        """Links that can be proven once green's Hydra runs."""
        return [name for name in self.stack.links if name not in self.links_before_green()]

    def environment(self) -> dict[str, str]:
        """Addresses for a user's own steps: REHEARSE_* variables and a password file's path, no secrets."""
        return self._reaching.environment()

    def tell_addresses(self) -> None:
        """The stack stands: let people reach it (`rehearse env`)."""
        self._reaching.tell()

    async def close(self) -> None:
        """Remove everything this rig started."""
        self._reaching.forget()
        for control in self._controls.values():
            await control.close()
        if hasattr(self, "sender"):
            await self.sender.close()
            for api in self._apis.values():
                await api.close()
            await self._accounting.close()
        await self.engine.close()


async def _not_proven(links: list[str]) -> None:
    """Nobody asked for proofs (the stack alone)."""


def _draw(scenario: Scenario, seed: int) -> tuple[Population, Any]:
    population = Population.draw(seed, scenario.population.grants, scenario.population.clients.model_dump())
    return population, make_plan(scenario, population, seed=seed)


def _names_columns(scenario: Scenario) -> bool:
    """Whether blue's Hydra reads explicit columns when the run begins."""
    return scenario.stack.blue.columns == "explicit" or scenario.stack.blue.begins_as is not None


def variables(scenario: Scenario) -> dict[str, str]:
    """The stack file's variables that a scenario sets."""
    capture = next((step for step in scenario.runbook if step.kind == "capture"), None)
    edge = scenario.stack.edge
    return {
        "PROGRAM_BLUE_HYDRA": f"hydra-{scenario.stack.blue.first}",
        "PROGRAM_GREEN_HYDRA": f"hydra-{scenario.stack.green.hydra}",
        "GREEN_ADMIN_PREFIX": admin_prefix(scenario.stack.green.hydra),
        **({} if scenario.stack.green.hydra.startswith("2.") else
           {"GREEN_HTTP": "--dangerous-force-http", "GREEN_CONFIG": "hydra-1.yaml"}),
        "BLUE_DSN_END": DSN_END if _names_columns(scenario) else "",
        "ACCESS_TTL": go_duration(scenario.tokens.access), "REFRESH_TTL": go_duration(scenario.tokens.refresh),
        # 1.8.5 refuses a configuration below 8; the seeded hashes keep the scenario's own cost.
        "HASH_COST": str(max(scenario.population.hash_cost, 8 if scenario.stack.blue.first == "1.8.5" else 4)),
        "GRACE_PERIOD": go_duration(scenario.stack.green.grace_period),
        "EDGE_COALESCING_S": f"{edge.coalescing:g}", "EDGE_BUFFER_S": f"{edge.buffer:g}",
        "EDGE_BUFFER_MAX": str(edge.buffer_max), "EDGE_QUEUE_DOWN": edge.queue_down,
        "EDGE_ANSWERS": edge.answers,
        "EDGE_CAPTURE_RECORD": getattr(capture, "record", "grant"),
        "EDGE_SEAL_KEY": randomness.token_hex(32),
        **({"MAX_WAL_SIZE": LOG} if disks(scenario) else {}),
    }


def _environment(kind: str, parts: Parts, seed: int) -> dict[str, Any]:
    import platform

    return {"engine": kind, "seed": seed, "machine": platform.machine(), "system": platform.platform(),
            "python": platform.python_version(), "cores": psutil.cpu_count(),
            "memory_bytes": psutil.virtual_memory().total, "parts": msgspec.to_builtins(parts.table),
            **({"PLANTED BUG": planted.now()} if planted.now() else {})}
