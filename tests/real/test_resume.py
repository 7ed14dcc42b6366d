"""The harness killed with SIGKILL inside a step: `resume` brings the run back to blue, and no revocation is lost."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from datetime import datetime
from pathlib import Path

import pytest
from rigs import require

from sim.checks.verdict import Verdict, from_json
from sim.history.history import History
from sim.rigs.real import leftovers
from sim.rigs.real.engines import Kind
from sim.scenario import load_scenario

pytestmark = pytest.mark.timeout(300)
SMALL = ["--set", "population.grants=2000", "--set", "traffic.rate=140/s", "--set", "runbook.baseline.for=5s",
         "--set", "tokens.access=5s", "--set", "runbook.lifetime.dwell=5s", "--set", "runbook.soak.for=10s"]
TWO_EDGES = ["--set", "stack.edge.instances=2", "--set", "stack.edge.answers=shared"]
"""Edges that keep answers each for itself answer a retry of what was revoked at the other one."""
ALL = os.environ.get("REHEARSAL_ALL_SCENARIOS") == "1"
KILLS = [("process", "10", "migrate", []), ("process", "10", "soak", TWO_EDGES), ("docker", "10", "soak", [])]
"""(engine, scenario, killed in, more settings), a minute each: before and after the crossing."""
MORE = [("process", "10", "copy", TWO_EDGES), ("process", "10", "cutover", TWO_EDGES), ("process", "10", "replay", []),
        ("process", "10", "soak", []), ("docker", "10", "copy", []), ("process", "46", "soak-between", []),
        ("process", "46", "soak", [])]
"""With `rehearse test --all`."""
IN_PLACE = [("30", "migrate", "completed"),
            *([("30", "cleanup", "rolled_back"), ("20", "migrate", "completed"), ("21", "migrate", "rolled_back"),
               ("21", "soak", "rolled_back"), ("30", "soak", "completed")] if ALL else [])]
"""(scenario, killed in, how it ends)."""
INSIDE_S = {"soak": 3.0}
"""How long it serves on: in the soak until some revocations were made on green."""
APP = [sys.executable, "-m", "sim.cli.app"]


def reach(child: subprocess.Popen[bytes], run: Path, words: bytes) -> None:
    history = run / "history.jsonl"
    for _ in range(1200):
        if history.exists() and words in history.read_bytes():
            return
        assert child.poll() is None, "the run ended before it could be killed"
        time.sleep(0.1)
    pytest.fail(f"the run never came to {words!r}")


def killed_in(step: str, run: Path, scenario: str, engine: Kind, sets: list[str]) -> History:
    """Play it until it is inside the step, kill the harness there; what it had written."""
    child = subprocess.Popen([*APP, "run", scenario, "--engine", engine, "--no-tui", "--run-dir", str(run), *sets],
                             stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True)
    reach(child, run, f'"step":"{step}","kind"'.encode())
    time.sleep(INSIDE_S.get(step, 0.0))
    os.kill(child.pid, signal.SIGKILL)
    killed_unix = time.time()
    child.wait(10)
    killed = History.load(run / "history.jsonl")
    origin = datetime.fromisoformat(killed.header.origin_utc).timestamp()
    assert killed_unix - origin - killed.ops[-1].t_s <= 1.0, "a kill costs a second of ops at most"
    return killed


def resumed(run: Path, killed: History) -> tuple[int, str, Verdict]:
    """(exit code, what it said at last, verdict) of taking it up; nothing is lost of the history, nothing is left."""
    done = subprocess.run([*APP, "resume", str(run)], capture_output=True, text=True, check=False, timeout=240)
    said = done.stderr[-3000:]
    assert (run / "verdict.json").exists(), said
    whole = History.load(run / "history.jsonl")
    assert whole.ops[:len(killed.ops)] == killed.ops and not whole.torn
    assert [op.i for op in whole.ops] == list(range(len(whole.ops)))
    tried = [op for op in whole.ops if op.process in ("verify-1", "verify-2") and op.type == "ok"]
    assert not [op for op in tried if op.f == "refresh"], "a revoked grant was refreshed"
    assert [one for one in leftovers.find() if one.run == run.name] == []
    return done.returncode, said, from_json((run / "verdict.json").read_bytes())


@pytest.mark.parametrize(("engine", "scenario", "step", "more"), [
    pytest.param(*kill, marks=pytest.mark.docker if kill[0] == "docker" else pytest.mark.real)
    for kill in [*KILLS, *(MORE if ALL else [])]])
def test_killed_inside_a_step_it_is_rolled_back(engine: Kind, scenario: str, step: str, more: list[str],
                                                tmp_path: Path) -> None:
    require(engine)
    run = tmp_path / f"killed-{step}"
    killed = killed_in(step, run, scenario, engine, [*SMALL, *more])
    assert step != "soak" or any(op.f == "revoke" and op.type == "ok" and op.route == "green" for op in killed.ops)
    code, said, verdict = resumed(run, killed)
    assert code in (1, 2, 3), said  # what a loaded machine cost before the kill is judged too
    assert verdict.ended == "rolled_back" and f"killed in {step}" in verdict.why
    assert verdict.check("rollback").verdict == "held"
    for name in ("revocation", "replay_queue", "token_continuity", "fault_proof"):
        assert verdict.check(name).verdict != "broken", verdict.check(name).summary


@pytest.mark.real
@pytest.mark.parametrize(("scenario", "step", "ended"), IN_PLACE)
def test_in_place_it_goes_back_as_long_as_there_is_a_way(scenario: str, step: str, ended: str, tmp_path: Path) -> None:
    """Past it the migration is done to its end, and so is the rest of the runbook."""
    run = tmp_path / f"killed-{scenario}-{step}"
    killed = killed_in(step, run, scenario, "process", ["--set", "population.grants=2000",
                                                        "--set", "runbook.baseline.for=5s"])
    _, said, verdict = resumed(run, killed)
    assert verdict.ended == ended, said
    assert verdict.check("revocation").verdict != "broken", verdict.check("revocation").summary
    if ended == "rolled_back":
        assert verdict.check("rollback").verdict == "held"
    else:
        assert verdict.check("migration").verdict == "held", verdict.check("migration").summary
        assert verdict.check("consent_continuity").verdict != "broken", verdict.check("consent_continuity").summary
        again = History.load(run / "history.jsonl").ops[len(killed.ops):]
        done = [str((op.value or {}).get("step")) for op in again if op.f == "step" and op.type == "ok"]
        runbook = [entry.name for entry in load_scenario(scenario).runbook]
        assert done == runbook[runbook.index(step):]
