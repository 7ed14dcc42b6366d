"""The harness killed with SIGKILL inside a step: `resume` brings the run back to blue, and no revocation is lost."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from rigs import require

from sim.checks.verdict import from_json
from sim.history.history import History
from sim.rigs.real import leftovers
from sim.rigs.real.engines import Kind

pytestmark = pytest.mark.timeout(300)
SMALL = ["--set", "population.grants=2000", "--set", "runbook.baseline.for=5s", "--set", "tokens.access=5s",
         "--set", "runbook.lifetime.dwell=5s", "--set", "runbook.soak.for=10s"]
TWO_EDGES = ["--set", "stack.edge.instances=2"]
ALL = os.environ.get("REHEARSAL_ALL_SCENARIOS") == "1"
KILLS = [("process", "migrate", []), ("process", "soak", TWO_EDGES), ("docker", "soak", [])]
"""(engine, killed in, more settings), a minute each: before and after the crossing."""
MORE = [("process", "copy", TWO_EDGES), ("process", "cutover", TWO_EDGES), ("process", "replay", []),
        ("process", "soak", []), ("docker", "copy", [])]
"""With `rehearse test --all`."""
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


@pytest.mark.parametrize(("engine", "step", "more"), [
    pytest.param(engine, step, more, marks=pytest.mark.docker if engine == "docker" else pytest.mark.real)
    for engine, step, more in [*KILLS, *(MORE if ALL else [])]])
def test_killed_inside_a_step_it_is_rolled_back(engine: Kind, step: str, more: list[str], tmp_path: Path) -> None:
    require(engine)
    run = tmp_path / f"killed-{step}"
    child = subprocess.Popen([*APP, "run", "10", "--engine", engine, "--no-tui", "--run-dir", str(run), *SMALL,
                              *more], stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True)
    reach(child, run, f'"step":"{step}","kind"'.encode())
    time.sleep(INSIDE_S.get(step, 0.0))
    os.kill(child.pid, signal.SIGKILL)
    child.wait(10)
    killed = History.load(run / "history.jsonl")
    assert step != "soak" or any(op.f == "revoke" and op.type == "ok" and op.route == "green" for op in killed.ops)
    done = subprocess.run([*APP, "resume", str(run)], capture_output=True, text=True, check=False, timeout=240)
    assert done.returncode in (2, 3), done.stderr[-3000:]  # 3 unless a check had too little evidence so early
    verdict = from_json((run / "verdict.json").read_bytes())
    assert verdict.ended == "rolled_back" and f"killed in {step}" in verdict.why
    assert verdict.check("rollback").verdict == "held"
    assert verdict.check("revocation").verdict != "broken", verdict.check("revocation").summary
    whole = History.load(run / "history.jsonl")
    assert whole.ops[:len(killed.ops)] == killed.ops and not whole.torn
    assert [op.i for op in whole.ops] == list(range(len(whole.ops)))
    tried = [op for op in whole.ops if op.process in ("verify-1", "verify-2") and op.type == "ok"]
    assert not [op for op in tried if op.f == "refresh"], "a revoked grant was refreshed on blue"
    assert [one for one in leftovers.find() if one.run == run.name] == []
