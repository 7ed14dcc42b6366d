"""Every figure opens, every list filters: asserted on what the screens hold, and on what they show."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
from screens import caught_up, run_folder, screen_text, until
from textual.pilot import Pilot

from sim.history.op import Op
from tui import copying, query, reach
from tui.app import RehearsalApp
from tui.ink import To
from tui.screens.database import DatabaseScreen
from tui.screens.faults import FaultsScreen
from tui.screens.inject import InjectSheet, fields
from tui.screens.ledger import LedgerScreen
from tui.screens.life import LifeRows, LifeScreen
from tui.screens.log import LogRows, LogScreen
from tui.screens.op import OpScreen
from tui.screens.sheets import Question, TextSheet
from tui.screens.traffic import TrafficScreen
from tui.screens.verdict import VerdictScreen
from tui.screens.watched import Watched

SIZE = (100, 30)


@pytest.fixture
async def opened(tmp_path: Path) -> AsyncIterator[tuple[RehearsalApp, Pilot[None]]]:
    folder = run_folder(tmp_path, until_s=62.0)
    (folder / "logs").mkdir()
    (folder / "logs" / "edge.log").write_text(
        "2026-01-01 14:30:55.000 UTC first of the edge\nand its second line\ntoken=abcdefgh12345678 told\n")
    app = RehearsalApp(folder, refresh_s=0.05)
    async with app.run_test(size=SIZE) as pilot:
        await caught_up(pilot)
        yield app, pilot


def rows(app: RehearsalApp) -> LogRows:
    """The log's list; an empty one of its own before the screen is composed."""
    return next(iter(app.screen.query(LogRows)), None) or LogRows()


async def test_every_screen_has_a_number_and_the_hand_reaches_every_figure(
        opened: tuple[RehearsalApp, Pilot[None]]) -> None:
    app, pilot = opened
    for key, kind in (("2", TrafficScreen), ("3", FaultsScreen), ("4", DatabaseScreen), ("5", LedgerScreen),
                      ("6", LogScreen), ("7", VerdictScreen)):
        await pilot.press(key)
        await until(pilot, lambda kind=kind: isinstance(app.screen, kind))  # type: ignore[misc]
    await pilot.press("1")
    await until(pilot, lambda: isinstance(app.screen, Watched) and bool(app.screen._figures()))
    front = app.screen
    assert isinstance(front, Watched)
    kinds = {spot.to.kind for _, spot in front._figures()}
    assert kinds >= {"log", "check", "step", "op", "screen"}
    await pilot.press("tab")
    first = front.held
    await pilot.press("tab", "shift+tab")
    assert first is not None and front.held == first


async def test_a_figure_ends_at_its_op_and_the_op_is_copied(opened: tuple[RehearsalApp, Pilot[None]]) -> None:
    app, pilot = opened
    app.open(To("log", "op:revoke is:captured"))
    many = app.shown.captures.acknowledged
    await until(pilot, lambda: isinstance(app.screen, LogScreen) and len(rows(app).book or ()) == many > 0)
    await pilot.press("enter")
    await until(pilot, lambda: isinstance(app.screen, OpScreen) and "http://$REHEARSE_EDGE_PUBLIC" in screen_text(app))
    text = screen_text(app)
    assert "2026-01-01 14:31:" in text and "capture: 1" in text and "its text is never stored" in text
    await pilot.press("y")
    await until(pilot, lambda: isinstance(app.screen, Question))
    await pilot.press("c")
    await until(pilot, lambda: "curl -sS" in app.clipboard)
    assert "$TOKEN" in app.clipboard and "/oauth2/revoke" in app.clipboard
    await until(pilot, lambda: isinstance(app.screen, OpScreen))
    await pilot.press("e")
    await until(pilot, lambda: isinstance(app.screen, TextSheet) and "revocation, check" in screen_text(app))
    await pilot.press("escape", "g")
    await until(pilot, lambda: isinstance(app.screen, LifeScreen) and bool(app.screen.query_one(LifeRows).moments))
    moments = app.screen.query_one(LifeRows).moments or []
    before, after = moments[0].lanes, moments[-1].lanes
    assert before[0] == "alive" and after == ("dead", "none", "none", "dead"), "revoked, captured, replayed on green"


async def test_the_log_merges_services_by_time_and_masks_them(opened: tuple[RehearsalApp, Pilot[None]]) -> None:
    app, pilot = opened
    await pilot.press("6")
    await until(pilot, lambda: isinstance(app.screen, LogScreen) and rows(app).follows)
    book = rows(app).book
    assert book is not None
    times = [entry.t_s if not isinstance(entry, int) else app.archive.follower.times[entry]
             for entry in (book[n] for n in range(len(book)))]
    assert times == sorted(times) and len(book) == len(app.shown.lines) + 3
    await pilot.press("slash", *"edge", "enter")
    await until(pilot, lambda: book.query.text == "edge" and "and its second line" in screen_text(app))
    assert "first of the edge" in screen_text(app) and "abcdefgh" not in screen_text(app)
    await pilot.press("c")
    await until(pilot, lambda: rows(app).follows and book.query.is_empty)


async def test_the_ledger_filters_and_leads_to_a_life(opened: tuple[RehearsalApp, Pilot[None]]) -> None:
    app, pilot = opened
    await pilot.press("5")
    await until(pilot, lambda: isinstance(app.screen, LedgerScreen) and app.screen.shown is not None)
    screen = app.screen
    assert isinstance(screen, LedgerScreen)
    whole = len(screen.ledger.rows(app.shown))
    await pilot.press("slash", *"captured", "enter")
    await until(pilot, lambda: screen.ledger.filter == "captured")
    captured = screen.ledger.rows(app.shown)
    assert 0 < len(captured) < whole and all(e.capture.startswith("#") for e in captured)
    await pilot.press("enter")
    await until(pilot, lambda: isinstance(app.screen, LifeScreen) and "revoke" in screen_text(app))


async def test_a_fault_is_few_presses_away_and_its_figures_are_checked(tmp_path: Path) -> None:
    app = RehearsalApp(run_folder(tmp_path), refresh_s=0.05)
    sent: list[dict[str, Any]] = []
    async with app.run_test(size=SIZE) as pilot:
        await caught_up(pilot)
        app.command = lambda verb, **told: sent.append({"verb": verb, **told})  # type: ignore[method-assign,assignment]
        await pilot.press("f")
        await until(pilot, lambda: isinstance(app.screen, FaultsScreen) and "edge->blue-hydra:adm" in screen_text(app))
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(app.screen, InjectSheet) and "latency" in screen_text(app))
        assert "may be felt by: authz" not in screen_text(app) and "clients" in screen_text(app)
        await pilot.press("enter")
        await until(pilot, lambda: bool(app.screen.query("#field-latency")))
        await pilot.press("end", "x", "enter")
        await until(pilot, lambda: "✗ latency" in screen_text(app))
        assert sent == []
        await pilot.press("end", "backspace", "enter")
        await until(pilot, lambda: bool(sent))
    assert sent == [{"verb": "inject", "fault": "latency", "link": "edge->blue-hydra:admin", "for_s": 10.0,
                     "parameters": {"latency": "250ms"}}]


@pytest.mark.parametrize(("kind", "where", "asked"), [
    ("kill", "edge", ["after", "for"]), ("kill", "edge-2", ["after", "for"]), ("kill", "replayer", ["message", "for"]),
    ("kill", "queue", ["for"]), ("latency", "edge->queue", ["latency", "jitter", "for"])])
def test_a_sheet_asks_what_a_fault_takes_there(kind: str, where: str, asked: list[str]) -> None:
    assert [field.key for field in fields(kind, where)] == asked


async def test_a_read_only_screen_commands_nothing(tmp_path: Path) -> None:
    app = RehearsalApp(run_folder(tmp_path), refresh_s=0.05, read_only=True)
    async with app.run_test(size=SIZE) as pilot:
        await caught_up(pilot)
        await pilot.press("space")
        await until(pilot, lambda: any("read-only" in n.message for n in app._notifications))


def op(i: int, type: str, f: str, t_s: float, of: int | None = None, **rest: Any) -> Op:
    return Op(i=i, type=type, process="web-1", f=f, t_s=t_s, of=of, **rest)  # type: ignore[arg-type]


@pytest.mark.parametrize(("text", "passes"), [
    ("", True), ("op:refresh", True), ("op:introspect,refresh", True), ("op:revoke", False), ("who:web", True),
    ("who:mcp", False), ("on:green", True), ("on:blue", False), ("is:failed", False), ("is:ok", True),
    ("from:9 to:11", True), ("to:10", False), ("from:00:09", True), ("slow:400ms", True), ("slow:600ms", False)])
def test_the_filter_reads_keys_and_times(text: str, passes: bool) -> None:
    begun, done = op(0, "invoke", "refresh", 9.6, due_s=9.5), op(1, "ok", "refresh", 10.0, 0, route="green")
    assert query.matches(query.read(text), done, begun) is passes


def test_a_filter_that_makes_no_sense_says_so() -> None:
    assert "63.5" in query.read("from:soon").wrong and "failed" in query.read("is:odd").wrong
    assert query.read("#12,#15 and").only == (12, 15)


def test_the_blast_is_everybody_who_uses_it() -> None:
    links = ("clients->edge:public", "edge->blue-hydra:public", "blue-hydra->blue-postgres", "replayer->queue")
    assert reach.blast("blue-hydra->blue-postgres", links) == {"blue-hydra", "edge", "clients"}
    assert reach.blast("blue-hydra", links) == {"edge", "clients"}
    assert reach.blast("replayer->queue", links) == {"replayer"}
    assert reach.parts(links) == ["edge", "blue-hydra", "blue-postgres", "replayer", "queue"]


def test_an_op_is_yaml_that_a_parser_reads(tmp_path: Path) -> None:
    from ruamel.yaml import YAML

    done = op(1, "fail", "refresh", 10.0, 0, route="green", error="status 400: no",
              value={"status": 400, "grants": ["a", "b"], "inside": {"x": {"y": [1, {"z": True}]}}})
    text = copying.yaml(op(0, "invoke", "refresh", 9.5), done)
    told = YAML(typ="safe").load(text)
    assert told["completion"]["value"] == done.value and told["invocation"]["t_s"] == 9.5
    assert told["completion"]["error"] == done.error


async def test_y_on_a_services_line_copies_the_line(opened: tuple[RehearsalApp, Pilot[None]]) -> None:
    app, pilot = opened
    app.open(To("log", "second line"))
    await until(pilot, lambda: isinstance(app.screen, LogScreen) and len(rows(app).book or ()) == 1
                and "and its second line" in screen_text(app))
    await pilot.press("y")
    await until(pilot, lambda: app.clipboard == "edge: and its second line")


async def test_a_command_says_who_gave_it_on_events_and_log(tmp_path: Path) -> None:
    folder = run_folder(tmp_path, until_s=48.5)
    app = RehearsalApp(folder, refresh_s=0.05)
    async with app.run_test(size=(160, 50)) as pilot:
        await caught_up(pilot)
        last = app.shown.ops
        add(folder,
            Op(last, "invoke", "operator", "pause", 48.6, value={"who": "ann", "role": "operator"}),
            Op(last + 1, "ok", "operator", "pause", 48.7, last, value={"told": "the runbook pauses"}),
            Op(last + 2, "invoke", "operator", "approve", 48.8, value={"who": "li", "reason": "all well"}),
            Op(last + 3, "fail", "operator", "approve", 48.9, last + 2, value={"told": "no gate waits"}))
        await until(pilot, lambda: "ann, operator: pause: the runbook pauses" in screen_text(app))
        assert "li: approve: refused: no gate waits" in screen_text(app)
        app.open(To("log", "who:operator"))
        await until(pilot, lambda: isinstance(app.screen, LogScreen) and len(rows(app).book or ()) == 4)
        await until(pilot, lambda: "li: approve all well" in screen_text(app))
        assert "li: approve: refused: no gate waits" in screen_text(app)


def add(folder: Path, *ops: Op) -> None:
    """Write on in the history."""
    with open(folder / "history.jsonl", "ab") as file:
        for each in ops:
            file.write(msgspec.json.encode(each) + b"\n")
