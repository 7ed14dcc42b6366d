"""What the cache of seeded data gives and forgets."""

from __future__ import annotations

import json
import time
from pathlib import Path

from sim.rigs.real.hydra_api import parse_metrics
from sim.rigs.real.lifetime import go_duration
from sim.rigs.real.seed import FRESH_S, find, fresh_s


def put(folder: Path, key: str, *, age_s: float, good_s: float = FRESH_S) -> None:
    (folder / f"{key}.tar").write_bytes(b"data")
    (folder / f"{key}.json").write_text(json.dumps({"made_at": time.time() - age_s, "good_s": good_s, "figures": {}}))


def test_a_fresh_tar_of_the_key_is_found(tmp_path: Path) -> None:
    put(tmp_path, "one", age_s=100)
    put(tmp_path, "two", age_s=100)
    found = find(tmp_path, "two", FRESH_S)
    assert found is not None and found[0] == tmp_path / "two.tar"
    assert find(tmp_path, "three", FRESH_S) is None


def test_stale_ones_are_not_found_and_go(tmp_path: Path) -> None:
    put(tmp_path, "old", age_s=FRESH_S + 1)
    put(tmp_path, "short", age_s=120, good_s=100)
    put(tmp_path, "tomorrow", age_s=-3600)
    put(tmp_path, "good", age_s=120)
    assert find(tmp_path, "old", FRESH_S) is None
    assert sorted(path.name for path in tmp_path.iterdir()) == ["good.json", "good.tar"]


def test_a_note_without_its_tar_goes(tmp_path: Path) -> None:
    put(tmp_path, "one", age_s=1)
    (tmp_path / "one.tar").unlink()
    assert find(tmp_path, "one", FRESH_S) is None
    assert list(tmp_path.iterdir()) == []


def test_data_is_good_for_a_day_or_half_of_what_its_oldest_token_has_left() -> None:
    assert fresh_s(720 * 3600.0) == 24 * 3600.0
    assert round(fresh_s(3600.0)) == 180


def test_metrics_are_read_from_prometheus_text() -> None:
    text = ("# HELP go_goroutines Number\n# TYPE go_goroutines gauge\ngo_goroutines 21\n"
            "go_memstats_heap_inuse_bytes 1.2115968e+07\ngo_memstats_heap_inuse_bytes_other 3\n")
    assert parse_metrics(text) == {"goroutines": 21.0, "heap_bytes": 12115968.0}


def test_durations_are_gos() -> None:
    assert (go_duration(120), go_duration(0.25)) == ("120000ms", "250ms")
