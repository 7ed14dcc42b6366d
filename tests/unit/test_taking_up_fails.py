"""A killed run that can't be taken up after all leaves nothing behind."""

from __future__ import annotations

import asyncio
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from sim.errors import StepFailed
from sim.rehearsal import Options, _Rehearsal
from sim.rigs.real.rig import RealRig
from sim.scenario import load_scenario


@pytest.mark.parametrize("error", [asyncio.CancelledError(), StepFailed("no room", where="disk")])
@pytest.mark.parametrize("is_taken_up", [True, False])
async def test_what_the_killed_run_left_goes_with_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
                                                     error: BaseException, is_taken_up: bool) -> None:
    given_up: list[bool] = []

    async def fail(*_: Any, **__: Any) -> RealRig:
        raise error

    monkeypatch.setattr(RealRig, "open", fail)
    adopted = SimpleNamespace(estate=None, given_up=lambda: given_up.append(True))
    taken: Any = SimpleNamespace(adopted=adopted) if is_taken_up else None
    rehearsal = _Rehearsal(load_scenario("10"), Options(), 10, tmp_path, taken)
    with pytest.raises(type(error)):
        await rehearsal._on_a_stack("process", SimpleNamespace())  # type: ignore[arg-type]
    assert given_up == ([True] if is_taken_up else [])
