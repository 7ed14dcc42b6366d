"""`rehearse gameday`: what it refuses before anything starts, and what `run` leaves out of a game day."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from recording import write_run

from sim.cli.app import call
from sim.paths import data
from sim.rehearsal import Options, prepare
from sim.scenario import load_scenario

CARD = data("scenarios", "cards", "first-day.yaml")


@pytest.fixture
def played(monkeypatch: pytest.MonkeyPatch) -> list[tuple[Any, Options]]:
    """What would be played here, in place of playing it."""
    found: list[tuple[Any, Options]] = []

    def plain(chosen: Any, options: Options, json: bool) -> int:
        found.append((chosen, options))
        return 0

    monkeypatch.setattr("sim.cli.playing.plain", plain)
    return found


def test_it_plays_the_card_and_tells_the_others_how_to_watch(played: list[tuple[Any, Options]],
                                                             capsys: pytest.CaptureFixture[str]) -> None:
    assert call(["gameday", "10", "--card", str(CARD), "--no-tui", "--metrics", "0"]) == 0
    chosen, options = played[0]
    assert len(chosen.surprises) == 3 and options.gameday and options.metrics == 0
    told = capsys.readouterr().err
    assert "rehearse watch latest --role ROLE" in told and "honour system" in told


def test_run_plays_none_and_says_so(played: list[tuple[Any, Options]], tmp_path: Path,
                                    capsys: pytest.CaptureFixture[str]) -> None:
    mine = tmp_path / "mine.yaml"
    gone = "{name: gone, fault: down, link: edge->queue, at: copy}"
    mine.write_text(f"format: 1\nextends: 10\ngameday: {{card: [{gone}]}}\n")
    assert call(["run", str(mine), "--no-tui"]) == 0
    assert not played[0][1].gameday and played[0][1].metrics is None
    assert "rehearse gameday plays it" in capsys.readouterr().err


def test_a_run_folder_says_what_was_played(tmp_path: Path) -> None:
    scenario = load_scenario("10", card=CARD)
    _, folder = prepare(scenario, Options(run_dir=tmp_path / "day", gameday=True))
    assert [s.name for s in load_scenario(folder / "scenario.yaml").surprises] == [
        "slow-database", "queue-gone", "edge-dies"]
    _, folder = prepare(scenario, Options(run_dir=tmp_path / "run"))
    assert load_scenario(folder / "scenario.yaml").gameday is None


@pytest.mark.parametrize(("line", "said"), [
    ("gameday 10", "10-upgrade-b-capture-replay has no card"),
    ("gameday 10 --card nowhere.yaml", "the card cannot be read"),
    (f"gameday 10 --card {CARD} --role opperator", "did you mean operator?"),
    (f"gameday 10 --card {CARD} --pause-before cutovr", "there is no step 'cutovr'"),
    (f"gameday 10 --card {CARD} --engine model", "no model rig"),
    (f"gameday 10 --card {CARD} --metrics 70000", "--metrics"),
    ("ctl latest tag 12", "tag takes the number of an act and a surprise"),
])
def test_bad_input_is_254(line: str, said: str, played: list[tuple[Any, Options]], monkeypatch: pytest.MonkeyPatch,
                          tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert call([*line.split(), *(["--no-tui"] if "gameday" in line else [])]) == 254
    assert said in capsys.readouterr().err and played == []


@pytest.mark.parametrize(("day", "role", "said"), [
    (True, "opperator", "did you mean operator?"), (False, "operator", "this run is no game day")])
def test_watch_knows_the_roles(day: bool, role: str, said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
                               capsys: pytest.CaptureFixture[str]) -> None:
    folder = tmp_path / "run"
    write_run(folder, until_s=5.0, scenario=load_scenario("10", card=CARD) if day else None)
    monkeypatch.setattr("sys.stdin.isatty", lambda: True, raising=False)
    assert call(["watch", str(folder), "--serve", "--role", role]) == 254
    assert said in capsys.readouterr().err


def test_ctl_sends_role_and_tag(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    asked: list[tuple[str, dict[str, Any]]] = []
    monkeypatch.setattr("sim.control.send", lambda run_dir, verb, **told: asked.append((verb, told)) or "done")
    monkeypatch.setattr("sim.cli.runs.find_run", lambda run: tmp_path)
    assert call(["ctl", "latest", "note", "captures", "fail", "--tag", "now", "--role", "scribe", "--who", "ann"]) == 0
    assert call(["ctl", "latest", "tag", "#1234", "queue-gone", "--role", "facilitator", "--who", "li"]) == 0
    assert asked == [
        ("note", {"who": "ann", "text": "captures fail", "role": "scribe", "tag": "now"}),
        ("tag", {"who": "li", "of": 1234, "injection": "queue-gone", "role": "facilitator"})]
    assert json.dumps(asked)
