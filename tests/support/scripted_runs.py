"""A runbook walked with scripted acts and invented traffic: for the runner's own logic."""

from scripted_rig import ScriptedRig

from sim.clock import LiveEnvironment
from sim.faults.nemesis import Nemesis
from sim.faults.written import Written
from sim.history.history import History
from sim.history.journal import Journal
from sim.phases import Phases
from sim.runbook.context import Context
from sim.runbook.desk import Desk
from sim.runbook.price import Price
from sim.runbook.revoked import Revoked
from sim.runbook.runner import Ended, Runner
from sim.runbook.steady import Watcher
from sim.scenario import Guard, load_scenario

QUICK = ["runbook.baseline.for=50ms", "runbook.soak.for=50ms", "runbook.lifetime.dwell=20s"]


class NoChains:
    def signatures(self):
        return {}

    def owners(self, names):
        return []


class NoProofs:
    async def prove(self, *, revoked, sample):
        return {"sampled": sample}


class NotedFaults:
    """Makes nothing, and writes it down among the acts."""

    def __init__(self, done):
        self.done = done

    async def make(self, fault):
        self.done.append(f"fault {fault['name']}")

    async def prove(self, name):
        return {"proven": True, "expected": "", "seen": ""}

    async def heal(self, name):
        return {"seen": ""}


def traffic(env, journal, phases, until, slow_s):
    """Answered operations, so that the baseline and the proof that blue is well have something to see.

    Between the two instants of `slow_s`, counted from the baseline's begin, each one was due 0.5 s before it was sent.
    """
    def life():
        while not until.triggered:
            since_s = env.now - phases.times_s.get("baseline", env.now)
            late_s = 0.5 if slow_s[0] <= since_s < slow_s[1] else 0.0
            for _ in range(5):
                i = journal.invoke("rs-1", "introspect", due_s=journal.now_s() - late_s)
                journal.complete(i, "ok", route="blue", value={"active": True})
            yield env.timeout(0.002)
    env.process(life())


async def play(tmp_path, operations, *, sets=(), act=None, attended=False, yes=False, drop=("lifetime",), guards=(),
               steps=None, figure=lambda name: None, heal_all=None, slow_s=(0.0, 0.0), faults=()):
    scenario = load_scenario("10", sets=[s for s in QUICK if not any(d in s for d in drop)] + list(sets))
    steps = steps or [s for s in scenario.runbook if s.name not in drop]
    scenario = scenario.model_copy(update={"runbook": steps, "guards": [Guard.model_validate(g) for g in guards]})
    journal = Journal(tmp_path / "history.jsonl", scenario="t", seed=1, engine="process")
    env = LiveEnvironment()
    phases = Phases(env)
    price, watcher, revoked = Price(), Watcher(), Revoked()
    for subscriber in (price, watcher, revoked):
        journal.subscribe(subscriber)
    desk = Desk(env, journal, lambda role: {})
    ctx = Context(env, scenario, ScriptedRig(operations), journal, phases, desk, price, watcher, NoChains(),
                  NoProofs(), {"revoked": revoked})
    if heal_all:
        ctx.facts["heal_all"] = lambda: heal_all(env, operations)
    if faults:
        Nemesis(env, list(faults), NotedFaults(operations.done), journal, phases, Written(tmp_path / "faults.jsonl"),
                1).start()
    runner = Runner(ctx, attended=attended, yes=yes, pause_before=None, figures=lambda: figure)
    process = env.process(runner.play())
    traffic(env, journal, phases, process, slow_s)
    if act:
        env.process(act(env, desk))
    ended: Ended = await env.run_live(process)
    journal.close()
    return ended, History.load(tmp_path / "history.jsonl")
