"""Room on the disk is asked for before databases are made."""

import shutil
from types import SimpleNamespace

import psutil
import pytest

from sim.errors import BadInput
from sim.rigs.real.room import BASE_BYTES, SPARE_BYTES, must_have_memory, must_have_room


def test_too_little_room_is_said_with_the_place_and_what_to_do(tmp_path, monkeypatch):
    monkeypatch.setattr(shutil, "disk_usage", lambda place: SimpleNamespace(free=BASE_BYTES))
    with pytest.raises(BadInput, match=r"20,000 grants need 1\.5 GB of disk") as caught:
        must_have_room(tmp_path, 20_000)
    assert str(tmp_path) in str(caught.value) and "TMPDIR" in str(caught.value)
    monkeypatch.setattr(shutil, "disk_usage", lambda place: SimpleNamespace(free=4 * BASE_BYTES))
    must_have_room(tmp_path, 20_000)


def test_a_place_that_can_not_be_reached_is_not_asked():
    must_have_room(None, 2_000_000)


def test_disks_in_memory_are_refused_where_there_is_too_little_of_it(monkeypatch):
    monkeypatch.setattr(psutil, "virtual_memory", lambda: SimpleNamespace(available=8 << 30))
    must_have_memory({"blue-postgres": 3 << 30, "green-postgres": 3 << 30}, 16 << 30)
    with pytest.raises(BadInput, match=r"need 8\.6 GB of it") as caught:
        must_have_memory({"blue-postgres": 4 << 30, "green-postgres": 3 << 30}, (8 << 30) - 1)
    assert "blue-postgres, green-postgres" in str(caught.value) and "size" in str(caught.value)
    with pytest.raises(BadInput, match="are in memory"):
        must_have_memory({"blue-postgres": 8 << 30}, 64 << 30)
    must_have_memory({}, SPARE_BYTES // 2)
