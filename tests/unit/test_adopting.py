"""A killed run's stack is taken over, whole, and nobody else's is touched; what can't be is said in words."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import psutil
import pytest
from caches import dead_mark, take_own_cache

from sim.cli.app import call
from sim.errors import BadInput, EngineDown, NotReady
from sim.history.history import History
from sim.history.journal import Journal
from sim.history.op import Header
from sim.refusing import refuse_taking_up
from sim.rigs.real import leftovers
from sim.rigs.real.adopting import adopt
from sim.rigs.real.engines import Estate
from sim.rigs.real.engines.bounded import BoundedDisks
from sim.rigs.real.labels import MARKER, OWNER, RUN, WHERE
from sim.rigs.real.living import mark, me, where
from sim.rigs.real.record import HOME_PREFIX, Record, all_records, living, record_of
from sim.runbook.stood import Stood
from sim.scenario import Exec, load_scenario, resolved

HEADER = Header(origin_utc="2026-01-01T00:00:00.000Z", scenario="t", seed=1, engine="process")

@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    take_own_cache(tmp_path, monkeypatch)
    return tmp_path


@pytest.fixture(scope="module")
def dead() -> str:
    return dead_mark()


def left(cache: Path, run_id: str, owner: str, *, within: str = "", **more: Any) -> Path:
    """What a run in the folder `within`/`run_id` left."""
    home = cache / f"{HOME_PREFIX}{within}{run_id}"
    (home / "data" / "blue-postgres").mkdir(parents=True)
    path = living() / f"{run_id}.{within or os.getpid()}.json"
    path.write_text(json.dumps({"run": run_id, "owner": owner, "kind": "process", "folder": str(home),
                                "run_dir": str(cache / within / run_id), "processes": {}, **more}))
    return home


def test_the_data_of_a_dead_run_is_taken_over_and_no_cleaner_gets_it(cache: Path, dead: str) -> None:
    home, other = left(cache, "a", dead), left(cache, "b", dead)
    straggler = subprocess.Popen([sys.executable, "-c", "import sys; sys.stdin.read()"], stdin=subprocess.PIPE,
                                 start_new_session=True, env={**os.environ, MARKER: str(cache / "a")})
    path = living() / f"a.{os.getpid()}.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), "processes": {"edge": [mark(straggler.pid)]}}))
    adopted = adopt(cache / "a")
    assert adopted.estate.home == home and (home / "data" / "blue-postgres").is_dir()
    straggler.wait(timeout=10)
    assert not psutil.pid_exists(straggler.pid), "what still ran of it would serve twice"
    with pytest.raises(BadInput, match="still goes on"):
        adopt(cache / "a")
    assert {one.run for one in leftovers.remove()} == {"b"} and home.exists() and not other.exists()


def test_of_two_runs_of_one_name_the_folders_own_is_taken_over_and_the_last(cache: Path, dead: str) -> None:
    started = float(dead.partition(":")[2])
    mine = left(cache, "a", f"1:{started + 2:.2f}")
    left(cache, "a", f"1:{started + 9:.2f}", within="elsewhere")
    earlier = left(cache, "a", f"1:{started + 1:.2f}", within="before", run_dir=str(cache / "a"))
    assert adopt(cache / "a").estate.home == mine and earlier.exists()


def test_a_living_run_of_the_same_name_is_not_touched(cache: Path, dead: str) -> None:
    left(cache, "a", me())
    left(cache, "a", dead, within="elsewhere")
    its = subprocess.Popen([sys.executable, "-c", "import sys; sys.stdin.read()"], stdin=subprocess.PIPE,
                           start_new_session=True, env={**os.environ, MARKER: str(cache / "a")})
    try:
        assert {one.kind for one in leftovers.remove()} == {"folder", "record"}
        assert its.poll() is None and (living() / f"a.{os.getpid()}.json").exists()
    finally:
        its.kill()
        its.wait()


@pytest.mark.parametrize(("more", "why"), [
    ({"folder": ""}, "nothing of this run's stack"),
    ({"folder": "/etc"}, "nothing of this run's stack"), ({"owner": "me"}, "still goes on")])
def test_what_can_not_be_taken_over_is_left_as_it_is(cache: Path, dead: str, more: dict[str, Any], why: str) -> None:
    more = dict(more)
    owner = me() if more.pop("owner", "") else dead
    home = left(cache, "a", owner, **more)
    before = (living() / f"a.{os.getpid()}.json").read_text()
    with pytest.raises(BadInput, match=why):
        adopt(cache / "a")
    assert home.exists() and (living() / f"a.{os.getpid()}.json").read_text() == before
    with pytest.raises(BadInput, match="nothing of this run's stack"):
        adopt(cache / "never-was")


def test_what_is_given_up_again_goes_for_good(cache: Path, dead: str) -> None:
    home, other = left(cache, "a", dead), left(cache, "b", dead)
    adopt(cache / "a").given_up()
    assert not home.exists() and other.exists() and [p.name.split(".")[0] for p in living().glob("*.json")] == ["b"]


def test_once_the_engine_has_its_own_record_the_dead_ones_goes(cache: Path, dead: str) -> None:
    left(cache, "a", dead, within="elsewhere", run_dir=str(cache / "a"))
    adopted = adopt(cache / "a")
    record = Record("a", kind="process", run_dir=cache / "a", folder=adopted.estate.home,
                    inherits=adopted.estate.owners)
    adopted.handed_over()
    (told,) = all_records()
    assert told["owner"] == me() and told["inherits"] == [dead] and told["path"] == record_of("a")
    left(cache, "b", dead)  # by a process of our own number
    adopt(cache / "b").handed_over()
    assert record_of("b").exists(), "the engine's own has the same name: it stays"
    record.close()


# ---- containers: what they are made of has labels that nobody can change


class Daemon:
    """A Docker daemon that holds what it is told; the calls that adopting and cleaning make."""

    def __init__(self) -> None:
        self.api = self
        self.held: dict[str, tuple[str, dict[str, str]]] = {}

    def hold(self, run: str, owner: str, prefix: str, *, at: str = "") -> None:
        labels = {RUN: run, OWNER: owner, WHERE: at or where()}
        self.held |= {prefix: ("network", labels), f"{prefix}-blue-data": ("volume", labels),
                      f"{prefix}-edge": ("container", labels)}

    def _of(self, kind: str, filters: dict[str, list[str]]) -> list[dict[str, Any]]:
        label, _, value = filters["label"][0].partition("=")
        return [{"Name": name, "Names": [f"/{name}"], "Id": name, "Labels": labels}
                for name, (what, labels) in self.held.items()
                if what == kind and (labels.get(label) == value if value else label in labels)]

    def containers(self, *, all: bool, filters: dict[str, list[str]]) -> list[dict[str, Any]]:
        return self._of("container", filters)

    def volumes(self, *, filters: dict[str, list[str]]) -> dict[str, Any]:
        return {"Volumes": self._of("volume", filters)}

    def networks(self, *, filters: dict[str, list[str]]) -> list[dict[str, Any]]:
        return self._of("network", filters)

    def remove_container(self, name: str, **_: Any) -> None:
        del self.held[name]

    remove_volume = remove_network = remove_container

    def close(self) -> None:
        pass


@pytest.fixture
def daemon(cache: Path, monkeypatch: pytest.MonkeyPatch) -> Daemon:
    held = Daemon()
    monkeypatch.setattr("sim.rigs.real.acquire.daemon.client", lambda **_: held)
    return held


def test_containers_are_ended_and_their_volumes_taken_over(cache: Path, dead: str, daemon: Daemon) -> None:
    left(cache, "a", dead, kind="docker", folder="")
    daemon.hold("a", dead, "rehearse-1")
    daemon.hold("a", me(), "rehearse-2")
    daemon.hold("a", dead, "rehearse-3", at="another machine")
    adopted = adopt(cache / "a")
    assert adopted.estate == Estate(network="rehearse-1", owners=(dead,)) and adopted.estate.kind == "docker"
    assert "rehearse-1-edge" not in daemon.held and {"rehearse-1", "rehearse-1-blue-data"} <= set(daemon.held)
    assert {"rehearse-2-edge", "rehearse-3-edge"} <= set(daemon.held), "a living run's, another machine's"
    assert leftovers.remove() == [] and "rehearse-1-blue-data" in daemon.held, "no cleaner gets what was taken over"
    adopted.given_up()
    assert not [name for name in daemon.held if name.startswith("rehearse-1")]


class Held:
    """A dead run's containers, as a BoundedDisks asks for them."""

    def __init__(self, holder: str, *, runs: bool = True) -> None:
        self.holder, self.runs = holder, runs
        self.did: list[tuple[str, ...]] = []

    def named(self, name: str) -> str:
        return self.holder if name == "blue-postgres-disk" else ""

    def pid(self, ident: str) -> int:
        return int(self.runs)

    def volume(self, service: str, name: str, *, memory_bytes: int = 0) -> str:
        return f"rehearse-1-{name}"

    def signal(self, ident: str, signal: str) -> None:
        self.did.append((signal, ident))


def test_a_disk_in_memory_is_held_on_and_emptied(cache: Path, dead: str, daemon: Daemon) -> None:
    left(cache, "a", dead, kind="docker", folder="")
    daemon.hold("a", dead, "rehearse-1")
    daemon.held["rehearse-1-blue-postgres-disk"] = daemon.held["rehearse-1-edge"]
    adopted = adopt(cache / "a")
    assert "rehearse-1-edge" not in daemon.held and "rehearse-1-blue-postgres-disk" in daemon.held
    adopted.given_up()
    assert "rehearse-1-blue-postgres-disk" not in daemon.held
    containers: Any = Held("its-holder")
    BoundedDisks(containers, {"blue-postgres": 1}).volume("blue-postgres", "blue-data", "postgres")
    assert containers.did == [("SIGUSR2", "its-holder")]


def test_a_disk_in_memory_whose_holder_has_ended_is_gone() -> None:
    gone: Any = Held("its-holder", runs=False)
    with pytest.raises(NotReady, match="in memory, and is gone"):
        BoundedDisks(gone, {"blue-postgres": 1}).volume("blue-postgres", "blue-data", "postgres")


def test_whoever_took_it_up_and_was_killed_too_is_taken_up_again(cache: Path, dead: str, daemon: Daemon) -> None:
    earlier = f"1:{float(dead.partition(':')[2]) - 100:.2f}"
    left(cache, "a", dead, kind="docker", folder="", inherits=[earlier])
    daemon.hold("a", earlier, "rehearse-1")
    assert adopt(cache / "a").estate.owners == (dead, earlier)
    assert "rehearse-1-edge" not in daemon.held and "rehearse-1-blue-data" in daemon.held


def test_without_its_volumes_there_is_nothing_to_go_on_with(cache: Path, dead: str, daemon: Daemon) -> None:
    left(cache, "a", dead, kind="docker", folder="")
    daemon.hold("a", dead, "rehearse-1")
    del daemon.held["rehearse-1-blue-data"]
    with pytest.raises(BadInput, match="nothing of this run's stack"):
        adopt(cache / "a")
    assert "rehearse-1-edge" in daemon.held


def test_without_a_daemon_a_run_in_containers_stays_as_it_is(cache: Path, dead: str) -> None:
    left(cache, "a", dead, kind="docker", folder="")
    before = record_of("a").read_text()
    with pytest.raises(EngineDown):
        adopt(cache / "a")
    assert record_of("a").read_text() == before


# ---- refused in words


@pytest.mark.parametrize(("sets", "more", "why"), [
    (["stack.authz.cleanup={every: 1s}"], None, "whom it spared"),
    ([], Exec(name="migrate-ours", exec=["./migrate.sh"]), "migrate-ours may be run twice")])
def test_where_there_is_no_way_back_it_must_be_clear_how_to_go_on(tmp_path: Path, sets: list[str], more: Exec | None,
                                                                  why: str) -> None:
    scenario = load_scenario("30", sets=sets)
    step = more.name if more is not None else "soak"
    stands = Stood([], under_way=step, past_return=True, left=[more] if more is not None else [])
    with pytest.raises(BadInput, match="no way back") as refused:
        refuse_taking_up(tmp_path, History(HEADER, []), scenario, stands)
    assert why in refused.value.seen


@pytest.mark.parametrize(("lines", "scenario", "why"), [
    (['{"f": "end", "value": {"ended": "completed"}}'], "10", "this run was not killed"),
    ([], "10", "before its stack stood"),
    (['{"f": "stack", "of": 0, "type": "ok", "value": {}}'], "10", "nothing of this run's stack is left"),
])
def test_what_can_not_be_taken_up_is_said_in_words(cache: Path, capsys: pytest.CaptureFixture[str], lines: list[str],
                                                   scenario: str, why: str) -> None:
    folder = cache / "runs" / "killed"
    folder.mkdir(parents=True)
    journal = Journal(folder / "history.jsonl", scenario=scenario, seed=1, engine="process")
    for line in lines:
        told = json.loads(line)
        if told["f"] == "stack":
            journal.complete(journal.invoke("harness", "stack", value={}), "ok", value={})
        else:
            journal.note("harness", told["f"], told["value"])
    journal.close()
    (folder / "scenario.yaml").write_text(resolved(load_scenario(scenario), seed=1))
    before = (folder / "history.jsonl").read_bytes()
    assert call(["resume", str(folder)]) == 254
    assert why in capsys.readouterr().err and (folder / "history.jsonl").read_bytes() == before
