"""The databases' screen: sizes, WAL, and who waits for which lock, for how long and because of whom."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from screens import caught_up, run_folder, screen_text, until

from sim.history.op import Op
from sim.scenario import load_scenario
from tui.app import RehearsalApp
from tui.screens.database import DatabaseScreen
from tui.screens.op import OpScreen
from tui.state import Shown

WAIT = {"who": "hydra", "wants": "SELECT * FROM hydra_client", "lock": "hydra_client", "mode": "AccessShare",
        "for_s": 1.2, "holder": "migrator", "holder_does": "ALTER TABLE hydra_client ADD COLUMN pk uuid",
        "holder_state": "active", "holder_since_s": 3.0, "holder_waits": False, "held": ["AccessExclusive"]}


def gauge(i: int, t_s: float, **databases: dict[str, Any]) -> Op:
    return Op(i, "info", "harness", "gauge", t_s, value={"databases": databases})


def measured(wal: int, **more: Any) -> dict[str, Any]:
    return {"connections": 14, "waiting": 0, "oldest_s": 0.2, "wal_bytes": wal, "temp_bytes": 0, **more}


def blocked(i: int, t_s: float, for_s: float) -> Op:
    return Op(i, "info", "runbook", "progress", t_s, value={"step": "migrate", "blocked": {
        "waiting": 7, "for_s": for_s, "holder": "DROP INDEX x", "held": ["hydra_oauth2_access AccessExclusiveLock"]}})


def test_wal_has_a_rate_and_sizes_stay_until_they_are_read_again() -> None:
    shown = Shown()
    shown.feed(gauge(0, 1.0, green=measured(0, size_bytes=9_000_000, tables={"hydra_client": 500_000})))
    for n in range(1, 9):
        shown.feed(gauge(n, 1.0 + n, green=measured(n * 2_000_000)))
    seen = shown.database.sides["green"]
    assert seen.wal_bytes == 16_000_000 and seen.wal_rate == pytest.approx(2_000_000)
    assert seen.size_bytes == 9_000_000 and seen.sized_i == 0
    assert shown.database.objects()[0].green_bytes == 500_000
    assert not shown.database.sides["blue"].is_measured, "an older recording does not hold it"


def test_who_waits_is_kept_with_lock_and_holder_and_the_longest_is_first() -> None:
    shown = Shown()
    shown.feed(gauge(0, 1.0, blue=measured(0, waiting=2, waits=[WAIT, {**WAIT, "who": "edge", "for_s": 0.4}])))
    shown.feed(gauge(1, 2.0, blue=measured(0, waiting=1, waits=[{**WAIT, "for_s": 2.2}])))
    first, second = shown.database.waited()
    assert (first.who, first.for_s, first.lock, first.holder, first.i) == ("hydra", 2.2, "hydra_client", "migrator", 1)
    assert (second.who, second.for_s) == ("edge", 0.4)
    assert [w.who for w in shown.database.waiting_now("blue", 2.1)] == ["hydra"]
    shown.feed(gauge(2, 3.0, blue=measured(0)))
    assert shown.database.waiting_now("blue", 3.1) == [], "nobody waits any more"
    assert len(shown.database.waited()) == 2


def test_a_blocked_interval_of_an_in_place_run_is_a_wait_and_takes_no_file_away() -> None:
    shown = Shown(load_scenario("20"))
    told = {"step": "migrate", "done": 3, "total": 7, "version": "2020", "now": "2020 drop_uq", "for_s": 0.2,
            "statement": "DROP INDEX x", "locked": [], "waits": False}
    shown.feed(Op(0, "info", "runbook", "progress", 1.0, value=told))
    shown.feed(blocked(1, 1.2, 0.3))
    shown.feed(blocked(2, 1.5, 0.6))
    assert shown.database.now is not None and shown.database.now.name == "2020 drop_uq"
    assert shown.runbook.progress["total"] == 7, "the phase bar keeps its share"
    wait, = shown.database.waiting_now("blue", 1.6)
    assert (wait.who, wait.for_s, wait.lock, wait.i) == ("7 clients", 0.6, "hydra_oauth2_access", 2)
    assert (wait.holder, wait.held) == ("DROP INDEX x", "AccessExclusive")


def write_on(folder: Path, *ops: Op) -> None:
    import msgspec

    with open(folder / "history.jsonl", "ab") as file:
        for op in ops:
            file.write(msgspec.json.encode(op) + b"\n")


@pytest.mark.parametrize("size", [(80, 24), (160, 50)])
async def test_the_screen_shows_bytes_wal_and_who_waits(tmp_path: Path, size: tuple[int, int]) -> None:
    folder = run_folder(tmp_path)
    app = RehearsalApp(folder, refresh_s=0.05)
    async with app.run_test(size=size) as pilot:
        await caught_up(pilot)
        await pilot.press("4")
        await until(pilot, lambda: isinstance(app.screen, DatabaseScreen) and "not in this history" in screen_text(app))
        at = app.shown.ops
        tables = {"hydra_oauth2_authentication_request_handled": 41_000_000, "hydra_client": 500_000}
        sized = measured(0, size_bytes=214_000_000, tables=tables, temp_bytes=31_000_000)
        write_on(folder, gauge(at, 48.6, green=sized),
                 gauge(at + 1, 49.6, green=measured(5_000_000, waiting=1, waits=[WAIT], temp_bytes=31_000_000)))
        await until(pilot, lambda: app.shown.ops == at + 2)
        await pilot.press("t")
        await until(pilot, lambda: "request_handled" in screen_text(app))
        text = screen_text(app)
        for said in ("214 MB", "5.0 MB/s", "31 MB", "41 MB", "500 kB", "1 wait", "hydra_client", "1.2 s",
                     "held by migrator"):
            assert said in text, f"{said}\n{text}"
        assert "not in this history" not in text
        await pilot.press("t")
        await until(pilot, lambda: "HELD BY" in screen_text(app))
        for said in ("migrator: ALTER TABL", "client AccessShare", "hydra green"):
            assert said in screen_text(app), said
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(app.screen, OpScreen) and f"#{at + 1} gauge" in screen_text(app))
