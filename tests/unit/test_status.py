"""`ctl RUN status`: where a run stands, from its ops; a player hears of no surprise."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from builders import Tale

from sim.cli.app import call
from sim.history.gameday import FACILITATOR
from sim.runbook.price import Price
from sim.runbook.status import Status

GATE = {"step": "cutover", "ask": "Cut over to 2.3.0?", "who": "lead", "timeout_s": 300.0, "on_timeout": "postpone"}


def standing(tale: Tale) -> Status:
    price = Price()
    status = Status(scenario="10-x", run="a-run", price=price, now_s=lambda: tale.now_s)
    for op in tale.ops:
        status(op)
        price(op)
    return status


def test_before_the_runbook_it_starts() -> None:
    told = standing(Tale()).told()
    assert told["state"] == "STARTING" and told["step"] is None and told["gate"] is None and told["faults"] == []
    assert told["way_back"]["state"] == "free" and told["cut"] == {"grants": 0, "chains": 0, "logins": 0}


def test_the_step_under_way_and_since_when() -> None:
    tale = Tale()
    tale.note("runbook", "state", state="RUNNING", why="traffic begins")
    tale.end(tale.begin("runbook", "step", step="copy", n=4, of=12, deadline_s=300.0), step="copy", took_s=3.1)
    tale.begin("runbook", "step", step="migrate", n=6, of=12, deadline_s=120.0)
    tale.wait(5.7)
    told = standing(tale).told()
    assert told["state"] == "RUNNING" and told["run"] == "a-run"
    step = told["step"]
    assert (step["name"], step["n"], step["of"], step["deadline_s"]) == ("migrate", 6, 12, 120.0)
    assert step["undoing"] is False
    assert step["for_s"] == pytest.approx(5.7, abs=0.1)


def test_between_two_steps_the_last_one_is_told_as_done() -> None:
    tale = Tale()
    tale.end(tale.begin("runbook", "step", step="copy", n=4, of=12, deadline_s=300.0), step="copy", took_s=3.1)
    told = standing(tale).told()
    assert told["step"] is None and told["last"] == {"name": "copy", "n": 4, "of": 12, "how": "ok", "took_s": 3.1}


def test_an_open_gate_and_its_end() -> None:
    tale = Tale()
    i = tale.begin("runbook", "gate", **GATE)
    tale.note("runbook", "state", state="GATE", why=GATE["ask"])
    tale.wait(20.0)
    gate = standing(tale).told()["gate"]
    assert (gate["step"], gate["ask"], gate["who"], gate["on_timeout"]) == (
        "cutover", "Cut over to 2.3.0?", "lead", "postpone")
    assert gate["open_for_s"] == pytest.approx(20.0, abs=0.1) and gate["left_s"] == pytest.approx(280.0, abs=0.1)
    tale.end(i, decision="go", who="kim")
    assert standing(tale).told()["gate"] is None


def test_faults_that_are_on_with_proof_and_how_long_they_last() -> None:
    tale = Tale()
    made = tale.begin("nemesis", "fault", name="slow", fault="latency", link="edge->queue", for_s=10.0)
    tale.wait(1.0)
    (fault,) = standing(tale).told()["faults"]
    assert (fault["name"], fault["fault"], fault["where"], fault["proven"]) == ("slow", "latency", "edge->queue", None)
    tale.end(made, name="slow", proven=True, seen="251 ms")
    tale.end(tale.begin("nemesis", "fault", name="dead", fault="kill", part="edge"), "fail", name="dead")
    (fault,) = standing(tale).told()["faults"]
    assert fault["proven"] is True and fault["seen"] == "251 ms" and fault["for_s"] == pytest.approx(1.0, abs=0.1)
    tale.end(tale.begin("nemesis", "heal", name="slow"), name="slow")
    assert standing(tale).told()["faults"] == []


def test_a_surprise_is_told_to_the_facilitator_alone() -> None:
    tale = Tale()
    tale.begin("nemesis", "fault", name="queue-gone", fault="down", link="edge->queue", surprise=True)
    status = standing(tale)
    assert status.told()["faults"] == [] == status.told(role="operator")["faults"]
    assert [one["name"] for one in status.told(role=FACILITATOR)["faults"]] == ["queue-gone"]


def test_an_undo_on_the_way_back() -> None:
    tale = Tale()
    tale.note("runbook", "state", state="ABORTING", why="aborted by kim: too slow")
    tale.begin("runbook", "undo", step="copy", undo="drops the copy")
    told = standing(tale).told()
    assert told["state"] == "ABORTING" and told["why"] == "aborted by kim: too slow"
    assert told["step"]["name"] == "copy" and told["step"]["undoing"] is True


@pytest.fixture
def answering(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    tale = Tale()
    tale.note("runbook", "state", state="RUNNING", why="traffic begins")
    tale.begin("runbook", "step", step="migrate", n=6, of=12, deadline_s=120.0)
    tale.begin("runbook", "gate", **GATE)
    tale.begin("nemesis", "fault", name="slow", fault="latency", link="edge->queue", for_s=10.0)
    tale.wait(5.7)
    status = standing(tale)

    def send(run_dir: Any, verb: str, **arguments: Any) -> str:
        return json.dumps(status.told()) if verb == "status" else "the runbook pauses"

    monkeypatch.setattr("sim.control.send", send)
    monkeypatch.setattr("sim.cli.runs.find_run", lambda run: tmp_path)


@pytest.mark.usefixtures("answering")
def test_it_is_written_for_people(capsys: pytest.CaptureFixture[str]) -> None:
    assert call(["ctl", "latest", "status"]) == 0
    said = capsys.readouterr().out
    for words in ("RUNNING", "migrate, 6 of 12, for 5.7 s of at most 120 s", "Cut over to 2.3.0?", "lead",
                  "slow: latency on edge->queue", "not proven yet", "0 grants, 0 chains", "nothing is lost"):
        assert words in said, said
    assert "{" not in said and len(max(said.splitlines(), key=len)) <= 120


@pytest.mark.usefixtures("answering")
def test_json_wherever_there_is_an_answer(capsys: pytest.CaptureFixture[str]) -> None:
    assert call(["ctl", "latest", "status", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["step"]["name"] == "migrate"
    assert call(["ctl", "latest", "pause", "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == {"verb": "pause", "told": "the runbook pauses"}
