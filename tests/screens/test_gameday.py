"""A game day's screens: the facilitator sees and does all, a player is told of no surprise until the end."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest
from recording import write_verdict
from screens import caught_up, run_folder, screen_text, until
from textual.pilot import Pilot

from sim.control import ControlServer
from sim.history.op import Op
from sim.paths import data
from sim.scenario import load_scenario, resolved
from tui.app import SCREENS, RehearsalApp
from tui.landmarks import landmarks
from tui.playback import Live
from tui.screens.faults import FaultsScreen
from tui.screens.gameday import GameDayScreen
from tui.screens.inject import InjectSheet
from tui.screens.log import LogScreen
from tui.screens.sheets import NoteSheet, Question, TextSheet
from tui.screens.watched import Watched
from tui.state import Shown

SIZE = (110, 30)
NAMES = ("slow-database", "queue-gone", "edge-dies")
UNTIL_S = 48.5


def day_folder(tmp_path: Path, *more: Op, verdict: bool = False) -> Path:
    """The recording as a game day in which a surprise is on and somebody has said so."""
    folder = run_folder(tmp_path, until_s=UNTIL_S)
    scenario = load_scenario("10", card=data("scenarios", "cards", "first-day.yaml"))
    (folder / "scenario.yaml").write_text(resolved(scenario))
    add(folder, *happened(Live(folder)), *more)
    if verdict:
        write_verdict(folder)
    return folder


def happened(source: Live) -> list[Op]:
    """A surprise, made and proven, and two notes, as the ops that follow."""
    first = 0
    while ops := source.take():
        first = ops[-1].i + 1
    source.close()
    told = {"name": "queue-gone", "fault": "down", "link": "edge->queue", "surprise": True}
    return [
        Op(first, "invoke", "nemesis", "fault", UNTIL_S, value=told),
        Op(first + 1, "info", "nemesis", "made", UNTIL_S, value={"name": "queue-gone", "surprise": True}),
        Op(first + 2, "ok", "nemesis", "fault", UNTIL_S, first,
           value={"name": "queue-gone", "proven": True, "seen": "refused at once", "surprise": True}),
        Op(first + 3, "info", "harness", "note", UNTIL_S + 4, value={
            "text": "revocations get 503", "level": "info", "who": "ann", "role": "scribe", "tag": "now"}),
        Op(first + 4, "info", "harness", "note", UNTIL_S + 5, value={
            "text": "they found it", "level": "info", "who": "li", "role": "facilitator"}),
    ]


def add(folder: Path, *ops: Op) -> None:
    with open(folder / "history.jsonl", "ab") as file:
        for op in ops:
            file.write(msgspec.json.encode(op) + b"\n")


class Desk:
    """Writes down what came."""

    def __init__(self) -> None:
        self.came: list[tuple[str, dict[str, Any]]] = []

    async def handle(self, verb: str, who: str, arguments: dict[str, Any]) -> str:
        self.came.append((verb, arguments))
        return f"done: {verb}"


@pytest.fixture
async def open_day(tmp_path: Path) -> AsyncIterator[Callable[..., Any]]:
    servers: list[ControlServer] = []

    async def begin(role: str) -> tuple[RehearsalApp, Desk, Path]:
        folder, desk = day_folder(tmp_path), Desk()
        server = ControlServer(folder, desk.handle)
        await server.start()
        servers.append(server)
        return RehearsalApp(folder, refresh_s=0.05, role=role), desk, folder

    yield begin
    for server in servers:
        await server.close()


async def everything(app: RehearsalApp, pilot: Pilot[None]) -> str:
    """What all eight screens show."""
    text = ""
    for name, (key, _) in SCREENS.items():
        await pilot.press(key)
        await until(pilot, lambda name=name: _is_drawn(app, name))  # type: ignore[misc]
        text += screen_text(app)
    return text


def _is_drawn(app: RehearsalApp, name: str) -> bool:
    screen = app.screen
    drawn = isinstance(screen, Watched) and screen.shown is app.shown and len(screen_text(app).split()) > 20
    return drawn and screen is app.get_screen(name)


@pytest.mark.parametrize("role", ["operator", ""])
async def test_a_player_is_told_of_no_surprise_on_any_screen(open_day: Callable[..., Any], role: str) -> None:
    app, _, _ = await open_day(role)
    async with app.run_test(size=(160, 50)) as pilot:
        await caught_up(pilot)
        text = await everything(app, pilot)
        assert not [name for name in NAMES if name in text] and "they found it" not in text
        assert "revocations get 503" in text, "a player's note is everybody's"
        assert "surprises are kept from this screen" in text
        assert app.shown.faults.active == {} and app.shown.kept == 4
        hidden = app.shown.ops - 5
        assert app.archive.op(hidden) is None and app.archive.op(hidden + 3) is not None
        assert app.shown.verdict is not None
        assert "fault" not in app.shown.verdict.check("fault_proof").summary.replace("0 faults", "")


async def test_the_facilitator_is_told_everything(open_day: Callable[..., Any]) -> None:
    app, _, _ = await open_day("facilitator")
    async with app.run_test(size=(160, 50)) as pilot:
        await caught_up(pilot)
        text = await everything(app, pilot)
        assert all(name in text for name in NAMES) and "they found it" in text
        assert "noticed after 4 s by ann (goal 15 s)" in text and "hope: restart it" in text


async def test_what_is_wrong_now_is_a_note_with_its_tag_and_the_players_role(open_day: Callable[..., Any]) -> None:
    app, desk, _ = await open_day("operator")
    async with app.run_test(size=SIZE) as pilot:
        await caught_up(pilot)
        await pilot.press("w")
        await until(pilot, lambda: isinstance(app.screen, NoteSheet) and "What is wrong now?" in screen_text(app))
        await pilot.press(*"503s", "enter")
        await until(pilot, lambda: desk.came == [("note", {"text": "503s", "tag": "now", "role": "operator"})])
        await pilot.press("n", *"hm", "enter")
        await until(pilot, lambda: desk.came[1:] == [("note", {"text": "hm", "role": "operator"})])


async def test_the_facilitator_makes_a_surprise_heals_one_and_tags_an_act(open_day: Callable[..., Any]) -> None:
    app, desk, _ = await open_day("facilitator")
    role = {"role": "facilitator"}
    async with app.run_test(size=SIZE) as pilot:
        await caught_up(pilot)
        await pilot.press("8")
        await until(pilot, lambda: isinstance(app.screen, GameDayScreen) and "slow-database" in screen_text(app))
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(app.screen, Question) and "Make slow-database now?" in screen_text(app))
        await pilot.press("enter")
        await until(pilot, lambda: desk.came == [("inject", {"fault": "slow-database", **role})])
        await pilot.press("down", "h")
        await until(pilot, lambda: desk.came[1:] == [("heal", {"name": "queue-gone", **role})])
        await pilot.press("end", "up", "t")
        await until(pilot, lambda: isinstance(app.screen, Question) and "ann: revocations get 503" in screen_text(app))
        await pilot.press("1")
        number = app.shown.ops - 2
        await until(pilot, lambda: desk.came[2:] == [("tag", {"of": number, "injection": "queue-gone", **role})])


async def test_a_player_can_neither_make_nor_tag(open_day: Callable[..., Any]) -> None:
    app, desk, _ = await open_day("lead")
    async with app.run_test(size=SIZE) as pilot:
        await caught_up(pilot)
        await pilot.press("8")
        await until(pilot, lambda: isinstance(app.screen, GameDayScreen) and "each surprise is" in screen_text(app))
        await pilot.press("enter", "t", "h")
        await until(pilot, lambda: "only the facilitator" in " ".join(n.message for n in app._notifications))
        assert desk.came == [] and isinstance(app.screen, GameDayScreen)


async def test_at_the_end_a_player_is_told_everything(open_day: Callable[..., Any]) -> None:
    app, _, folder = await open_day("operator")
    async with app.run_test(size=SIZE) as pilot:
        await caught_up(pilot)
        await pilot.press("8")
        await until(pilot, lambda: isinstance(app.screen, GameDayScreen))
        assert "queue-gone" not in screen_text(app)
        last = app.shown.ops
        add(folder, Op(last, "info", "harness", "end", 60.0, value={"ended": "completed", "why": ""}))
        write_verdict(folder)
        await until(pilot, lambda: "queue-gone" in screen_text(app) and "they found it" in screen_text(app))
        assert not app.is_masked and [f.name for f in app.shown.faults.log] == ["queue-gone"]
        await pilot.press("6")
        await until(pilot, lambda: isinstance(app.screen, LogScreen) and "queue-gone" in screen_text(app))


async def test_a_finished_day_is_an_open_book(tmp_path: Path) -> None:
    app = RehearsalApp(day_folder(tmp_path, verdict=True), role="operator", refresh_s=0.05)
    async with app.run_test(size=SIZE) as pilot:
        await caught_up(pilot)
        assert not app.is_masked and "queue-gone" in app.shown.faults.active


async def test_in_an_ordinary_run_there_is_no_game_day(tmp_path: Path) -> None:
    app = RehearsalApp(run_folder(tmp_path), refresh_s=0.05)
    async with app.run_test(size=SIZE) as pilot:
        await caught_up(pilot)
        await pilot.press("w")
        await until(pilot, lambda: "no game day" in " ".join(n.message for n in app._notifications))
        await pilot.press("8")
        await until(pilot, lambda: "this run is no game day" in screen_text(app))


def test_a_masked_replay_jumps_to_no_surprise(tmp_path: Path) -> None:
    path = day_folder(tmp_path) / "history.jsonl"
    assert [m.name for m in landmarks(path, []) if m.kind == "fault"] == ["queue-gone"]
    assert [m for m in landmarks(path, [], is_masked=True) if m.kind == "fault"] == []


def test_a_players_state_does_not_even_hold_the_card() -> None:
    scenario = load_scenario("10", card=data("scenarios", "cards", "first-day.yaml"))
    masked = Shown(scenario, is_masked=True)
    assert masked.scenario is not None and masked.scenario.surprises == [] and masked.day is not None
    assert len(scenario.surprises) == 3


async def test_from_the_help_a_latency_is_five_presses_away(open_day: Callable[..., Any]) -> None:
    app, desk, _ = await open_day("facilitator")
    async with app.run_test(size=SIZE) as pilot:
        await caught_up(pilot)
        await pilot.press("question_mark")
        await until(pilot, lambda: isinstance(app.screen, TextSheet) and "esc f f enter enter" in screen_text(app))
        await pilot.press("escape")
        await pilot.press("f")
        await until(pilot, lambda: isinstance(app.screen, FaultsScreen) and "link proven" in screen_text(app))
        await pilot.press("f")
        await until(pilot, lambda: isinstance(app.screen, InjectSheet) and "latency" in screen_text(app))
        await pilot.press("enter")
        await until(pilot, lambda: bool(app.screen.query("#field-latency")))
        await pilot.press("enter")
        await until(pilot, lambda: bool(desk.came))
        verb, told = desk.came[0]
        assert verb == "inject" and told["fault"] == "latency" and told["parameters"] == {"latency": "250ms"}


def test_the_card_looks(snap_compare: Any, tmp_path: Path) -> None:
    # Ticks are off: what is drawn is what caught_up asks for, whatever the machine's speed.
    app = RehearsalApp(day_folder(tmp_path), refresh_s=3600.0, role="facilitator")

    async def ready(pilot: Pilot[None]) -> None:
        await caught_up(pilot)
        await pilot.press("8")
        await until(pilot, lambda: isinstance(app.screen, GameDayScreen))
        app.refresh_now()
        await app.workers.wait_for_complete()
        app.refresh_now()
        await pilot.pause()

    assert snap_compare(app, terminal_size=SIZE, run_before=ready)
