"""Planted bugs: each really changes its part, all are off by default, and only the bench can plant one."""

from __future__ import annotations

import asyncio
import re
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from builders import Tale
from multidict import CIMultiDict
from planting import PLANT

from sim.checks.judge import ORDER
from sim.cli.app import call
from sim.errors import BadInput
from sim.paths import PROJECT, data
from sim.refusing import refuse_planted
from sim.rehearsal import Options
from sim.report.text import headline
from sim.rigs.real.operations import RealOperations
from sim.rigs.real.spoiling import SPOILS, spoil
from sim.rigs.real.stack import load_stack
from sim.rigs.real.standing import Standing
from sim.scenario import load_scenario
from sim.services import planted, replayer
from sim.services.admission import Admitted
from sim.services.coalescing import Coalescer, coalescing_key
from sim.services.edge_requests import Edge
from sim.services.gate import Gate, Shed
from sim.services.grant_cleanup import Cleanup, Guard, Job
from sim.services.replayer import Replay
from sim.services.replaying import Collected
from sim.services.revocations import Intent, Outcome, encode
from sim.services.rows import _split
from sim.services.settings import Environment
from sim.services.upstream import Lost, Reply

# ---- the switchboard


def test_there_are_fifteen_at_least_and_each_names_a_check_and_a_stage_that_exist() -> None:
    assert len(planted.BUGS) >= 15
    for bug in planted.BUGS.values():
        assert bug.expects in ORDER
        load_scenario(data("scenarios", "bench", f"{bug.stage}.yaml"))


def test_each_bug_has_its_line_where_it_bites() -> None:
    sources = [p.read_text() for p in (PROJECT / "sim").rglob("*.py") if p.name not in ("planted.py", "spoiling.py")]
    asked = {name for text in sources for line in text.splitlines() if "planted." in line or "spoil(" in line
             for name in re.findall(r'"([a-z-]+)"', line)}
    assert set(planted.BUGS) <= asked
    assert set(SPOILS) <= set(planted.BUGS)


def test_all_are_off_by_default(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(planted.VARIABLE, raising=False)
    assert not any(planted.on(name) or planted.every(name, 1) for name in planted.BUGS)
    assert planted.environment() == {}


def test_one_alone_is_on(plant: PLANT) -> None:
    plant("flip-flag")
    assert [name for name in planted.BUGS if planted.on(name)] == ["flip-flag"]
    assert planted.environment() == {planted.VARIABLE: "flip-flag"}
    with pytest.raises(KeyError):
        planted.on("never-listed")


def test_a_bug_in_the_environment_is_refused_by_every_rehearsal(plant: PLANT, tmp_path: Path,
                                                                capsys: pytest.CaptureFixture[str]) -> None:
    plant("flip-flag")
    for more in (["--dry"], ["--no-tui"], ["--tui"]):
        assert call(["run", "10", *more, "--run-dir", str(tmp_path / "run")]) == 254
        assert "a bug is planted in this environment" in capsys.readouterr().err
    assert not (tmp_path / "run").exists(), "nothing was begun"
    assert call(["bench", "recall", "--bug", "flip-flag"]) == 254, "not even the bench takes it from outside"
    refuse_planted("flip-flag")  # as the bench's own child says it
    with pytest.raises(BadInput, match="a bug is planted"):
        refuse_planted("lose-rows")
    plant("no-such-bug")
    with pytest.raises(BadInput, match="no bug `no-such-bug`"):
        refuse_planted("no-such-bug")


def test_neither_a_scenario_nor_a_flag_reaches_it(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    override = tmp_path / "ours.yaml"
    override.write_text(f"services:\n  edge:\n    environment: {{{planted.VARIABLE}: stray-route}}\n")
    with pytest.raises(BadInput, match="plants a bug"):
        load_stack(override=override)
    assert planted.VARIABLE not in data("compose", "stack.yaml").read_text()
    assert "planted" not in data("scenarios", ".schema.json").read_text().lower()
    call(["run", "--help"])
    assert "plant" not in capsys.readouterr().out
    assert Options().planted == ""


def test_the_verdict_of_a_run_with_a_bug_says_so_loudly() -> None:
    tale = Tale()
    tale.note("harness", "planted", bug="flip-flag")
    verdict = tale.ended().verdict()
    assert verdict.planted == "flip-flag"
    assert headline(verdict, load_scenario("10")).endswith("with a PLANTED BUG (flip-flag)")
    assert Tale().ended().verdict().planted == ""


# ---- coalescing


def form(token: str) -> dict[str, str]:
    return {"grant_type": "refresh_token", "refresh_token": token}


def test_coalesce_across_clients(plant: PLANT) -> None:
    assert coalescing_key("Basic x", form("t"), 1) != coalescing_key("Basic y", form("u"), 1)
    plant("coalesce-across-clients")
    assert coalescing_key("Basic x", form("t"), 1) == coalescing_key("Basic y", form("u"), 1)
    assert coalescing_key("Basic x", form("t"), 1) != coalescing_key("Basic x", form("t"), 2), "the epoch counts"


@pytest.mark.parametrize(("bug", "exchanges"), [("", 2), ("keep-failure", 1)])
async def test_keep_failure(plant: PLANT, bug: str, exchanges: int) -> None:
    plant(bug)
    coalescer, asked = Coalescer(keep_s=10.0), 0

    async def exchange() -> Reply:
        nonlocal asked
        asked += 1
        raise Lost("gone", late=False)

    for _ in range(2):
        with pytest.raises(Lost):
            await coalescer.refresh(None, form("t"), 1, exchange)
    assert asked == exchanges


# ---- buffering and routing


@pytest.mark.parametrize(("bug", "passed"), [("", 6), ("forget-waiter", 4)])
async def test_forget_waiter(plant: PLANT, bug: str, passed: int) -> None:
    plant(bug)
    gate = Gate(wait_s=0.05, waiting_max=10)
    gate.shut()
    waiting = [asyncio.create_task(gate.wait(1)) for _ in range(6)]
    await asyncio.sleep(0)
    gate.open()
    done = await asyncio.gather(*waiting, return_exceptions=True)
    assert sum(isinstance(one, float) for one in done) == passed
    assert all(one.reason == "buffer_time" for one in done if isinstance(one, Shed))


@pytest.mark.parametrize(("bug", "strays"), [("", 0), ("stray-route", 2)])
async def test_stray_route(plant: PLANT, bug: str, strays: int) -> None:
    plant(bug)
    edge = an_edge()
    assert [edge._next_side() for _ in range(100)].count("green") == 0, "before the cutover nothing strays"
    edge.switch("green")
    assert [edge._next_side() for _ in range(100)].count("blue") == strays
    await edge.close()


@pytest.mark.parametrize(("bug", "waits"), [("", []), ("slow-green", [1.0])])
async def test_slow_green(plant: PLANT, monkeypatch: pytest.MonkeyPatch, bug: str, waits: list[float]) -> None:
    plant(bug)
    edge, slept = an_edge(), []
    edge.switch("green")

    async def ask(*_: Any) -> Reply:
        return Reply(200, CIMultiDict(), b"")

    async def sleep(seconds: float) -> None:
        slept.append(seconds)

    edge.public["green"].ask = ask  # type: ignore[method-assign]
    request: Any = SimpleNamespace(headers=CIMultiDict(), method="GET", transport=None)
    with monkeypatch.context() as patched:
        patched.setattr("sim.services.edge_requests.asyncio.sleep", sleep)
        for _ in range(10):
            answer = await edge._answer("public", request, Admitted("/health/ready", ""), b"", None, 0.0)
            assert answer.status == 200
    assert slept == waits
    await edge.close()


def an_edge() -> Edge:
    values = {f"EDGE_{side}_{what}": "http://127.0.0.1:9" for side in ("BLUE", "GREEN") for what in ("PUBLIC", "ADMIN")}
    values |= {"EDGE_BLUE_DSN": "postgres://x", "EDGE_GREEN_DSN": "postgres://x", "EDGE_QUEUE": "nats://127.0.0.1:9"}
    return Edge(Environment(values))


# ---- replay


class FakeRows:
    """A side whose every grant lives until it is taken."""

    def __init__(self) -> None:
        self.taken: list[str] = []

    async def revoke(self, taken: Any) -> dict[str, list[str]]:
        names = [name for _, some in taken for name in some]
        self.taken += names
        return {"hydra_oauth2_refresh": names}

    async def alive(self, taken: Any, *, codes: bool = False) -> set[str]:
        return set()


@pytest.mark.parametrize(("bug", "applied"), [
    ("", [0, 1, 2, 3, 4, 5, 6, 7]), ("drop-page", [0, 1, 4, 5]), ("newest-first", [6, 7])])
async def test_drop_page_and_newest_first(plant: PLANT, monkeypatch: pytest.MonkeyPatch, bug: str,
                                          applied: list[int]) -> None:
    plant(bug)
    monkeypatch.setattr(replayer, "SECOND_LOOK_S", 0.0)
    collected, green = Collected(), FakeRows()
    for n in range(8):
        intent = Intent(f"i{n}", "refresh", [f"r{n}"], "c", "ann", at=float(n), owner="c")
        collected.take("revocation.intent.forward", encode(intent))
        collected.take("revocation.outcome.forward", encode(Outcome(f"i{n}", "confirmed")))
    replay = Replay(collected, green, FakeRows())  # type: ignore[arg-type]
    assert await replay.run(workers=4) == []
    assert sorted(green.taken) == [f"r{n}" for n in applied]
    assert len(replay.applied) == len(applied), "its own account shows the loss: captured 8"


def test_keep_consent(plant: PLANT) -> None:
    taken = [(Intent("i", "consent", ["r"], "c", "ann", 1.0), ["r"])]
    assert _split(taken) == (["r"], ["r"])
    plant("keep-consent")
    assert _split(taken) == (["r"], [])


# ---- authz' job, and what is done in SQL


@pytest.mark.parametrize(("bug", "guarded"), [("", True), ("cleanup-unguarded", False)])
async def test_cleanup_unguarded(plant: PLANT, bug: str, guarded: bool) -> None:
    plant(bug)
    ran: list[Job] = []

    async def once(job: Job) -> None:
        ran.append(job)

    nobody: Any = None
    cleanup = Cleanup(nobody, nobody, nobody)
    cleanup.once = once  # type: ignore[method-assign]
    cleanup.start(Job(every_s=1.0, subjects=1, guard=Guard(0.02)))
    await asyncio.sleep(0)
    cleanup.stop()
    assert [job.guard is not None for job in ran] == [guarded]


@pytest.mark.parametrize("bug", ["", *SPOILS])
async def test_sql_is_run_for_its_own_bug_alone(plant: PLANT, bug: str) -> None:
    plant(bug)
    ran: list[str] = []

    async def execute(sql: str) -> None:
        ran.append(sql)

    await spoil(SimpleNamespace(execute=execute), *SPOILS)
    assert ran == ([SPOILS[bug]] if bug else [])


@pytest.mark.parametrize(("bug", "asked"), [("", ["login-consent", "authz"]), ("forget-login", ["authz"])])
async def test_forget_login(plant: PLANT, bug: str, asked: list[str]) -> None:
    plant(bug)
    told: list[str] = []

    def control(name: str) -> Any:
        async def ask(*_: Any) -> dict[str, Any]:
            told.append(name)
            return {"side": "green"}

        return SimpleNamespace(ask=ask)

    operations = object.__new__(RealOperations)
    operations._controls = {name: control(name) for name in ("login-consent", "authz")}
    operations.standing = Standing()
    for what in ("login_consent", "authz"):
        assert await operations.switch(what, "green") == {"side": "green"}  # type: ignore[arg-type]
    assert told == asked
