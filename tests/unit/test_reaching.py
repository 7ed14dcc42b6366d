"""How people reach a living stack: its addresses while it stands, a password only libpq reads, nothing afterwards."""

from __future__ import annotations

import json
import os
import re
import stat
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from builders import Tale
from caches import dead_mark, take_own_cache

from sim.cli.app import call
from sim.rigs.real import leftovers
from sim.rigs.real.living import me
from sim.rigs.real.reaching import ADDRESSES, Reaching
from sim.rigs.real.record import Record, living
from sim.rigs.real.secrets import secrets
from sim.rigs.real.stack import load_stack
from tui import copying


@pytest.fixture(autouse=True)
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    take_own_cache(tmp_path, monkeypatch)


def engine(folder: Path, stack: Any) -> Any:
    """Ports by their place in the stack file; both sides' databases as the stack says."""
    ports = {(name, port): 40000 + n for n, (name, port) in enumerate(
        (name, port) for name in stack.names for port in stack.ports(name))}
    return SimpleNamespace(kind="process", run_id=folder.name, run_dir=folder,
                           direct=lambda service, port: ("127.0.0.1", ports[service, port]),
                           database=lambda side: stack.databases[side])


def reaching(folder: Path, **options: Any) -> Reaching:
    folder.mkdir(exist_ok=True)
    stack = load_stack(**options)
    return Reaching(engine(folder, stack), stack, secrets())


def test_every_variable_of_a_copied_command_is_told(tmp_path: Path) -> None:
    names = set(reaching(tmp_path / "run").environment())
    tale = Tale()
    for f in ("introspect", "refresh", "code", "client_credentials", "authorize", "logout", "discovery", "jwks",
              "authz"):
        tale.begin("web-1", f, grant="g-1")
    for kind in ("refresh", "consent", "subject", "login"):
        tale.begin("web-1", "revoke", grant="g-1", kind=kind)
    copied = "\n".join(f"{copying.curl(op)}\n{copying.psql(op)}" for op in tale.ops)
    asked = set(re.findall(r"\$((?:REHEARSE_|AUTHZ)\w*)", copied))
    assert len(asked) >= 5 and asked <= names


def test_several_edges_and_one_database_are_told_as_they_are(tmp_path: Path) -> None:
    told = reaching(tmp_path / "run", shared=True, edges=2).environment()
    assert told["REHEARSE_EDGE_2_PUBLIC"] != told["REHEARSE_EDGE_PUBLIC"]
    assert told["REHEARSE_GREEN_POSTGRES_SQL"] == told["REHEARSE_BLUE_POSTGRES_SQL"]
    assert not [name for name in told if "CONTROL" in name], "the services' own control listeners are nobody's"


def test_the_password_is_for_libpq_alone_and_in_no_run_folder(tmp_path: Path) -> None:
    run = tmp_path / "run"
    at = reaching(run)
    before = os.umask(0)
    try:
        at.tell()
    finally:
        os.umask(before)
    told = json.loads((run / ADDRESSES).read_text())
    assert told["owner"] == me() and stat.S_IMODE((run / ADDRESSES).stat().st_mode) == 0o600
    file = Path(told["environment"]["PGPASSFILE"])
    assert run not in file.parents and stat.S_IMODE(file.stat().st_mode) == 0o600
    place = told["environment"]["REHEARSE_BLUE_POSTGRES_SQL"]
    assert f"{place}:*:rehearse:{secrets().database}" in file.read_text().splitlines()
    assert secrets().database not in (run / ADDRESSES).read_text()
    at.forget()
    assert not (run / ADDRESSES).exists() and not file.exists()
    at.forget()


def test_the_record_takes_the_password_file_with_it(tmp_path: Path) -> None:
    record = Record("run", kind="process", run_dir=tmp_path / "run")
    at = reaching(tmp_path / "run")
    at.tell()
    record.close()
    assert list(living().iterdir()) == []


def test_after_a_kill_clean_removes_the_password_file(tmp_path: Path) -> None:
    dead = dead_mark()
    name = f"reaching-{os.getpid()}"  # no other run of this machine bears it
    run = tmp_path / name
    Record(name, kind="process", run_dir=run)
    reaching(run).tell()
    (record,) = living().glob("*.json")
    assert leftovers.find(run=name) == [], "it lives"
    record.write_text(json.dumps({**json.loads(record.read_text()), "owner": dead}))
    assert [one.kind for one in leftovers.remove(run=name)] == ["password file", "record"]
    assert list(living().iterdir()) == []
    (run / ADDRESSES).write_text(json.dumps({"owner": dead, "environment": {}}))
    assert call(["env", str(with_history(run))]) == 254, "what it left in its folder is not taken for a living stack"


def with_history(run: Path, ended: bool = False) -> Path:
    run.mkdir(exist_ok=True)
    (run / "history.jsonl").write_text("{}\n" + ('{"f":"end"}\n' if ended else ""))
    return run


def test_env_of_a_run_in_progress(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run = with_history(tmp_path / "run")
    assert call(["env", str(run)]) == 254
    assert "holds no stack" in capsys.readouterr().err
    at = reaching(run)
    at.tell()
    assert call(["env", str(run)]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert f"export REHEARSE_RUN={run.name}" in lines
    assert any(line.startswith("export REHEARSE_AUTHZ_PUBLIC=127.0.0.1:") for line in lines)
    assert any(line.startswith("export PGPASSFILE=") for line in lines)
    assert secrets().database not in "\n".join(lines)


def test_down_ends_no_rehearsal(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Its owner is this very process: a signal to it would end the test."""
    run = with_history(tmp_path / "run")
    reaching(run).tell()
    assert call(["down", str(run)]) == 254
    assert "ctl" in capsys.readouterr().err
