"""The follower: each op once, in order, whatever the file looks like meanwhile."""

from __future__ import annotations

import lzma
from pathlib import Path

import msgspec
import pytest
from recording import write_run

from sim.history.history import history_file
from tui.archive import Archive
from tui.follow import Follower
from tui.landmarks import landmarks
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
    follower = Follower(path)
    ops = follower.take(10**6)
    assert [Archive(follower).op(i) for i in (0, 9)] == [ops[0], ops[9]], "read again from what was unpacked"
    follower.close()


def test_any_op_is_read_again_with_its_other_half(written: Path) -> None:
    follower = Follower(written)
    ops = follower.take(10**6)
    archive = Archive(follower)
    assert len(archive) == len(ops) and archive.op(len(ops) - 1) == ops[-1] and archive.op(len(ops)) is None
    asked = next(op for op in ops if op.type == "invoke" and op.f == "introspect")
    answer = next(op for op in ops if op.of == asked.i)
    assert archive.pair(asked.i) == archive.pair(answer.i) == (asked, answer)
    note = next(op for op in ops if op.type == "info" and op.of is None)
    assert archive.pair(note.i) == (None, note)
    follower.close()


def test_a_damaged_line_shifts_no_index(written: Path) -> None:
    lines = written.read_bytes().split(b"\n")
    lines[6] = b"{damaged"  # the header is line 0: this was op 5
    written.write_bytes(b"\n".join(lines))
    follower = Follower(written)
    ops = follower.take(10**6)
    archive = Archive(follower)
    assert follower.damaged == 1 and archive.op(5) is None
    assert archive.op(6) == next(op for op in ops if op.i == 6)


def test_every_mention_of_a_grant_is_found_once(written: Path) -> None:
    follower = Follower(written)
    ops = follower.take(10**6)
    grant = next(op.grant for op in ops if op.f == "revoke" and op.grant)
    assert grant is not None
    named = [op.i for op in ops if grant.encode() in msgspec.json.encode(op)]
    assert len(named) > 2 and list(Archive(follower).find(grant.encode())) == named


def test_a_recordings_landmarks_are_found_without_playing_it(tmp_path: Path) -> None:
    write_run(tmp_path, until_s=60.0)
    marks = landmarks(tmp_path / "history.jsonl", [1000, 40])
    phases = [m.name for m in marks if m.kind == "phase"]
    assert phases[:3] == ["baseline", "lifetime", "capture"] and "snapshot" in phases
    assert [m.name for m in marks if m.kind == "broken"] == ["first broken op #40"]


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
    assert replay.faster(1) == 4.0 and replay.faster(-9) == 0.5 and replay.faster(9) == 50.0
    replay.skip(1000)
    rest = replay.take(10**6)
    assert [op.i for op in seen + rest] == list(range(len(seen) + len(rest)))
    replay.rewind(10.0)
    assert [op.t_s for op in replay.take(10**6)] == sorted(op.t_s for op in seen + rest if op.t_s <= 10.0)
