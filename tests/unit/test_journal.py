"""The journal: one completion per invocation whatever the interleaving, on the disk in time."""

from __future__ import annotations

import json
import os
import signal
import stat
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, consumes, invariant, rule

from sim.clock import LiveEnvironment
from sim.errors import DiskFull
from sim.history.history import History
from sim.history.journal import FLUSH_S, Journal
from sim.history.op import Op, token_hash
from sim.paths import PROJECT
from sim.rehearsal import keep_written


def opened(folder: Path) -> Journal:
    return Journal(folder / "history.jsonl", scenario="10-x", seed=10, engine="process", grants=5)


class Interleaved(RuleBasedStateMachine):
    """Any order of invocations, completions, notes and a close: the file tells it exactly."""

    under_way = Bundle("under_way")

    def __init__(self) -> None:
        super().__init__()
        self.folder = tempfile.TemporaryDirectory()
        self.journal = opened(Path(self.folder.name))
        self.heard: list[Op] = []
        self.journal.subscribe(self.heard.append)
        self.expected: dict[int, str] = {}
        self.open: list[int] = []

    @rule(target=under_way, process=st.sampled_from(["web-1", "rs-2", "runbook"]),
          f=st.sampled_from(["refresh", "introspect", "step"]), grant=st.none() | st.text(max_size=5))
    def invoke(self, process: str, f: str, grant: str | None) -> int:
        i = self.journal.invoke(process, f, grant=grant, token_hash=token_hash(f"{f}{grant}"))
        self.open.append(i)
        return i

    @rule(of=consumes(under_way), type=st.sampled_from(["ok", "fail", "info"]), route=st.sampled_from([None, "green"]))
    def complete(self, of: int, type: str, route: str | None) -> None:
        done = self.journal.complete(of, type, route=route)  # type: ignore[arg-type]
        assert done.of == of
        self.expected[of] = type
        self.open.remove(of)
        with pytest.raises(KeyError):
            self.journal.complete(of, "ok")

    @rule()
    def note(self) -> None:
        self.journal.note("harness", "note", {"text": "x"})

    @invariant()
    def what_is_open_is_known_oldest_first(self) -> None:
        assert [op.i for op in self.journal.open_ops()] == self.open

    def teardown(self) -> None:
        self.journal.close()
        history = History.load(self.journal.path)
        assert not history.torn
        assert history.ops == self.heard, "whoever subscribes hears what is written, in that order"
        assert [op.i for op in history.ops] == list(range(len(history.ops))), "numbered without gaps"
        times = [op.t_s for op in history.ops]
        assert times == sorted(times), "time never goes back"
        completions = [op for op in history.ops if op.of is not None]
        calls = list(history.calls())
        assert len({op.of for op in completions}) == len(completions) == len(calls)
        for begun, done in calls:
            assert done is not None and done.i > begun.i
            assert (done.process, done.f, done.grant, done.token_hash) == (
                begun.process, begun.f, begun.grant, begun.token_hash)
            if begun.i in self.expected:
                assert done.type == self.expected[begun.i]
            else:
                assert done.type == "info" and done.error == "the run ended before an answer"
        self.folder.cleanup()


TestInterleaved = Interleaved.TestCase
TestInterleaved.settings = settings(max_examples=60, stateful_step_count=30, deadline=None)


def test_an_unknown_invocation_has_no_completion(tmp_path: Path) -> None:
    journal = opened(tmp_path)
    note = journal.note("harness", "note", {})
    for i in (note.i, 99, -1):
        with pytest.raises(KeyError):
            journal.complete(i, "ok")
    journal.close()
    assert len(History.load(journal.path).ops) == 1, "a refused completion writes nothing"


def test_what_is_open_at_the_end_nobody_knows(tmp_path: Path) -> None:
    journal = opened(tmp_path)
    first, answered, last = (journal.invoke("web-1", "refresh", grant=f"g{n}") for n in range(3))
    journal.complete(answered, "ok")
    journal.close()
    done = {c.begun.i: c.done for c in History.load(journal.path).calls()}
    for i in (first, last):
        assert done[i] is not None and done[i].type == "info"  # type: ignore[union-attr]
    assert done[answered] is not None and done[answered].type == "ok"  # type: ignore[union-attr]


def test_it_is_for_its_owner_alone_and_never_written_over(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        opened(tmp_path).close()
    finally:
        os.umask(before)
    path = tmp_path / "history.jsonl"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    raw = path.read_bytes()
    with pytest.raises(FileExistsError):
        opened(tmp_path)
    assert path.read_bytes() == raw


def test_the_header_is_there_at_once_with_the_only_wall_time(tmp_path: Path) -> None:
    from datetime import UTC, datetime

    before = datetime.now(UTC)
    opened(tmp_path)
    header = json.loads((tmp_path / "history.jsonl").read_bytes())
    assert {k: header[k] for k in ("scenario", "seed", "engine", "grants")} == {
        "scenario": "10-x", "seed": 10, "engine": "process", "grants": 5}
    assert header["origin_utc"].endswith("Z")
    said = datetime.fromisoformat(header["origin_utc"].replace("Z", "+00:00"))
    assert abs((said - before).total_seconds()) < 5


def test_a_line_is_in_the_file_a_quarter_of_a_second_later(tmp_path: Path) -> None:
    journal = opened(tmp_path)
    journal.invoke("web-1", "refresh")
    time.sleep(FLUSH_S + 0.02)
    journal.note("harness", "gauge", {})
    assert len(History.load(journal.path).ops) == 2
    journal.invoke("web-1", "refresh")
    journal.flush()
    assert len(History.load(journal.path).ops) == 3
    journal.close()


def test_a_killed_run_leaves_a_history_that_can_be_read(tmp_path: Path) -> None:
    """Written without a pause and killed: everything but the last moments is there."""
    code = ("import sys, pathlib; from sim.history.journal import Journal\n"
            "j = Journal(pathlib.Path(sys.argv[1]), scenario='s', seed=1, engine='e'); n = 0\n"
            "while True:\n i = j.invoke('web-1', 'refresh', grant='g' * 50); j.complete(i, 'ok'); n += 1\n"
            " if n == 2000: print('go', flush=True)")
    path = tmp_path / "history.jsonl"
    child = subprocess.Popen([sys.executable, "-c", code, str(path)], stdout=subprocess.PIPE, text=True,
                             env={**os.environ, "PYTHONPATH": str(PROJECT)})
    assert child.stdout is not None and child.stdout.readline() == "go\n"
    time.sleep(FLUSH_S)
    child.send_signal(signal.SIGKILL)
    child.communicate()
    history = History.load(path)
    assert len(history.ops) > 2000
    calls = list(history.calls())
    assert all(c.done is not None for c in calls[:-1])


def test_what_the_runbook_did_is_on_the_disk_at_once(tmp_path: Path) -> None:
    """Whoever takes a killed run up must know what was begun and switched; what clients did may be a moment old."""
    journal = opened(tmp_path)
    journal.flush()
    journal.invoke("rs-1", "introspect", grant="g")
    assert History.load(journal.path).ops == []
    for n, write in enumerate((lambda: journal.invoke("runbook", "step", value={"step": "cutover"}),
                               lambda: journal.note("runbook", "switch", {"what": "edge", "to": "green"}),
                               lambda: journal.complete(1, "ok", value={"step": "cutover"})), start=2):
        write()
        assert len(History.load(journal.path).ops) == n
    journal.close()


@pytest.mark.parametrize("f", ["revoke", "refresh", "code", "logout"])
def test_what_changes_a_grant_is_on_the_disk_before_it_is_sent(tmp_path: Path, f: str) -> None:
    """After a kill nobody may count on a grant that was being revoked when nothing was written any more."""
    journal = opened(tmp_path)
    journal.flush()
    i = journal.invoke("web-1", f, grant="g")
    assert [op.i for op in History.load(journal.path).ops] == [i]
    journal.complete(i, "ok")
    assert len(History.load(journal.path).ops) == 1, "its answer may be a moment old"
    journal.close()


def test_times_are_those_of_a_monotonic_clock(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A wall clock set back in the middle of a run changes nothing."""
    journal = opened(tmp_path)
    first = journal.note("harness", "note", {})
    monkeypatch.setattr("time.time", lambda: 0.0)
    second = journal.note("harness", "note", {})
    assert 0 <= first.t_s <= second.t_s <= journal.now_s() < 5
    journal.close()


@settings(deadline=None)
@given(st.text(min_size=1, max_size=200))
def test_a_token_has_a_name_that_is_not_the_token(token: str) -> None:
    name = token_hash(token)
    assert len(name) == 16 and set(name) <= set("0123456789abcdef")
    assert name == token_hash(token) and name != token_hash(token + "x")


def test_a_full_disk_is_told_once_and_the_run_can_still_end(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "history.jsonl", scenario="unit", seed=1, engine="process")
    heard: list[Op] = []
    journal.subscribe(heard.append)
    first = journal.invoke("rs-1", "introspect")
    journal.flush()
    with open("/dev/full", "wb", buffering=1 << 16) as full:
        journal._file.close()
        journal._file = full
        with pytest.raises(DiskFull) as said:
            for _ in range(10_000):
                journal.note("harness", "gauge", {"text": "x" * 100})
        assert said.value.exit_code == 255 and "free some room" in said.value.todo
        assert said.value.where == str(tmp_path / "history.jsonl")
        before = len(heard)
        journal.note("harness", "end", {"ended": "failed"})  # nobody is told again
        assert len(heard) == before + 1
        journal.close()
    assert [op.i for op in heard if op.of == first]
    assert journal.full is said.value
    assert [op.i for op in History.load(tmp_path / "history.jsonl").ops] == [first]


def test_another_error_of_the_disk_is_not_called_a_full_one(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "history.jsonl", scenario="unit", seed=1, engine="process")
    journal._file.close()
    with pytest.raises(ValueError, match="closed"):
        journal.note("harness", "gauge", {})
    assert journal.full is None


async def test_what_was_written_last_is_on_the_disk_though_nothing_follows_it(tmp_path: Path) -> None:
    """Clients that wait for an answer write nothing, and the next gauge may be a second away."""
    journal, env = opened(tmp_path), LiveEnvironment()
    env.process(keep_written(env, journal))
    journal.invoke("rs-1", "introspect")
    assert len(journal.path.read_bytes().splitlines()) == 1, "the header alone: it is buffered"
    await env.run_live(env.timeout(2 * FLUSH_S))
    assert len(journal.path.read_bytes().splitlines()) == 2
