"""Faults in whole rehearsals: what a guard does, what a dead edge costs, what a dead harness leaves."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from sim.checks.verdict import from_json
from sim.faults.written import unhealed
from sim.history.history import History
from sim.history.op import Op
from sim.rigs.real.leftovers import find, remove

pytestmark = [pytest.mark.real, pytest.mark.timeout(320)]

SMALL = ["--set", "population.grants=2000", "--set", "traffic.rate=140/s", "--set", "runbook.baseline.for=5s",
         "--set", "tokens.access=5s", "--set", "runbook.lifetime.dwell=5s", "--set", "runbook.soak.for=10s",
         "--set", "runbook.verify.sample=100"]


def begin(folder: Path, run: Path, more: str) -> subprocess.Popen[bytes]:
    """A rehearsal of a scenario that is 10 and `more`, in a process of its own."""
    mine = folder / "mine.yaml"
    mine.write_text(f"format: 1\nextends: 10\n{more}")
    command = [sys.executable, "-m", "sim.cli.app", "run", str(mine), "--engine", "process", "--no-tui",
               "--run-dir", str(run), *SMALL]
    return subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                            start_new_session=True)


def ended(child: subprocess.Popen[bytes], within_s: float) -> int:
    """Its exit code; one that takes longer is told to clean up and fails the test."""
    try:
        return child.wait(within_s)
    except subprocess.TimeoutExpired:
        child.terminate()
        child.wait(60)
        raise


def reach(run: Path, words: str, times: int = 1, within_s: float = 120) -> None:
    """Wait until the history says something so often."""
    until = time.monotonic() + within_s
    while time.monotonic() < until:
        history = run / "history.jsonl"
        if history.exists() and history.read_text().count(words) >= times:
            return
        time.sleep(0.1)
    pytest.fail(f"the run never came to {words!r}")


def instant(ops: list[Op], f: str, kind: str, **having: str) -> int:
    """The index of the first such op."""
    return next(op.i for op in ops if op.f == f and op.type == kind
                and all((op.value or {}).get(key) == value for key, value in having.items()))


def test_a_guard_heals_undoes_and_proves_blue_well(tmp_path: Path) -> None:
    run = tmp_path / "guarded"
    code = ended(begin(tmp_path, run, (
        "faults: [{name: cut, fault: down, link: 'edge->blue-hydra:admin', at: copy, for: 5m}]\n"
        "guards: [{when: availability.failed_share > 1%, for: 1s, then: rollback}]\n"
        "tolerate: {availability.failed: {max: 60%, because: the fault}, "
        "availability.longest_gap: {max: 60s, because: the fault}}\n")), 150)
    verdict = from_json((run / "verdict.json").read_bytes())
    assert verdict.ended == "rolled_back" and code in (2, 3)  # 2 if a check had too little evidence so early
    assert verdict.check("rollback").verdict == "held" == verdict.check("fault_proof").verdict
    ops = History.load(run / "history.jsonl").ops
    order = [instant(ops, "fault", "ok"), instant(ops, "guard", "info"), instant(ops, "heal", "ok"),
             instant(ops, "undo", "invoke"), instant(ops, "proof_well", "ok")]
    assert order == sorted(order)


def went_through(run: Path) -> None:
    """To its end, no revocation lost, each fault proven."""
    verdict = from_json((run / "verdict.json").read_bytes())
    assert verdict.ended == "completed", verdict.check("rollback")
    for name in ("revocation", "replay_queue", "fault_proof"):
        assert verdict.check(name).verdict == "held", verdict.check(name)


def test_an_edge_that_dies_twice_loses_no_revocation(tmp_path: Path) -> None:
    run = tmp_path / "edge"
    ended(begin(tmp_path, run, (
        "faults:\n"
        "  - {name: dies, fault: kill, part: edge, at: copy + 300ms, for: 500ms}\n"
        "  - {name: again, fault: restart, part: edge, at: soak + 2s}\n"
        "expect: open\n")), 240)
    ops = History.load(run / "history.jsonl").ops
    healed = {op.value["name"]: op.value for op in ops if op.f == "heal" and op.type == "ok" and op.value}
    assert healed["dies"]["restored"] == {"route": "blue", "share": 1.0, "capture": "forward", "buffering": False,
                                          "writes_allowed": True}
    assert healed["again"]["restored"] == {"route": "green", "share": 1.0, "capture": "back", "buffering": False,
                                          "writes_allowed": True}
    went_through(run)


def test_an_edge_that_dies_at_each_point_loses_no_revocation(tmp_path: Path) -> None:
    run = tmp_path / "points"
    ended(begin(tmp_path, run, (
        "faults:\n"
        "  - {name: before-hydra, fault: kill, part: edge, after: intent, at: copy, for: 500ms}\n"
        "  - {name: after-hydra, fault: kill, part: edge, after: forward, at: migrate, for: 500ms}\n"
        "  - {name: on-green, fault: kill, part: edge, after: forward, at: soak + 1s, for: 500ms}\n"
        "expect: open\n")), 280)
    ops = History.load(run / "history.jsonl").ops
    went_through(run)
    proofs = {op.value["name"]: op.value["seen"] for op in ops if op.f == "fault" and op.type == "ok" and op.value}
    for name, held in (("before-hydra", "lives on blue"), ("after-hydra", "is dead on blue"),
                       ("on-green", "is dead on green")):
        assert "process gone" in proofs[name] and f"no outcome, its grant {held}" in proofs[name]
    replay = next(op.value["figures"] for op in ops if op.f == "step" and op.type == "ok" and op.value
                  and op.value["step"] == "replay")
    assert replay["late"] >= 2, "an intent without outcome for each death before the replay"
    assert replay["captured"] == replay["replayed"] + replay["void"] + replay["skipped"]
    assert replay["still_alive"] == []


def test_a_replayer_that_dies_leads_back_to_blue(tmp_path: Path) -> None:
    run = tmp_path / "replayer"
    code = ended(begin(tmp_path, run, (
        "faults: [{name: dies, fault: kill, part: replayer, message: 5, at: replay}]\nexpect: open\n")), 240)
    verdict = from_json((run / "verdict.json").read_bytes())
    assert verdict.ended == "rolled_back" and code in (2, 3), verdict
    for name in ("rollback", "fault_proof"):
        assert verdict.check(name).verdict == "held", verdict.check(name)
    assert verdict.check("revocation").verdict != "broken", verdict.check("revocation")
    ops = History.load(run / "history.jsonl").ops
    died = next(op for op in ops if op.f == "fault" and op.type == "ok")
    assert died.value is not None and died.value["seen"] == "1 of its jobs ended by SIGKILL after message 5"
    assert instant(ops, "step", "fail", step="replay") > 0


def test_what_a_killed_harness_left_on_is_healed_from_its_list(tmp_path: Path) -> None:
    run = tmp_path / "left"
    child = begin(tmp_path, run, (
        "faults:\n"
        "  - {name: frozen, fault: pause, part: blue-postgres, at: baseline + 2s, for: 5m}\n"
        "  - {name: cut, fault: down, link: edge->queue, at: baseline + 2s, for: 5m}\n"))
    reach(run, '"f":"made"', times=2)
    os.kill(child.pid, signal.SIGKILL)
    child.wait(10)
    assert {one["name"] for one in unhealed(run / "faults.jsonl")} == {"frozen", "cut"}
    removed = remove(run=run.name)
    assert {one.name.partition(":")[0] for one in removed if one.kind == "fault"} == {"frozen", "cut"}
    assert find(run=run.name) == [] == unhealed(run / "faults.jsonl")
