"""Fixtures of several unit tests."""

from __future__ import annotations

import pytest
from planting import PLANT

from sim.services import planted


@pytest.fixture
def plant(monkeypatch: pytest.MonkeyPatch) -> PLANT:
    """Plants a bug in the services of this process, for the length of a test."""
    def set_it(bug: str) -> None:
        monkeypatch.setenv(planted.VARIABLE, bug)
        planted._counts.clear()

    return set_it
