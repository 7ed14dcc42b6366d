"""The follower: each op once, in order, whatever the file looks like meanwhile."""

from __future__ import annotations

import lzma
from pathlib import Path

import pytest
from recording import write_run

from tui.follow import Follower, history_file, ops_at
from tui.playback import Recording


@pytest.fixture
def written(tmp_path: Path) -> Path:
    write_run(tmp_path, until_s=20.0)
    return tmp_path / "history.jsonl"


def test_reads_what_is_written_piece_by_piece(written: Path, tmp_path: Path) -> None:
    whole = written.read_bytes()
    growing = tmp_path / "growing.jsonl"
    follower = Follower(growing)
    assert follower.take() == [] and follower.header is None  # not even begun

    seen = []
    with growing.open("wb") as file:
        for start in range(0, len(whole), 7919):  # a prime: pieces end inside lines
            file.write(whole[start:start + 7919])
            file.flush()
            seen += follower.take()
    assert follower.header is not None and follower.header.seed == 10
    assert [op.i for op in seen] == list(range(whole.count(b"\n") - 1))
    assert follower.read_bytes == len(whole), "no byte is read twice"
    assert follower.take() == []


def test_a_torn_last_line_waits_and_a_damaged_one_is_counted(written: Path) -> None:
    lines = written.read_bytes().split(b"\n")
    lines[5] = lines[5][:20]
    written.write_bytes(b"\n".join(lines[:-1]) + b"\n" + b'{"i":999999,"type":"inf')
    follower = Follower(written)
    seen = follower.take(1_000_000)
    assert follower.damaged == 1
    assert len(seen) == len(lines) - 3 and all(op.i != 999999 for op in seen)


def test_a_limit_is_kept_about(written: Path) -> None:
    follower = Follower(written)
    assert 10 <= len(follower.take(10)) < 2000
    assert 0 < follower.share_read() <= 1


def test_packed_recordings_are_read_alike(written: Path, tmp_path: Path) -> None:
    packed = tmp_path / "packed"
    packed.mkdir()
    (packed / "history.jsonl.xz").write_bytes(lzma.compress(written.read_bytes()))
    path = history_file(packed)
    assert path.suffix == ".xz"
    assert Follower(path).take(10**6) == Follower(written).take(10**6)
    assert next(op.i for op in ops_at(path, [3, 9])) == 3


def test_witnesses_come_with_their_completions(written: Path) -> None:
    ops = Follower(written).take(10**6)
    asked = next(op for op in ops if op.type == "invoke" and op.f == "introspect")
    answer = next(op for op in ops if op.of == asked.i)
    assert ops_at(written, [asked.i]) == [asked, answer]
    assert ops_at(written, [answer.i]) == [answer]


def test_a_replay_keeps_time_speed_and_order(written: Path) -> None:
    clock = [100.0]
    replay = Recording(written.parent, speed=2.0, clock=lambda: clock[0])
    replay.take()
    clock[0] += 3.0
    seen = replay.take(10**6)
    assert replay.at_s == pytest.approx(6.0) and seen and max(op.t_s for op in seen) <= 6.0
    replay.held = True
    clock[0] += 50.0
    assert replay.take() == []
    replay.held = False
    assert replay.faster(1) == 4.0 and replay.faster(-9) == 0.25
    replay.skip(1000)
    rest = replay.take(10**6)
    assert [op.i for op in seen + rest] == list(range(len(seen) + len(rest)))
