"""Every number opens: on each panel, at both sizes; there y copies it and e explains it."""

from __future__ import annotations

from pathlib import Path

import pytest
from screens import caught_up, run_folder, screen_text, until
from textual.pilot import Pilot

from tui import behind
from tui.app import RehearsalApp
from tui.ink import Opens, To
from tui.screens.evidence import EvidenceScreen
from tui.screens.hand import Held
from tui.screens.ledger import LedgerScreen
from tui.screens.log import LogScreen
from tui.screens.op import OpScreen
from tui.screens.overview import Overview
from tui.screens.sheets import Question, TextSheet
from tui.screens.traffic import TrafficScreen
from tui.screens.watched import Watched
from tui.widgets.lines import Lines

PANELS = ("blue", "green", "prices", "revocations", "traffic", "questions", "sofar", "checks")
HEADINGS = ("last ", "latency from", "p50", "p95", "p99 ms", "BLUE ", "GREEN ", "blue only, since the copy",
            ", 2 of 12", ", 6 of 12", ", 10 of 12", "sender late p99")
"""How pieces begin whose digits are a heading's, a version's or the step's own number."""


def numbers_that_do_not_open(app: RehearsalApp) -> list[tuple[str | None, str]]:
    """(panel, piece) of each piece with a digit that leads nowhere."""
    found = []
    for panel in app.screen.query(Lines):
        if panel.display and panel.id in PANELS:
            found += [(panel.id, piece.strip()) for line in panel._lines for piece, _ in line
                      if not isinstance(piece, Opens) and any(c.isdigit() for c in piece)]
    return found


async def on_overview(pilot: Pilot[None]) -> RehearsalApp:
    app = pilot.app
    assert isinstance(app, RehearsalApp)
    await caught_up(pilot)
    await pilot.press("1")
    await until(pilot, lambda: isinstance(app.screen, Overview))
    app.refresh_now()
    await pilot.pause()
    return app


@pytest.mark.parametrize("size", [(160, 50), (80, 24), (60, 12)])
@pytest.mark.parametrize("until_s", [30.0, 48.5, 62.0])
async def test_no_number_of_the_overview_leads_nowhere(tmp_path: Path, size: tuple[int, int], until_s: float) -> None:
    async with RehearsalApp(run_folder(tmp_path, until_s=until_s), refresh_s=0.05).run_test(size=size) as pilot:
        app = await on_overview(pilot)
        left = [(panel, said) for panel, said in numbers_that_do_not_open(app)
                if not said.startswith(HEADINGS) and not said.endswith(" s ago")]
        assert left == []


async def open_at(app: RehearsalApp, pilot: Pilot[None], to: To) -> None:
    """Hold the figure that opens this, wherever it stands, and press enter."""
    front = app.screen
    assert isinstance(front, Watched)
    panel = next(p for p, s in front._figures() if s.to == to)
    front._held = Held(panel.id or "", to, 0)
    await pilot.press("enter")


@pytest.mark.parametrize(("to", "said"), [
    (To("gauge", "blue.rss_bytes"), "blue.rss_bytes: 118000000"),
    (To("gauge", "blue.connections"), "blue.connections: 14"),
    (To("gauge", "edge.waiting"), "edge.waiting: 0"),
    (To("gauge", "late_p99_s"), "late_p99_s: 0.0014"),
    (To("gauge", "way_back"), "made on green would be lost"),
    (To("quantile", "0.99 on:green"), "by       green"),
    (To("quantile", "0.5 op:introspect not:probe"), "/oauth2/introspect")])
async def test_a_figure_of_the_overview_ends_at_its_op(tmp_path: Path, to: To, said: str) -> None:
    async with RehearsalApp(run_folder(tmp_path, until_s=62.0), refresh_s=0.05).run_test(size=(160, 50)) as pilot:
        app = await on_overview(pilot)
        await open_at(app, pilot, to)
        await until(pilot, lambda: isinstance(app.screen, OpScreen) and said in screen_text(app))
        assert "2026-01-01 14:31:" in screen_text(app)


@pytest.mark.parametrize(("to", "kind"), [
    (To("recent", "on:green"), LogScreen), (To("recent", "op:introspect not:probe"), LogScreen),
    (To("figure", "write_loss.grants"), EvidenceScreen), (To("figure", "revocation.longest_gap"), EvidenceScreen),
    (To("series", "refresh"), TrafficScreen), (To("step", "replay"), OpScreen)])
async def test_other_figures_lead_to_their_ops(tmp_path: Path, to: To, kind: type[Watched]) -> None:
    async with RehearsalApp(run_folder(tmp_path, until_s=62.0), refresh_s=0.05).run_test(size=(160, 50)) as pilot:
        app = await on_overview(pilot)
        await open_at(app, pilot, to)
        await until(pilot, lambda: isinstance(app.screen, kind))


async def test_a_quantile_is_the_answer_whose_latency_it_is(tmp_path: Path) -> None:
    async with RehearsalApp(run_folder(tmp_path, until_s=62.0), refresh_s=0.05).run_test(size=(160, 50)) as pilot:
        app = await on_overview(pilot)
        for share, seen in zip((0.5, 0.95, 0.99), app.shown.traffic.rows["introspect"].quantiles(app.shown.now_s),
                               strict=True):
            i = behind.quantile(app.archive, app.shown, share, "op:introspect not:probe")
            assert i is not None and seen is not None
            begun, done = app.archive.pair(i)
            assert begun is not None and done is not None and begun.due_s is not None
            assert done.t_s - begun.due_s == pytest.approx(seen)


async def test_the_hand_stays_on_a_gauge_that_changes_and_walks_over_equal_figures(tmp_path: Path) -> None:
    folder = run_folder(tmp_path, until_s=62.0)
    async with RehearsalApp(folder, refresh_s=0.05).run_test(size=(160, 50)) as pilot:
        app = await on_overview(pilot)
        front = app.screen
        assert isinstance(front, Overview)
        many, seen = len(front._figures()), set()
        for _ in range(many):
            await pilot.press("tab")
            assert front._held is not None
            seen.add(front._held)
        assert len(seen) == many, "each figure is reached once"
        front._held = Held("blue", To("gauge", "blue.rss_bytes"), 0)
        app.shown.gauge_i += 1
        app.refresh_now()
        assert front.held == To("gauge", "blue.rss_bytes")


async def test_y_and_e_work_on_the_figure_that_is_held(tmp_path: Path) -> None:
    async with RehearsalApp(run_folder(tmp_path, until_s=62.0), refresh_s=0.05).run_test(size=(160, 50)) as pilot:
        app = await on_overview(pilot)
        await pilot.press("y")
        await until(pilot, lambda: any("tab walks to a figure" in n.message for n in app._notifications))
        front = app.screen
        assert isinstance(front, Overview)
        front._held = Held("blue", To("gauge", "blue.connections"), 0)
        await pilot.press("y")
        await until(pilot, lambda: isinstance(app.screen, Question))
        await pilot.press("p")
        await until(pilot, lambda: "pg_stat_activity" in app.clipboard)
        assert "$REHEARSE_BLUE_POSTGRES_SQL" in app.clipboard
        front._held = Held("traffic", To("quantile", "0.99 op:introspect not:probe"), 0)
        await pilot.press("y")
        await until(pilot, lambda: isinstance(app.screen, Question))
        await pilot.press("c")
        await until(pilot, lambda: "/oauth2/introspect" in app.clipboard)
        front._held = Held("prices", To("figure", "write_loss.grants"), 0)
        await pilot.press("y")
        await until(pilot, lambda: app.clipboard.startswith("write_loss:"))
        await pilot.press("e")
        await until(pilot, lambda: isinstance(app.screen, TextSheet) and "write_loss.grants" in screen_text(app))


async def test_the_ledgers_counts_open(tmp_path: Path) -> None:
    async with RehearsalApp(run_folder(tmp_path, until_s=62.0), refresh_s=0.05).run_test(size=(100, 30)) as pilot:
        app = await on_overview(pilot)
        await pilot.press("5")
        await until(pilot, lambda: isinstance(app.screen, LedgerScreen) and app.screen.shown is not None)
        ledger = app.screen
        assert isinstance(ledger, LedgerScreen)
        assert {s.to.arg for p, s in ledger._figures() if p.id == "ledgertitle"} >= {
            "op:revoke is:captured", "replay_queue", "replay", "op:revoke is:uncaptured", "op:revoke is:shed"}
        await open_at(app, pilot, To("log", "op:revoke is:captured"))
        await until(pilot, lambda: isinstance(app.screen, LogScreen) and "is:captured" in screen_text(app))
