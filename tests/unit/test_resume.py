"""A killed run is taken up: its history goes on, what had begun is undone, and nobody else's stack is touched."""

from __future__ import annotations

import asyncio
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scripted_rig import ScriptedOperations, ScriptedRig
from scripted_runs import NoChains, NoProofs, play, traffic

from sim.clock import LiveEnvironment
from sim.faults.written import Written, unhealed
from sim.history.history import History
from sim.history.journal import Journal
from sim.history.op import Header, Op
from sim.phases import Phases
from sim.rigs.real.lifetime import Lifetime
from sim.runbook.context import Context
from sim.runbook.desk import Desk
from sim.runbook.price import Price
from sim.runbook.revoked import Revoked
from sim.runbook.runner import Ended, Runner
from sim.runbook.steady import Watcher
from sim.runbook.stood import Stood, stood
from sim.scenario import Scenario, load_scenario
from sim.taking_up import Taken, go_on, take_up
from sim.traffic.aftermath import remember, rest_of
from sim.traffic.intents import Asks, Lookup
from sim.traffic.ledger import Ledger
from sim.traffic.plan import Plan
from sim.traffic.population import Population

HEADER = Header(origin_utc="2026-01-01T00:00:00.000Z", scenario="t", seed=1, engine="process")


# ---- the history goes on


@settings(deadline=None, max_examples=60)
@given(done=st.lists(st.booleans(), max_size=12), cut=st.integers(0, 400))
def test_a_history_cut_anywhere_goes_on_whole(tmp_path_factory: pytest.TempPathFactory, done: list[bool],
                                              cut: int) -> None:
    path = tmp_path_factory.mktemp("run") / "history.jsonl"
    journal = Journal(path, scenario="t", seed=1, engine="process")
    header_bytes = path.stat().st_size
    for answered in done:
        i = journal.invoke("web-1", "refresh", grant="g")
        if answered:
            journal.complete(i, "ok", route="blue")
    journal.flush()  # and here it is killed: nothing is closed
    raw = path.read_bytes()
    path.write_bytes(raw[:max(header_bytes, len(raw) - cut)])
    before = History.load(path)
    again = Journal.reopen(path, before)
    again.note("harness", "note", {"text": "on it goes"})
    again.close()
    whole = History.load(path)
    assert not whole.torn and whole.ops[:len(before.ops)] == before.ops
    assert [op.i for op in whole.ops] == list(range(len(whole.ops))), "numbered without gaps"
    assert [op.t_s for op in whole.ops] == sorted(op.t_s for op in whole.ops), "time never goes back"
    for one in whole.calls():
        assert one.done is not None
        if one.done not in before.ops:
            assert one.done.type == "info" and one.done.error == "given up: the harness was killed"


def test_its_clock_counts_from_the_first_line(tmp_path: Path) -> None:
    path = tmp_path / "history.jsonl"
    Journal(path, scenario="t", seed=1, engine="process").close()
    header = json.loads(path.read_text())
    early = datetime.now(UTC) - timedelta(hours=1)
    path.write_text(json.dumps({**header, "origin_utc": early.isoformat().replace("+00:00", "Z")}) + "\n")
    journal = Journal.reopen(path, History.load(path))
    assert 3599 < journal.now_s() < 3700
    journal.close()


# ---- where it stood, and the way back from everywhere


def whole_run(folder: Path) -> tuple[Scenario, list[Op]]:
    """The ops of a runbook walked to its end by scripted acts."""
    folder.mkdir()
    ended, history = asyncio.run(play(
        folder, ScriptedOperations(), drop=(), sets=["runbook.lifetime.dwell=50ms", "tokens.access=50ms"]))
    assert ended.how == "completed", ended
    scenario = load_scenario("10", sets=["runbook.baseline.for=50ms", "runbook.soak.for=50ms",
                                         "runbook.lifetime.dwell=50ms", "tokens.access=50ms"])
    return scenario, [op for op in history.ops if op.process != "rs-1"]


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> tuple[Scenario, list[Op]]:
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr("sim.runbook.runner.WELL_WATCH_S", 0.05)
        return whole_run(tmp_path_factory.mktemp("whole") / "run")


def cuts(ops: list[Op]) -> list[int]:
    """After each op of the runbook: before, inside and after every step."""
    return [n for n in range(len(ops) + 1) if n == 0 or ops[n - 1].process in ("runbook", "verify")]


async def taken_up(folder: Path, scenario: Scenario, stands: Stood, **facts: Any) -> tuple[Ended, list[str]]:
    operations = ScriptedOperations()
    journal = Journal(folder / "history.jsonl", scenario="t", seed=1, engine="process")
    env = LiveEnvironment()
    phases, price, watcher, revoked = Phases(env), Price(), Watcher(), Revoked()
    for subscriber in (price, watcher, revoked):
        journal.subscribe(subscriber)
    ctx = Context(env, scenario, ScriptedRig(operations), journal, phases, Desk(env, journal, dict), price, watcher,
                  NoChains(), NoProofs(), {"revoked": revoked, **facts})
    runner = Runner(ctx, attended=False, yes=True, pause_before=None, figures=lambda: lambda name: None)
    process = env.process(runner.take_up(stands))
    traffic(env, journal, phases, process, (0.0, 0.0))
    ended: Ended = await env.run_live(process)
    journal.close()
    return ended, operations.done


def test_from_each_instant_of_a_run_there_is_a_way_on(run: tuple[Scenario, list[Op]], tmp_path: Path,
                                                      monkeypatch: pytest.MonkeyPatch) -> None:
    """Killed at every boundary and inside every step: what had begun is undone, newest first, and blue is proven."""
    monkeypatch.setattr("sim.runbook.runner.WELL_WATCH_S", 0.05)
    scenario, ops = run
    seen: set[str] = set()
    outcomes: dict[tuple[Any, ...], tuple[Ended, list[str]]] = {}
    for n, cut in enumerate(cuts(ops)):
        before = ops[:cut]
        begun = {str(op.value["step"]) for op in before if op.f == "step" and op.value}
        switched = any(op.f == "switch" and (op.value or {}).get("what") == "edge" for op in before)
        stands = stood(History(HEADER, before), scenario)
        assert {step.name for step in stands.done} == begun and stands.ended == ""
        assert stands.route == ("green" if switched else "blue") and stands.closing is ("close" in begun)
        seen.add(stands.under_way)
        key = (tuple(sorted(begun)), switched, stands.capture, stands.under_way)
        if key not in outcomes:
            folder = tmp_path / str(n)
            folder.mkdir()
            outcomes[key] = asyncio.run(taken_up(folder, scenario, stands))
        ended, acts = outcomes[key]
        if "close" in begun:
            assert ended.how == "completed" and acts[-1] == "stop blue" and "lifetime back" in acts
            continue
        assert ended.how == "rolled_back" and "killed" in ended.why and acts[-1] == "prove blue"
        assert ("drop copy" in acts) is ("copy" in begun)
        assert ("lifetime back" in acts) is ("lifetime" in begun)
        assert ("capture off forward" in acts) is ("capture" in begun)
        assert ("unfence blue" in acts) is ("cutover" in begun)
        assert ("replay back" in acts) is ("cutover" in begun), "green's revocations come to blue before it serves"
        if "cutover" in begun:
            order = [acts.index(act) for act in ("buffer", "unfence blue", "edge to blue", "release", "drop copy")]
            assert order == sorted(order)
        if switched:
            assert acts.index("unfence blue") < acts.index("replay back") < acts.index("edge to blue")
    assert seen >= {"", "baseline", "lifetime", "capture", "copy", "cleanup", "migrate", "repair", "cutover", "replay",
                    "soak", "verify", "close"}


async def in_place(folder: Path, name: str, begun: list[str], *, ended: bool = False) -> tuple[Ended, list[str]]:
    """A run of scenario `name`, killed in the last of these steps, or (`ended`) after it; taken up."""
    scenario = load_scenario(name, sets=["runbook.baseline.for=50ms"])
    steps = [step.model_copy(update={"for_": 0.05}) if step.kind == "soak" else step for step in scenario.runbook]
    scenario = scenario.model_copy(update={"runbook": steps})
    ops: list[Op] = []
    for n, step in enumerate(begun):
        ops.append(Op(len(ops), "invoke", "runbook", "step", 0.0, None, None, None, None, None, {"step": step}))
        if ended or n < len(begun) - 1:
            ops.append(Op(len(ops), "ok", "runbook", "step", 0.0, len(ops) - 1, None, None, None, None,
                          {"step": step}))
    return await taken_up(folder, scenario, stood(History(HEADER, ops), scenario))


@pytest.mark.parametrize(("begun", "undone"), [
    (["baseline"], []), (["baseline", "cleanup"], ["start blue"])])
async def test_in_place_a_run_killed_before_the_migration_goes_back(begun: list[str], undone: list[str],
                                                                    tmp_path: Path) -> None:
    ended, acts = await in_place(tmp_path, "30", begun)
    assert ended.how == "rolled_back" and acts == [*undone, "prove blue"]


ON = {"migrate": ["migrate", "measure migrations"], "repair": ["start green", "repair"],
      "cutover": ["start green", "make way for green", "buffer", "drain blue", "login_consent to green",
                  "authz to green", "edge to green", "release"], "soak": [], "verify": ["measure revoked_rows"]}


@pytest.mark.parametrize("killed_in", [*ON, ""])
async def test_in_place_a_run_killed_in_the_migration_or_after_it_goes_on(killed_in: str, tmp_path: Path) -> None:
    """What was under way is done again, what had ended is not; nothing is switched back."""
    names = ["baseline", "cleanup", *ON]
    begun = names[:names.index(killed_in) + 1] if killed_in else names
    ended, acts = await in_place(tmp_path, "30", begun, ended=not killed_in)
    assert ended == Ended("completed")
    again = [name for name in ON if killed_in and name not in begun[:-1]]
    wanted = [act for name in again for act in ON[name]]
    assert [act for act in acts if act in wanted] == wanted
    assert not {"start blue", "edge to blue", "prove blue", "drop copy"} & set(acts)
    assert ("migrate" in acts) is ("migrate" in again) and ("repair" in acts) is ("repair" in again)


@pytest.mark.parametrize("killed_in", ["migrate", "old-fleet", "cutover", "soak"])
async def test_in_place_with_explicit_columns_there_is_a_way_back_from_everywhere(killed_in: str, tmp_path: Path,
                                                                                  ) -> None:
    names = ["baseline", "migrate", "old-fleet", "cutover", "soak"]
    ended, acts = await in_place(tmp_path, "21", names[:names.index(killed_in) + 1])
    assert ended.how == "rolled_back" and acts[-1] == "prove blue"
    assert ("edge to blue" in acts) is (killed_in in ("cutover", "soak")) and "migrate" not in acts


async def test_a_migration_that_fails_again_is_told_as_the_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ScriptedOperations, "migrate", ScriptedOperations({"migrate"}).migrate)
    ended, acts = await in_place(tmp_path, "30", ["baseline", "cleanup", "migrate"])
    assert ended.how == "failed" and "no way back" in ended.why and "prove blue" not in acts


def test_a_way_back_cut_off_begins_again_with_what_is_left(run: tuple[Scenario, list[Op]]) -> None:
    scenario, ops = run
    last = next(op for op in ops if op.f == "step" and (op.value or {}).get("step") == "soak")
    before = ops[:last.i] if ops[last.i:] and ops[last.i].i == last.i else ops[:ops.index(last)]
    undone = Op(99_999, "ok", "runbook", "undo", last.t_s, 99_998, None, None, None, None, {"step": "cutover"})
    back = Op(99_997, "info", "runbook", "switch", last.t_s, None, None, None, None, None,
              {"what": "edge", "to": "blue"})
    stands = stood(History(HEADER, [*before, back, undone]), scenario)
    assert "cutover" not in {step.name for step in stands.done} and "copy" in {step.name for step in stands.done}
    assert (stands.route, stands.capture, stands.facts["crossed"]) == ("blue", "forward", False)


# ---- traffic begins anew


def test_traffic_leaves_alone_what_was_used_and_knows_what_was_revoked() -> None:
    population = Population.draw(3, 200, {"web": 2, "cli": 1, "mcp": 1, "service": 1})
    ledger = Ledger(population, SimpleNamespace(refresh=lambda grant, gen: f"{grant.name}.{gen}"))  # type: ignore[arg-type]
    live = [g for g in population.grants if g.state == "live" and g.generations > 0][:4]
    names = [g.name for g in live]

    def done(f: str, grant: str, type: Any = "ok", **value: Any) -> Op:
        return Op(0, type, "web-1", f, 0.0, 0, None, grant, None, "blue", value)

    told = remember(ledger, population, [
        done("refresh", names[0]), done("introspect", names[3]),
        done("revoke", names[1], kind="refresh", grants=[names[1]]),
        done("revoke", "n-visitor-1", kind="consent", grants=["n-visitor-1"]),
        done("revoke", names[2], type="info", kind="refresh", grants=[names[2]])])
    assert told == {"revoked": 1, "touched": 4, "unknown": 1, "consents_unknown": 1}
    asked = Op(7, "invoke", "web-1", "revoke", 0.0, None, None, "n-visitor-2", None, None, {"kind": "consent"})
    told = remember(ledger, population, [asked, msgspec.structs.replace(asked, i=9),
                                         msgspec.structs.replace(asked, i=10, of=9, type="ok")])
    assert told["consents_unknown"] == 2, "one of a grant that nobody knows, one that nobody answered"
    assert [ledger.chains[n].state for n in names[:3]] == ["uncertain", "revoked", "uncertain"]
    assert names[3] not in ledger.chains, "an introspection uses nothing up"
    assert ledger.chains[names[1]].refresh, "its seeded tokens are known: they are tried"


def test_the_rest_of_a_plan_begins_at_once() -> None:
    plan = Plan("t", 1, 100.0, [1], [Asks(1.0, "rs-1", [0], [7]), Lookup(5.0, "authz-1", "authz"),
                                     Lookup(9.0, "authz-1", "authz")], [])
    rest = rest_of(plan, 5.0)
    assert [item.due_s for item in rest.items] == [0.0, 4.0] and rest.cohorts == [] and rest.good == [1]


def test_the_lifetimes_as_they_were_outlive_the_harness(tmp_path: Path) -> None:
    clients = [{"client_id": "shop", "client_credentials_grant_access_token_lifespan": None}]

    class Api:
        async def clients(self) -> Any:
            for client in clients:
                yield client

    def lifetime() -> Lifetime:
        engine: Any = SimpleNamespace(run_dir=tmp_path)
        nobody: Any = None
        return Lifetime(engine, nobody, nobody, 20.0)

    api: Any = Api()
    raised = asyncio.run(lifetime()._raised(api, 120.0))
    assert raised["shop"]["client_credentials_grant_access_token_lifespan"] == "120000ms"
    assert lifetime()._as_before() == {"shop": {"client_credentials_grant_access_token_lifespan": None}}
    assert (tmp_path / "lifetime.json").stat().st_mode & 0o77 == 0


# ---- all of it, but for the stack


async def test_what_is_taken_up_is_healed_on_paper_rolled_back_tried_and_told(
        run: tuple[Scenario, list[Op]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sim.runbook.runner.WELL_WATCH_S", 0.05)
    monkeypatch.setattr("sim.taking_up.WARM_UP_S", 0.0)
    scenario, ops = run
    journal = Journal(tmp_path / "history.jsonl", scenario="t", seed=1, engine="process")
    for op in ops[:next(n for n, op in enumerate(ops) if (op.value or {}).get("step") == "migrate")]:
        if op.process == "runbook" and op.f == "step" and op.type == "invoke":
            journal.complete(journal.invoke("runbook", "step", value=op.value), "ok", value=op.value)
    journal.invoke("runbook", "step", value={"step": "migrate"})
    journal.flush()
    with (tmp_path / "history.jsonl").open("a") as file:
        file.write('{"i": 7, "ty')  # torn by the kill
    faults = Written(tmp_path / "faults.jsonl")
    for name, kind in (("slow", "latency"), ("full", "full"), ("over", "down")):
        faults.write(name, "made", {"name": name, "fault": kind, "link": "edge->queue"})
    faults.write("over", "healed")
    before = History.load(tmp_path / "history.jsonl")
    said: list[str] = []
    taken = Taken(before, stood(before, scenario), None)
    again = go_on(tmp_path / "history.jsonl", taken, said.append)
    env, operations, tried = LiveEnvironment(), ScriptedOperations(), []
    watcher, revoked = Watcher(), Revoked()
    again.subscribe(watcher)

    class Proofs:
        async def prove(self, *, revoked: Any, sample: int) -> dict[str, Any]:
            tried.append((list(revoked), sample))
            return {}

    def start() -> None:
        traffic(env, again, Phases(env), SimpleNamespace(triggered=False), (0.0, 0.0))

    def stop() -> Any:
        return env.timeout(0)

    play_on: Any = SimpleNamespace(ledger=None, start=start, stop=stop)
    monkeypatch.setattr("sim.taking_up.remember", lambda *_: {
        "revoked": 3, "touched": 4, "unknown": 1, "consents_unknown": 0})
    ctx = Context(env, scenario, ScriptedRig(operations), again, Phases(env), Desk(env, again, dict), Price(), watcher,
                  NoChains(), Proofs(), {"revoked": revoked})
    runner = Runner(ctx, attended=False, yes=True, pause_before=None, figures=lambda: lambda name: None)
    ended = await env.run_live(env.process(take_up(taken, ctx, runner, play_on, None, faults)))
    again.close()
    faults.close()
    assert ended == Ended("rolled_back", "the harness was killed in migrate")
    assert operations.done == ["stop green", "drop copy", "capture off forward", "lifetime back", "prove blue"]
    assert tried == [([], 0)] and [f["name"] for f in unhealed(tmp_path / "faults.jsonl")] == ["full"]
    whole = History.load(tmp_path / "history.jsonl")
    assert not whole.torn and any("torn by the kill" in line for line in said)
    gap = next(whole.notes("gap")).value
    assert gap is not None and gap["torn"] is True and gap["to_s"] >= gap["from_s"]
    cut_off = [c for c in whole.calls() if c.done is not None and c.done.error == "given up: the harness was killed"]
    assert [(c.begun.value or {}).get("step") for c in cut_off] == ["migrate"]
    assert [op.value for op in whole.ops if op.f == "heal" and op.type == "ok"] == [
        {"name": "slow", "seen": "what it was made on was started anew"}]


@pytest.mark.parametrize("unknown", [0, 2])
async def test_consents_are_compared_by_key_only_if_it_is_known_whose_were_taken_back(unknown: int, tmp_path: Path,
                                                                                     ) -> None:
    scenario = load_scenario("30")
    ops = [Op(n, "ok", "runbook", "step", 0.0, n, None, None, None, None, {"step": step.name})
           for n, step in enumerate(scenario.runbook[:-1])]
    ended, acts = await taken_up(tmp_path, scenario, stood(History(HEADER, ops), scenario),
                                 consents_unknown=unknown)
    assert ended.how == "completed" and ("measure consents" in acts) is (not unknown)
