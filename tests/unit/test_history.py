"""Reading a history: torn at any byte, damaged in the middle, while it is still written."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sim.errors import BadInput
from sim.history import history as history_module
from sim.history import stored
from sim.history.history import History
from sim.history.op import Header, Op
from sim.history.stored import StoredOps

HEADER = Header(origin_utc="2026-01-01T00:00:00Z", scenario="10-x", seed=10, engine="process", grants=5)
TEXTS = st.text(max_size=8)
VALUES: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | TEXTS | st.floats(allow_nan=False, allow_infinity=False),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3), max_leaves=5)


@st.composite
def op_lists(draw: st.DrawFn) -> list[Op]:
    """Invocations, completions and notes as a journal numbers them, with any text in them."""
    ops: list[Op] = []
    under_way: list[Op] = []
    for i in range(draw(st.integers(0, 6))):
        what = draw(st.sampled_from(["invoke", "note", "complete"]))
        value = draw(st.none() | st.dictionaries(TEXTS, VALUES, max_size=3))
        if what == "complete" and under_way:
            begun = under_way.pop(draw(st.integers(0, len(under_way) - 1)))
            ops.append(Op(i, draw(st.sampled_from(["ok", "fail", "info"])), begun.process, begun.f, i / 8, begun.i,
                          grant=begun.grant, route=draw(st.sampled_from([None, "blue", "green"])), value=value,
                          error=draw(st.none() | TEXTS)))
        elif what == "invoke":
            ops.append(Op(i, "invoke", draw(TEXTS), draw(TEXTS), i / 8, due_s=draw(st.none() | st.floats(0, 9)),
                          grant=draw(st.none() | TEXTS), value=value))
            under_way.append(ops[-1])
        else:
            ops.append(Op(i, "info", draw(TEXTS), draw(TEXTS), i / 8, value=value))
    return ops


def encoded(ops: list[Op]) -> bytes:
    return b"".join(msgspec.json.encode(told) + b"\n" for told in (HEADER, *ops))


@settings(deadline=None)
@given(op_lists())
def test_what_is_written_is_what_is_read(ops: list[Op]) -> None:
    history = History.parse(encoded(ops))
    assert history.header == HEADER and history.ops == ops and not history.torn


@settings(deadline=None, max_examples=40)
@given(op_lists(), st.data())
def test_torn_at_any_byte(ops: list[Op], data: st.DataObject) -> None:
    """All whole lines are there, the torn one is dropped and told, and no open call gets an outcome."""
    raw = encoded(ops)
    first = raw.index(b"\n")
    cut = data.draw(st.integers(first, len(raw)), label="bytes left")
    history = History.parse(raw[:cut])
    whole = raw[:cut].count(b"\n")
    assert history.ops == ops[: max(0, whole - 1)]
    assert history.torn == (not raw[:cut].endswith(b"\n"))
    completed = {op.of for op in ops[: max(0, whole - 1)]}
    assert all((c.done is None) == (c.begun.i not in completed) for c in history.calls())


def test_torn_at_every_byte_of_one_history() -> None:
    ops = [Op(0, "invoke", "web-1", "refresh", 0.1, grant="ü≠"),
           Op(1, "ok", "web-1", "refresh", 0.2, 0, value={"a": "\n"}),
           Op(2, "info", "harness", "note", 0.3, value={"text": "}{"})]
    raw = encoded(ops)
    header_ends = raw.index(b"\n")
    for cut in range(len(raw) + 1):
        if cut < header_ends:
            with pytest.raises(BadInput, match="not a history's header"):
                History.parse(raw[:cut], where="h")
        else:
            history = History.parse(raw[:cut])
            assert history.ops == ops[: max(0, raw[:cut].count(b"\n") - 1)]
            assert history.torn == (raw[:cut][-1:] != b"\n")


@pytest.mark.parametrize("damage", [b"{\n", b"\n", b"[]\n", b'{"i": 1}\n', b"\xff\xfe\n", b"null\n",
                                    b'{"i":1,"type":"done","process":"p","f":"f","t_s":1}\n'])
def test_a_damaged_line_in_the_middle_is_never_skipped(tmp_path: Path, damage: bytes) -> None:
    """A skipped op could be the one that broke the run."""
    path = tmp_path / "history.jsonl"
    lines = encoded([Op(n, "info", "harness", "note", n) for n in range(3)]).splitlines(keepends=True)
    path.write_bytes(b"".join([*lines[:2], damage, *lines[2:]]))
    with pytest.raises(BadInput, match="a line is damaged") as refused:
        History.load(path)
    assert refused.value.where == f"{path}:3"


@settings(deadline=None, max_examples=60)
@given(op_lists(), st.integers(1, 4), st.booleans())
def test_a_large_one_stays_in_its_file_and_reads_alike(
        tmp_path_factory: pytest.TempPathFactory, ops: list[Op], apart: int, torn: bool) -> None:
    path = tmp_path_factory.mktemp("h") / "history.jsonl"
    path.write_bytes(encoded(ops) + (b'{"i":' if torn else b""))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(history_module, "LARGE_BYTES", 0)
        patch.setattr(stored, "APART", apart)
        history = History.load(path)
        path.write_bytes(path.read_bytes() + encoded(ops))  # a run that goes on: what comes later is not there
        assert isinstance(history.ops, StoredOps) and history.torn is torn and history.header == HEADER
        assert list(history.ops) == ops and len(history.ops) == len(ops)
        assert [history.ops[n] for n in range(-len(ops), len(ops))] == [*ops, *ops]
        assert history.ops[1:4] == ops[1:4] and history.ops[::-2] == ops[::-2]
        with pytest.raises(IndexError):
            history.ops[len(ops)]
        assert list(history.calls()) == list(History(HEADER, ops).calls())


def test_a_damaged_line_of_a_large_one_is_told_by_the_first_pass(
        tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "history.jsonl"
    path.write_bytes(encoded([Op(0, "info", "a", "b", 0.0)]) + b"nonsense\n" + msgspec.json.encode(
        Op(1, "info", "a", "b", 0.1)) + b"\n")
    monkeypatch.setattr(history_module, "LARGE_BYTES", 0)
    with pytest.raises(BadInput, match="a line is damaged") as told:
        list(History.load(path).ops)
    assert "history.jsonl:3" in str(told.value.where)


def test_no_file_and_no_history(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="no history to read"):
        History.load(tmp_path / "none")
    with pytest.raises(BadInput):
        History.load(tmp_path)
    (tmp_path / "other").write_text("hello\n")
    with pytest.raises(BadInput, match="not a history's header") as refused:
        History.load(tmp_path / "other")
    assert refused.value.where.endswith("other:1")
    with pytest.raises(BadInput):
        History.parse(b"")


def test_what_a_later_version_adds_is_no_damage() -> None:
    raw = encoded([]) + b'{"i":0,"type":"info","process":"p","f":"f","t_s":1.0,"new":true}\n'
    assert History.parse(raw).ops == [Op(0, "info", "p", "f", 1.0)]


def test_notes_are_lone_infos_of_a_kind() -> None:
    ops = [Op(0, "info", "harness", "note", 0.0), Op(1, "invoke", "web-1", "note", 0.1),
           Op(2, "info", "web-1", "note", 0.2, of=1), Op(3, "info", "harness", "gauge", 0.3)]
    assert list(History(HEADER, ops).notes("note")) == [ops[0]]


def test_calls_come_in_the_order_of_invocation_however_they_end() -> None:
    ops = [Op(0, "invoke", "a", "x", 0.0), Op(1, "invoke", "b", "x", 0.1), Op(2, "ok", "b", "x", 0.2, of=1),
           Op(3, "invoke", "c", "x", 0.3), Op(4, "info", "a", "x", 0.4, of=0)]
    calls = list(History(HEADER, ops).calls())
    assert [(c.begun.i, c.done.i if c.done else None) for c in calls] == [(0, 4), (1, 2), (3, None)]
    assert History(HEADER, ops).left_open() == {3: ops[3]}
