"""A whole game day, played by keys alone in two terminals: the facilitator's and an operator's."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest
from tmux import Terminals

from sim.checks.verdict import from_json
from sim.faults.written import unhealed
from sim.history.history import History
from sim.paths import PROJECT
from sim.rigs.real.leftovers import find

pytestmark = [
    pytest.mark.real, pytest.mark.timeout(420),
    pytest.mark.skipif(shutil.which("tmux") is None, reason="tmux is missing: nothing to type into"),
]

START_S = 150.0
"""Assumption: parts and a seeded blue of 2,000 grants are there in two minutes and a half, on a busy machine too."""
STEP_S = 60.0
SCENARIO = """\
format: 1
extends: 10
title: A short game day
asks: Is a slow admin API noticed, and does somebody decide?
population: {grants: 2000}
tokens: {access: 5s}
change:
  baseline: {for: 8s}
  lifetime: {dwell: 12s}
  cutover: {gate: {ask: "Cut over to 2.3.0?", who: lead, timeout: 2m, on_timeout: rollback, unattended: refuse}}
  soak: {for: 8s}
  verify: {sample: 100}
tolerate:                       # people decide slowly, and the machine plays two screens too: not what is asked here
  write_loss.grants: {max: all, because: a gate waits for a person}
  write_loss.service_tokens: {max: all, because: a gate waits for a person}
  session_continuity.lost_chains: {max: 100%, because: a gate waits for a person; 2000 grants are few}
  login_continuity.in_flight: {max: all, because: a gate waits for a person}
  revocation.longest_gap: {max: 20s, because: two screens take their share of two cores}
  latency.introspect_p99_to_baseline: {max: all, because: two screens take their share of two cores}
expect: held
"""
CARD = """\
format: 1
goals: [the slow admin API is noticed in 20 s]
card:
  - {name: slow-admin, fault: latency, link: "edge->blue-hydra:admin", latency: 200ms, at: lifetime + 1s, for: 8s,
     noticed_in: 20s, guard: latency.introspect_p99, hope: wait}
  - {name: slow-queue, fault: latency, link: edge->queue, latency: 200ms, at: by hand, for: 3s, hope: nothing to do}
"""
NAMES = ("slow-admin", "slow-queue")


@pytest.fixture
def terminals(tmp_path: Path) -> Iterator[Terminals]:
    made = Terminals(tmp_path)
    yield made
    made.close()
    with contextlib.suppress(OSError, ValueError, KeyError):  # a run that a failed test left behind
        pid = int(json.loads((tmp_path / "day" / "control.json").read_text())["pid"])
        os.kill(pid, signal.SIGTERM)
        until = time.monotonic() + STEP_S
        while (tmp_path / "day" / "control.json").exists() and time.monotonic() < until:
            time.sleep(0.5)


def test_a_game_day_by_keys_alone(terminals: Terminals, tmp_path: Path) -> None:
    scenario, card, run = tmp_path / "mine.yaml", tmp_path / "card.yaml", tmp_path / "day"
    scenario.write_text(SCENARIO)
    card.write_text(CARD)
    env = {"PYTHONPATH": str(PROJECT), "TERM": "screen-256color", "LC_ALL": "C.UTF-8", "TEXTUAL_ANIMATIONS": "none"}
    rehearse = [sys.executable, "-m", "sim.cli.app"]
    leader = terminals.open("facilitator", [*rehearse, "gameday", str(scenario), "--card", str(card), "--engine",
                                            "process", "--run-dir", str(run), "--metrics", "0"], env=env)
    leader.wait("STARTING", within_s=30)
    leader.wait("RUNNING", within_s=START_S)
    player = terminals.open("operator", [*rehearse, "watch", str(run), "--role", "operator"], env=env)
    player.wait("RUNNING", within_s=30)

    # The facilitator's screen has the card, the operator's has the goals alone.
    leader.press("8")
    leader.wait("GAME DAY", *NAMES, "hope: wait", within_s=20)
    player.press("8")
    shown = player.wait("GAME DAY", "the slow admin API is noticed in 20 s", "kept from this screen", within_s=20)
    assert not any(name in shown for name in NAMES)

    # The surprise begins. The operator meets its effect only, and says so.
    leader.wait("slow-admin", " on", "not noticed", within_s=STEP_S)
    for key in ("1", "3", "6", "8"):
        player.press(key)
        time.sleep(0.7)  # a screen is drawn within one tick of 0.4 s
        shown = player.shows()
        assert not any(name in shown for name in NAMES) and "latency on edge" not in shown, shown
    metrics = next(note for note in History.load(run / "history.jsonl").notes("note")
                   if str((note.value or {}).get("text")).startswith("metrics: "))
    with urllib.request.urlopen(str((metrics.value or {})["text"]).removeprefix("metrics: "), timeout=5) as answer:
        told = answer.read().decode()
    assert "rehearse_operations_total{" in told and "rehearse_faults_active 0" in told and "slow-admin" not in told
    player.press("w")
    player.wait("What is wrong now?", within_s=10)
    player.type("introspection is slow")
    player.press("Enter")
    leader.wait("noticed after", "by ", "introspection is slow", within_s=20)

    # The gate: the facilitator puts its sheet away and makes a surprise by hand; the operator decides.
    # Its line is there before its sheet: without that, `a` decides at once.
    player.wait("GO OR NO-GO", "Cut over to 2.3.0?", within_s=STEP_S)
    leader.wait("GO OR NO-GO", "Cut over to 2.3.0?", within_s=20)
    leader.press("Escape")
    leader.wait("GAME DAY", within_s=10)
    leader.press("Home")
    leader.press("Down")
    leader.press("Enter")
    leader.wait("Make slow-queue now?", within_s=10)
    leader.press("Enter")
    leader.wait("slow-queue", "not noticed", within_s=20)
    player.press("a")
    player.wait("decided by", within_s=10)
    player.type("all green")
    player.press("Enter")
    leader.wait("go for cutover: all green", within_s=20)

    # The end: the verdict, and everything is told to everybody.
    leader.wait("FINISHED", within_s=3 * STEP_S)
    player.press("8")
    player.wait("slow-admin", "slow-queue", within_s=30)
    leader.press("7")
    leader.wait("HELD", within_s=30)
    player.press("q")
    leader.press("q")
    assert player.exit_code(within_s=30) == 0
    assert leader.exit_code(within_s=60) == 0, leader.shows()

    verdict = from_json((run / "verdict.json").read_bytes())
    assert verdict.verdict == "held", [(c.name, c.summary) for c in verdict.checks if c.verdict != "held"]
    assert unhealed(run / "faults.jsonl") == []
    report = (run / "report.txt").read_text()
    assert "DEBRIEF" in report and "surprise slow-admin" in report and "slow-queue was not noticed" in report
    assert "introspection is slow [slow-admin]" in " ".join(report.split())
    assert "latency.introspect_p99" not in report.partition("DEBRIEF")[2].partition("NOT SHOWN")[0], "labels, not keys"
    assert (run / "faults.jsonl").stat().st_mode & 0o077 == 0
    assert find(run=run.name) == []
