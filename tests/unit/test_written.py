"""faults.jsonl: on the disk before anything is done, readable after any kill."""

from __future__ import annotations

import json
import os
import stat
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sim.faults.written import Written, unhealed

FAULT = {"fault": "latency", "link": "edge->queue"}


def test_a_line_is_synced_to_the_disk_before_write_returns(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "faults.jsonl"
    seen: list[str] = []
    sync = os.fsync

    def synced(descriptor: int) -> None:
        assert os.path.samestat(os.fstat(descriptor), path.stat())
        seen.append(path.read_text())
        sync(descriptor)

    monkeypatch.setattr("sim.faults.written.os.fsync", synced)
    written = Written(path)
    written.write("a", "making", FAULT)
    assert [json.loads(line) for line in seen[0].splitlines()] == [{"name": "a", "state": "making", "fault": FAULT}]
    written.write("a", "made")
    assert len(seen) == 2 and seen[1].endswith('{"name": "a", "state": "made"}\n')


def test_it_is_for_its_owner_alone(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        Written(tmp_path / "faults.jsonl").close()
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "faults.jsonl").stat().st_mode) == 0o600


def test_what_is_begun_and_not_healed_must_be_healed(tmp_path: Path) -> None:
    path = tmp_path / "faults.jsonl"
    assert unhealed(path) == []
    written = Written(path)
    for name in ("a", "b", "c"):
        written.write(name, "making", {**FAULT, "link": f"edge->{name}"})
    written.write("b", "made")
    written.write("c", "made")
    written.write("b", "healed")
    assert unhealed(path) == [{"name": "a", "fault": "latency", "link": "edge->a"},
                              {"name": "c", "fault": "latency", "link": "edge->c"}]
    written.write("b", "making", FAULT)
    assert [one["name"] for one in unhealed(path)] == ["a", "c", "b"], "made again, open again"


@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(states=st.lists(st.tuples(st.sampled_from("abc"), st.sampled_from(["making", "made", "healed"])), max_size=12),
       torn=st.integers(1, 200))
def test_a_file_torn_anywhere_names_every_fault_that_may_be_on(
        tmp_path: Path, states: list[tuple[str, str]], torn: int) -> None:
    """Cut at any byte: what its whole lines say, never an error, never less than what was made."""
    path = tmp_path / "faults.jsonl"
    path.unlink(missing_ok=True)
    written = Written(path)
    for name, state in states:
        written.write(name, state, FAULT if state == "making" else None)  # type: ignore[arg-type]
    written.close()
    raw = path.read_bytes()
    cut = raw[: max(0, len(raw) - torn)]
    path.write_bytes(cut)
    whole = [json.loads(line) for line in cut.split(b"\n")[:-1]]
    if not cut.endswith(b"\n") and cut:
        try:  # only its line end is missing
            whole.append(json.loads(cut.split(b"\n")[-1]))
        except ValueError:
            pass
    last = {line["name"]: line["state"] for line in whole}
    assert {one["name"] for one in unhealed(path)} == {name for name, state in last.items() if state != "healed"}
