"""How a RUN is found and listed."""

import json

import pytest

from sim.cli.app import call
from sim.cli.runs import complete_run, find_run, list_runs
from sim.errors import BadInput
from sim.history.journal import Journal
from sim.runfolder import make_run_folder


@pytest.fixture
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("REHEARSE_HOME", str(tmp_path / "home"))
    return tmp_path / "home" / "runs"


def record(folder, verdict=None, **more):
    folder.mkdir(parents=True, exist_ok=True)
    Journal(folder / "history.jsonl", scenario="10-upgrade-b-capture-replay", seed=10, engine="process").close()
    if verdict:
        (folder / "verdict.json").write_text(
            json.dumps({"verdict": verdict, "ended": "completed", "checks": []} | more)
        )
    return folder


def test_without_runs_the_way_on_is_told(home):
    with pytest.raises(BadInput) as raised:
        find_run("latest")
    assert raised.value.todo == "rehearse run 10"


def test_latest_is_what_the_link_names(home):
    older = record(make_run_folder("10-x", 1, None))
    assert find_run("latest") == older.resolve()
    (home / "latest").unlink()
    newest = record(home / "99991231T000000Z-10-x-2")
    assert find_run("latest").name == newest.name


def test_an_id_a_prefix_and_a_path(home):
    run = record(home / "20261123T143025Z-10-x-10")
    record(home / "20261124T143025Z-10-x-10")
    assert find_run(run.name) == run
    assert find_run("20261123") == run
    assert find_run(str(run)) == run.resolve()


def test_an_ambiguous_prefix_names_the_runs(home):
    record(home / "20261123T143025Z-10-x-10")
    record(home / "20261124T143025Z-10-x-10")
    with pytest.raises(BadInput, match="fits 2 runs"):
        find_run("2026")


@pytest.mark.parametrize("run", ["20991231", "./nowhere", "/nowhere/at/all"])
def test_what_is_no_run_is_bad_input(home, run):
    record(home / "20261123T143025Z-10-x-10")
    with pytest.raises(BadInput):
        find_run(run)


def test_a_near_miss_is_suggested(home):
    record(home / "20261123T143025Z-10-upgrade-10")
    with pytest.raises(BadInput) as raised:
        find_run("20261123T143026Z-10-upgrade-10")
    assert raised.value.todo == "did you mean 20261123T143025Z-10-upgrade-10?"


def test_the_list_is_newest_first_and_says_the_verdict(home, capsys):
    record(home / "20261121T000000Z-10-x-1", "held")
    record(home / "20261122T000000Z-10-x-2", "held", ended="rolled_back")
    record(home / "20261123T000000Z-10-x-3")
    (home / "20261124T000000Z-nothing-in-it").mkdir()
    assert [line.verdict for line in list_runs()] == ["unfinished", "held, rolled back", "held"]
    assert call(["runs", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert (told[0]["scenario"], told[0]["seed"], told[0]["engine"]) == ("10-upgrade-b-capture-replay", 10, "process")
    assert call(["runs"]) == 0
    assert "held, rolled back" in capsys.readouterr().out


def test_completion_offers_latest_and_ids(home):
    record(home / "20261123T000000Z-10-x-3")
    assert complete_run("") == ["latest", "20261123T000000Z-10-x-3"]
    assert complete_run("l") == ["latest"]


def test_a_damaged_verdict_is_an_unfinished_run(home):
    record(home / "20261123T000000Z-10-x-3")
    (home / "20261123T000000Z-10-x-3" / "verdict.json").write_text("{")
    assert list_runs()[0].verdict == "unfinished"
