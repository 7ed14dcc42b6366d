"""The shipped scenarios on the real programs, held to what they expect; nothing stays behind."""

import os
from pathlib import Path

import pytest
from rigs import require

from sim.checks.judge import judge
from sim.checks.verdict import from_json, to_json
from sim.cli.holding import How, hold
from sim.history.history import History
from sim.rigs.real import leftovers
from sim.rigs.real.secrets import secrets
from sim.scenario import load_scenario, scenario_files

ALL = os.environ.get("REHEARSAL_ALL_SCENARIOS") == "1"
SEED = os.environ.get("REHEARSAL_SEED")
CHOSEN = [path for path in scenario_files() if ALL or load_scenario(str(path)).ci]


FEWER = "population.grants=10000"
"""10 is played at its own size; what the others show is in their traffic, not in how many rows are migrated."""


def _play(name: str, engine: str, folder: Path, *sets: str) -> Path:
    run = folder / "run"
    held = hold(name, How(engine, int(SEED) if SEED else None, sets), run)
    assert held.met, f"{held.scenario} on {engine}: {held.why}\n{(run / 'report.txt').read_text()}"
    return run


@pytest.mark.real
@pytest.mark.timeout(600)
@pytest.mark.parametrize("path", CHOSEN, ids=lambda path: path.stem)
def test_a_scenario_does_what_it_expects(path, tmp_path):
    run = _play(str(path), "process", tmp_path, *(() if ALL or path.stem.startswith("10-") else (FEWER,)))
    _leaves_nothing(run)
    _is_judged_alike_again(run)
    if path.stem.startswith("10-"):
        _needs_what_it_tolerates(run)


@pytest.mark.real
@pytest.mark.docker
@pytest.mark.timeout(600)
def test_the_default_scenario_holds_in_containers(tmp_path):
    require("docker")
    # Each hop through a published port costs a copy in docker-proxy: two cores carry fewer requests there.
    run = _play("10", "docker", tmp_path, "traffic.rate=140/s", *(() if ALL else (FEWER,)))
    _leaves_nothing(run)


def _is_judged_alike_again(run: Path) -> None:
    stored = from_json((run / "verdict.json").read_bytes())
    again = judge(History.load(run / "history.jsonl"), load_scenario(str(run / "scenario.yaml")))
    assert to_json(again) == to_json(stored)


def _needs_what_it_tolerates(run: Path) -> None:
    """Each tolerance that was used: set it to 0, and the same history breaks."""
    history, scenario = History.load(run / "history.jsonl"), load_scenario(str(run / "scenario.yaml"))
    used = {f"{check.name}.{figure}" for check in judge(history, scenario).checks
            for figure, limit in check.tolerated.items() if limit.used}
    assert {"revocation.longest_gap", "write_loss.grants", "session_continuity.lost_chains",
            "login_continuity.browser_sessions"} <= used
    for name in used:
        without = {key: t for key, t in scenario.tolerate.items() if key != name}
        stricter = scenario.model_copy(update={"tolerate": without})
        told = judge(history, stricter)
        if name.startswith("latency."):
            assert told.check("latency").verdict == "not_asked"  # without a limit nothing is asked
        else:
            assert told.check(name.split(".")[0]).verdict == "broken", name


def _leaves_nothing(run: Path) -> None:
    """No process, container or lock of the run, and no secret in its folder."""
    mine = [one for one in leftovers.find() if one.run == run.name]
    assert mine == []
    own = secrets()
    assert run.stat().st_mode & 0o077 == 0, "nobody else comes into the folder"
    for file in run.rglob("*"):
        if file.is_file():
            raw = file.read_bytes()
            for secret in (own.system, own.database, own.control):
                assert secret.encode() not in raw, f"a secret stands in {file}"
            assert b"ory_rt_" not in raw and b"ory_at_" not in raw, f"a token stands in {file}"
            # Mounted configuration is read by whatever user an image has; the folder above keeps others out.
            mounted = file.is_relative_to(run / "config")
            assert mounted or file.stat().st_mode & 0o077 == 0, f"{file} can be read by others"
    assert not (run / "control.sock").exists()
    history = History.load(run / "history.jsonl")
    assert not history.torn
    begun = {op.i for op in history.ops if op.type == "invoke"}
    ended = [op.of for op in history.ops if op.of is not None]
    assert sorted(ended) == sorted(begun), "every invocation has exactly one completion"
