"""However a rehearsal ends, nothing of it stays: once, twice, SIGTERM, SIGKILL."""

import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from tmux import Terminals

from sim.checks.verdict import from_json
from sim.history.history import History
from sim.rigs.real import leftovers
from sim.rigs.real.record import living
from sim.rigs.real.secrets import secrets
from tui import copying

pytestmark = [pytest.mark.real, pytest.mark.timeout(180)]
SMALL = ["--set", "population.grants=2000", "--set", "runbook.baseline.for=5s", "--set", "tokens.access=5s",
         "--set", "runbook.lifetime.dwell=5s"]


def begin(run: Path) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "sim.cli.app", "run", "10", "--engine", "process", "--no-tui",
               "--run-dir", str(run), *SMALL]
    return subprocess.Popen(command, stdin=subprocess.DEVNULL, stderr=subprocess.PIPE, start_new_session=True)


def reach(run: Path, words: bytes, within_s: float = 90) -> None:
    """Wait until the history says something."""
    until = time.monotonic() + within_s
    while time.monotonic() < until:
        history = run / "history.jsonl"
        if history.exists() and words in history.read_bytes():
            return
        time.sleep(0.1)
    pytest.fail(f"the run never came to {words!r}")


def step(name: str) -> bytes:
    """What the history says when a step begins."""
    return f'"step":"{name}","kind"'.encode()


def nothing_left(run: Path) -> None:
    assert [one for one in leftovers.find() if one.run == run.name] == []
    assert [path for path in living().iterdir() if path.name.startswith(f"{run.name}.")] == []
    for name in ("control.sock", "control.json", "addresses.json"):
        assert not (run / name).exists()
    no_secret_in(run)


def no_secret_in(run: Path) -> None:
    """Whatever a run leaves may be sent round."""
    own = secrets()
    for path in (path for path in run.rglob("*") if path.is_file()):
        said = path.read_bytes()
        assert [name for name in ("system", "database", "control") if getattr(own, name).encode() in said] == [], path


def shell(run: Path, *commands: str) -> subprocess.CompletedProcess[str]:
    """What a person does: eval the addresses, then paste."""
    env = f'eval "$({sys.executable} -m sim.cli.app env {run})"'
    return subprocess.run(["bash", "-euc", "\n".join([env, *commands])], capture_output=True, text=True, check=False,
                          timeout=60)


def copied_commands_run(run: Path) -> None:
    """A request and a grant's rows, as the screen copies them, against the run that goes on."""
    ops = History.load(run / "history.jsonl").ops
    asked = next(op for op in ops if op.type == "invoke" and op.f == "discovery")
    token = next(op for op in ops if op.type == "invoke" and op.f == "introspect" and op.grant)
    if shutil.which("curl"):
        assert "auth.rehearse.test" in shell(run, copying.curl(asked)).stdout
        answer = shell(run, "TOKEN=none.none", copying.curl(token))
        assert '"active":false' in answer.stdout, answer.stderr
    if shutil.which("psql"):
        rows = shell(run, copying.psql(token).replace("GREEN", "BLUE"))
        assert rows.returncode == 0 and str(token.grant) in rows.stdout, rows.stderr


def test_ctrl_c_once_rolls_back_and_proves_blue_well(tmp_path):
    run = tmp_path / "once"
    child = begin(run)
    reach(run, step("migrate"))
    copied_commands_run(run)
    child.send_signal(signal.SIGINT)
    assert child.wait(60) in (2, 3)  # 3 unless a check had too little evidence so early
    verdict = from_json((run / "verdict.json").read_bytes())
    assert verdict.ended == "rolled_back"
    assert verdict.check("rollback").verdict == "held"
    nothing_left(run)


def test_ctrl_c_twice_stops_and_cleans_up_at_once(tmp_path):
    run = tmp_path / "twice"
    child = begin(run)
    reach(run, step("copy"))
    child.send_signal(signal.SIGINT)
    time.sleep(0.2)
    child.send_signal(signal.SIGINT)
    assert child.wait(30) == 255
    nothing_left(run)


@pytest.mark.skipif(shutil.which("tmux") is None, reason="tmux is missing: nothing to type into")
def test_ctrl_c_twice_on_the_screen_stops_and_cleans_up(tmp_path):
    run, terminals = tmp_path / "typed", Terminals(tmp_path)
    command = [sys.executable, "-m", "sim.cli.app", "run", "10", "--engine", "process", "--run-dir", str(run), *SMALL]
    try:
        terminal = terminals.open("one", command, env={})
        reach(run, step("baseline"))
        terminal.press("C-c")
        terminal.wait("Abort and roll back to blue?", within_s=10)
        terminal.press("C-c")
        reach(run, b'"f":"end"', 30)
        terminal.wait("FINISHED", within_s=30)
        terminal.press("q")
        assert terminal.exit_code(within_s=30) == 255
    finally:
        terminals.close()
    nothing_left(run)


def test_sigterm_while_it_starts_leaves_nothing(tmp_path):
    run = tmp_path / "term"
    child = begin(run)
    reach(run, b'"f":"stack"')
    time.sleep(1.0)
    child.send_signal(signal.SIGTERM)
    assert child.wait(30) == 255
    nothing_left(run)


def test_after_a_sigkill_clean_removes_what_is_left_and_keeps_the_folder(tmp_path):
    run = tmp_path / "kill"
    child = begin(run)
    reach(run, step("baseline"))
    os.kill(child.pid, signal.SIGKILL)
    child.wait(10)
    time.sleep(1.0)
    told = shell(run)
    assert told.stdout == "" and "its process is gone" in told.stderr, "addresses of a dead stack are not told"
    leftovers.remove(run="kill")
    assert [one for one in leftovers.find() if one.run == "kill"] == []
    assert [path for path in living().iterdir() if path.name.startswith("kill.")] == []
    assert (run / "history.jsonl").exists()
    no_secret_in(run)
