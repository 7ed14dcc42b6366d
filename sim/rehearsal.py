"""One rehearsal from its scenario to its verdict: composes everything else.

Order: run folder and plan (nothing is started on bad input) → real parts → stack and seeded
blue → links proven → traffic, nemesis, gauges and runbook in one SimPy environment → end,
heal, clean up → judge and report. Whatever happens, the stack is taken down.
"""

from __future__ import annotations

import asyncio
import contextlib
import secrets as randomness
import signal
import sys
import traceback
from collections.abc import Callable, Generator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal

import simpy

from sim.checks.verdict import Verdict, exit_code
from sim.clock import LiveEnvironment
from sim.control import ControlServer
from sim.crowd import crowd_at
from sim.errors import DiskFull, RehearsalError
from sim.faults.drawing import with_drawn
from sim.faults.link_proofs import prove_links
from sim.faults.nemesis import Nemesis
from sim.faults.orders import Orders
from sim.faults.written import Written
from sim.heartbeat import Heartbeat
from sim.history.history import History
from sim.history.journal import FLUSH_S, Journal
from sim.phases import Phases
from sim.precedence import take_precedence
from sim.refusing import refuse_planted, refuse_taking_up, refuse_unable
from sim.runbook.buffering import HandBuffer
from sim.runbook.catalogue import entry_of
from sim.runbook.context import Context
from sim.runbook.desk import Desk
from sim.runbook.gates import refuse_unattended
from sim.runbook.price import Price
from sim.runbook.revoked import Revoked
from sim.runbook.runner import Ended, Runner
from sim.runbook.status import Status
from sim.runbook.steady import WARM_UP_S, Watcher
from sim.runbook.stood import stood
from sim.runfolder import make_run_folder, write_private
from sim.scenario import Scenario, resolved
from sim.scenario.disks import disks, surprising
from sim.scenario.links import known_links, known_parts, with_pairs
from sim.taking_up import Taken, go_on, take_up

GAUGE_S = 1.0
"""Once a second: what the screen shows moves no faster."""

Keep = Literal["never", "on-broken", "always"]
Report = Callable[[str], None]
"""Takes one line of progress for people."""


@dataclass
class Options:
    """How one rehearsal is to be run."""

    engine: Literal["auto", "docker", "process"] = "auto"
    seed: int | None = None
    run_dir: Path | None = None
    keep: Keep = "on-broken"
    pause_before: str | None = None
    yes: bool = False
    attended: bool = False
    planted: str = ""
    """The bug that the recall bench planted in this process; nobody else sets it."""
    gameday: bool = False
    """Play the game day's card; False leaves the whole game day out."""
    metrics: int | None = None
    """Loopback port of /metrics; 0 = any that is free, None = none."""
    say: Report = field(default=lambda line: print(line, file=sys.stderr, flush=True))


@dataclass
class Result:
    """What came of it."""

    folder: Path
    verdict: Verdict | None
    code: int
    text: str


def prepare(scenario: Scenario, options: Options) -> tuple[int, Path]:
    """Everything that can go wrong on input, before anything is started; (seed, folder)."""
    refuse_planted(options.planted)
    refuse_unattended(scenario, attended=options.attended, yes=options.yes)
    scenario = _as_played(scenario, options)
    seed = options.seed if options.seed is not None else scenario.seed
    if seed is None:
        seed = randomness.randbelow(2**31)
        options.say(f"seed {seed} was drawn; --seed {seed} runs the same again")
    folder = make_run_folder(scenario.slug, seed, options.run_dir)
    write_private(folder / "scenario.yaml", resolved(with_drawn(scenario, seed), seed=seed))
    return seed, folder


def _as_played(scenario: Scenario, options: Options) -> Scenario:
    """The scenario without its game day, unless that is what is played: its folder says what was."""
    return scenario if options.gameday else scenario.model_copy(update={"gameday": None})


async def rehearse(scenario: Scenario, options: Options) -> Result:
    """Run one rehearsal and judge it.

    Raises RehearsalError for what the user must mend; nothing is left running either way.
    """
    seed, folder = prepare(scenario, options)
    rehearsal = _Rehearsal(with_drawn(_as_played(scenario, options), seed), options, seed, folder)
    return await rehearsal.run()


async def resume(folder: Path, options: Options) -> Result:
    """Take up a run whose harness was killed: everything is started as it stood, and rolled back to blue.

    Where there is no way back it is brought to its end instead. The same history goes on, and all of it is judged.
    Raises BadInput for what can't be taken up, RehearsalError if it fails; nothing is left running either way.
    """
    from sim.rigs.real.adopting import adopt
    from sim.scenario import load_scenario

    refuse_planted(options.planted)
    history, scenario = History.load(folder / "history.jsonl"), load_scenario(folder / "scenario.yaml")
    stands = stood(history, scenario)
    refuse_taking_up(folder, history, scenario, stands)
    taken = Taken(history, stands, adopt(folder))
    options = replace(options, engine=taken.adopted.estate.kind)
    rehearsal = _Rehearsal(scenario, options, history.header.seed, folder, taken)
    return await rehearsal.run()


class _Rehearsal:
    def __init__(self, scenario: Scenario, options: Options, seed: int, folder: Path,
                 taken: Taken | None = None) -> None:
        self.scenario, self.options, self.seed, self.folder = scenario, options, seed, folder
        self.taken = taken
        self.say = options.say
        self.desk: Desk | None = None
        self.interrupts = 0
        self._task: asyncio.Task[Any] | None = None

    async def run(self) -> Result:
        from sim.report.metrics import Metrics
        from sim.rigs.real.engines import choose
        from sim.rigs.real.exposing import Exposing

        self._task = asyncio.current_task()
        self._listen_to_signals()
        take_precedence()
        kind, why = choose(self.options.engine)
        refuse_unable(self.scenario, kind)
        self.say(f"engine {kind}: {why}")
        metrics = Metrics(scenario=self.scenario.slug, seed=self.seed, engine=kind)
        exposing = Exposing(metrics.text) if self.options.metrics is not None else None
        if exposing is not None:
            url = await exposing.start(self.options.metrics or 0)
        journal = Journal(self.folder / "history.jsonl", scenario=self.scenario.slug, seed=self.seed, engine=kind,
                          grants=self.scenario.population.grants) if self.taken is None else go_on(
                              self.folder / "history.jsonl", self.taken, self.say)
        if exposing is not None:
            journal.subscribe(metrics)
            journal.note("harness", "note", {"text": f"metrics: {url}", "level": "info"})
            self.say(f"metrics: {url}")
        if self.options.planted:
            journal.note("harness", "planted", {"bug": self.options.planted})
            self.say(f"PLANTED BUG {self.options.planted}: what this run shows is about the checks alone")
        ended = Ended("failed", "the run was stopped")
        bug: BaseException | None = None
        try:
            ended = await self._on_a_stack(kind, journal)
        except asyncio.CancelledError:
            if not self.interrupts:
                raise
        except RehearsalError as error:
            ended = Ended("failed", str(error))
            bug = error
        except Exception as error:
            bug = DiskFull.of(error) or error
            if bug is error:
                write_private(self.folder / "logs" / "bug.log", traceback.format_exc())
            ended = Ended("failed", str(bug) if bug is not error else f"a bug: {error!r}")
        finally:
            journal.note("harness", "end", {"ended": ended.how, "why": ended.why})
            journal.note("runbook", "state", {"state": "FINISHED", "why": ended.how})
            journal.close()
            if exposing is not None:
                await exposing.close()
        if journal.full is not None:  # half a history has no verdict
            raise journal.full
        return self._judge(ended, bug)

    # signals: once = abort and roll back, twice or SIGTERM = stop and clean up now

    def _listen_to_signals(self) -> None:
        loop = asyncio.get_running_loop()
        with contextlib.suppress(NotImplementedError):
            loop.add_signal_handler(signal.SIGINT, self._interrupted)
            loop.add_signal_handler(signal.SIGTERM, self._stop_now)
            loop.add_signal_handler(signal.SIGHUP, self._stop_now)

    def _interrupted(self) -> None:
        if self.desk is None or self.desk.past_return or self.desk.aborted.triggered or self.interrupts:
            self._stop_now()
            return
        self.interrupts += 1
        self.say("aborting: rolling back to blue. Ctrl-C again stops and cleans up at once.")
        self.desk.aborted.succeed("the operator: Ctrl-C")

    def _stop_now(self) -> None:
        self.interrupts += 1
        self.say("stopping and cleaning up")
        if self._task is not None:
            self._task.cancel()

    async def _on_a_stack(self, kind: Literal["docker", "process"], journal: Journal) -> Ended:
        from sim.rigs.real.rig import RealRig

        def command(how: str, text: str) -> None:
            journal.note("runbook", "cmd", {"kind": how, "command": text})

        try:
            rig = await RealRig.open(kind, scenario=self.scenario, seed=self.seed, folder=self.folder,
                                     say=self.say, command=command,
                                     estate=None if self.taken is None else self.taken.adopted.estate)
        except BaseException:
            if self.taken is not None:  # nobody owns what the killed run left, and this is its end
                self.taken.adopted.given_up()
            raise
        if self.taken is not None:
            self.taken.adopted.handed_over()
        try:
            i = journal.invoke("harness", "stack", value={"engine": kind})
            figures = await (rig.start() if self.taken is None else rig.restart(self.taken.stood))
            journal.complete(i, "ok", value=figures)
            self.say(f"stack ready in {figures['ready_s']:.1f} s")
            self._note_disks(journal)
            rig.tell_addresses()
            rig.prove_links = lambda links: self._prove_links(rig, journal, links)
            if self.taken is None:  # afterwards nothing is made on them any more
                await rig.prove_links(rig.links_before_green())
            return await self._play(rig, journal)
        finally:
            await asyncio.shield(rig.close())

    def _note_disks(self, journal: Journal) -> None:
        """Say which Postgres has a disk in memory: it was made for its fault, and it syncs faster than any other."""
        hidden = surprising(self.scenario)
        for part, size in disks(self.scenario).items():
            text = (f"{part} has a disk of {size >> 20} MiB in memory, made to be filled: it syncs in no time, so "
                    "compare this run's latencies with no other's")
            journal.note("harness", "note", {"text": text, "level": "info",
                                             **({"surprise": True} if part in hidden else {})})

    async def _prove_links(self, rig: Any, journal: Journal, links: list[str]) -> None:
        await prove_links(links, rig.faults.prove_link, journal)
        self.say(f"{len(links)} links tried with a toxic each")

    async def _play(self, rig: Any, journal: Journal) -> Ended:
        from sim.checks.forming import Forming
        from sim.traffic.aftermath import rest_of
        from sim.traffic.play import Traffic
        from sim.traffic.proving import Proving

        env = LiveEnvironment()
        phases = Phases(env)
        forming = Forming(self.scenario)
        price, watcher, revoked = Price(), Watcher(), Revoked()
        status = Status(scenario=self.scenario.slug, run=self.folder.name, price=price, now_s=journal.now_s)
        for subscriber in (forming.feed, price, watcher, revoked, status):
            journal.subscribe(subscriber)
        desk = Desk(env, journal, status.told)
        desk.on_stop = self._stop_now
        plan, faults = rig.plan, list(self.scenario.every_fault)
        if self.taken is not None:
            plan, faults = rest_of(plan, self.taken.stood.last_s), []  # its faults' instants are over
            for op in self.taken.history.ops:
                for subscriber in (forming.feed, price, watcher, revoked):
                    subscriber(op)
        traffic = Traffic(env, plan, rig.population, rig.minter, rig.clients, journal, phases, self.scenario)
        ctx = Context(env, self.scenario, rig, journal, phases, desk, price, watcher, traffic.ledger,
                      Proving(env, traffic.acts, traffic.ledger, rig.population, rig.minter, seed=self.seed,
                              crowd=crowd_at(self.scenario.traffic.rate)),
                      {"revoked": revoked, "environment": rig.environment()})
        written = Written(self.folder / "faults.jsonl")
        nemesis = Nemesis(env, faults, rig.faults, journal, phases, written, self.seed)
        _give_acts(desk, ctx, nemesis, rig.engine.kind)
        runner = Runner(ctx, attended=self.options.attended, yes=self.options.yes,
                        pause_before=self.options.pause_before, figures=lambda: forming.verdict().figure)
        server = ControlServer(self.folder, desk.handle)
        await server.start()
        self.desk = desk
        journal.note("runbook", "plan", {"steps": plan_of(self.scenario), "tolerate": {
            name: t.max for name, t in self.scenario.tolerate.items()}})
        journal.note("runbook", "state", {"state": "RUNNING", "why": "traffic begins"})
        heartbeat = Heartbeat(self.say, journal, price)
        journal.subscribe(heartbeat)
        try:
            main = env.process(self._main(env, runner, nemesis, traffic) if self.taken is None else
                               take_up(self.taken, ctx, runner, traffic, rig.population, written))
            env.process(keep_written(env, journal))
            env.process(_gauges(env, rig, journal, price, traffic))
            ended: Ended = await env.run_live(main)
        finally:
            self.desk = None
            written.close()
            await server.close()
        return ended

    def _main(self, env: LiveEnvironment, runner: Runner, nemesis: Nemesis,
              traffic: Any) -> Generator[simpy.Event, Any, Ended]:
        traffic.start()
        nemesis.start()
        yield env.timeout(WARM_UP_S)
        ended: Ended = yield env.process(runner.play())
        yield env.process(nemesis.stand_down())
        yield traffic.stop()
        return ended

    def _judge(self, ended: Ended, bug: BaseException | None) -> Result:
        from sim.report.files import write_reports

        history = History.load(self.folder / "history.jsonl")
        verdict, text = write_reports(self.folder, history, self.scenario)
        if isinstance(bug, RehearsalError):
            raise bug
        if bug is not None:
            raise RehearsalError("a bug in the rehearsal itself", seen=repr(bug)[:300],
                                 todo=f"its traceback is in {self.folder}/logs/bug.log") from bug
        failed = ended.how == "failed"
        return Result(self.folder, verdict, exit_code(verdict, tool_failed=failed), text)


def plan_of(scenario: Scenario) -> list[dict[str, Any]]:
    """The runbook as data: what `--dry`, the screen and runbook.md say of each step."""
    told = []
    for step in scenario.runbook:
        entry = entry_of(step, scenario)
        told.append({"name": step.name, "kind": step.kind, "does": entry.does, "needs": entry.needs,
                     "measured": entry.measured,
                     "undo": entry.undo_words, "abort_costs": entry.abort_costs, "deadline_s": step.deadline,
                     "gate": step.gate is not None, "least_s": step.least_s})
    return told


def _give_acts(desk: Desk, ctx: Context, nemesis: Nemesis, engine: str) -> None:
    """Let the desk's commands reach the nemesis and the edge's buffer."""
    edges = ctx.scenario.stack.edge.instances
    orders = Orders(ctx.env, nemesis, links=with_pairs(known_links(edges=edges)), parts=known_parts(edges=edges),
                    engine=engine)
    by_hand = HandBuffer(ctx)
    announced = {fault.name for fault in ctx.scenario.faults}
    desk.said.surprises = lambda: [name for name in nemesis.names if name not in announced]
    desk.acts |= {"inject": orders.inject, "heal": orders.heal, "faults": orders.faults, "buffer": by_hand.command}

    def clear() -> Generator[simpy.Event, Any, None]:
        """The way back must meet neither a fault nor a gate that somebody has shut."""
        yield from nemesis.stand_down()
        if by_hand.is_on:
            yield ctx.env.call(by_hand.release())

    ctx.facts["heal_all"] = clear

    def panic() -> None:
        ctx.env.process(nemesis.stand_down())
        ctx.env.call(by_hand.release())

    desk.on_panic = panic


def keep_written(env: LiveEnvironment, journal: Journal) -> Generator[simpy.Event, Any, None]:
    """Put what was written last into the file, though nothing follows it: a kill must not cost a second of ops."""
    while True:
        yield env.timeout(FLUSH_S)
        journal.flush()


def _gauges(env: LiveEnvironment, rig: Any, journal: Journal, price: Price,
            traffic: Any) -> Generator[simpy.Event, Any, None]:
    while True:
        began_s = env.now
        outcome = yield env.call(rig.operations.gauges())
        value = outcome.value if outcome.kind == "ok" else {"error": str(outcome.error)[:200]}
        journal.note("harness", "gauge", {**value, "cut": price.cut(), "way_back": price.way_back(),
                                          "late_p99_s": traffic.lateness.get_value_at_percentile(99) / 1e6,
                                          "late": traffic.late, "sent": traffic.sent, "unsent": traffic.unsent})
        yield env.timeout(max(0.05, GAUGE_S - (env.now - began_s)))
