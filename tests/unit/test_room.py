"""Room on the disk is asked for before databases are made."""

import shutil
from types import SimpleNamespace

import pytest

from sim.errors import BadInput
from sim.rigs.real.room import BASE_BYTES, must_have_room


def test_too_little_room_is_said_with_the_place_and_what_to_do(tmp_path, monkeypatch):
    monkeypatch.setattr(shutil, "disk_usage", lambda place: SimpleNamespace(free=BASE_BYTES))
    with pytest.raises(BadInput, match=r"20,000 grants need 1\.5 GB of disk") as caught:
        must_have_room(tmp_path, 20_000)
    assert str(tmp_path) in str(caught.value) and "TMPDIR" in str(caught.value)
    monkeypatch.setattr(shutil, "disk_usage", lambda place: SimpleNamespace(free=4 * BASE_BYTES))
    must_have_room(tmp_path, 20_000)


def test_a_place_that_can_not_be_reached_is_not_asked():
    must_have_room(None, 2_000_000)
