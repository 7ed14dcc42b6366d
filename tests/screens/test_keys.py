"""Keys do what they say: against a real control socket with a handler that only writes down what came."""

from __future__ import annotations

import signal
import subprocess
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
from screens import caught_up, run_folder, screen_text, until
from textual.events import Key

from sim.control import ControlServer
from sim.errors import Refused
from sim.history.op import Op
from tui.app import RehearsalApp
from tui.screens.evidence import EvidenceScreen
from tui.screens.gate import GateSheet
from tui.screens.overview import Overview
from tui.screens.sheets import Interrupted, NoteSheet, Question, TextSheet
from tui.screens.verdict import CheckRows, Evidence, VerdictScreen

SIZE = (80, 24)


class Desk:
    """Takes every command but those it is told to refuse."""

    def __init__(self) -> None:
        self.came: list[tuple[str, dict[str, Any]]] = []
        self.refuse: str | None = None

    async def handle(self, verb: str, who: str, arguments: dict[str, Any]) -> str:
        self.came.append((verb, arguments))
        assert who
        if self.refuse:
            raise Refused(self.refuse)
        return f"done: {verb}"

    @property
    def verbs(self) -> list[str]:
        return [verb for verb, _ in self.came]


@pytest.fixture
async def open_run(tmp_path: Path) -> AsyncIterator[Callable[..., Any]]:
    servers: list[ControlServer] = []

    async def begin(**options: Any) -> tuple[RehearsalApp, Desk, Path]:
        folder, desk = run_folder(tmp_path, **options), Desk()
        server = ControlServer(folder, desk.handle)
        await server.start()
        servers.append(server)
        return RehearsalApp(folder, refresh_s=0.05), desk, folder

    yield begin
    for server in servers:
        await server.close()


def write_on(folder: Path, *ops: Op) -> None:
    with open(folder / "history.jsonl", "ab") as file:
        for op in ops:
            file.write(msgspec.json.encode(op) + b"\n")


def toasts(app: RehearsalApp) -> str:
    return " ".join(f"{n.title} {n.message}" for n in app._notifications)


async def test_space_pauses_and_then_resumes_the_runbook(open_run: Callable[..., Any]) -> None:
    app, desk, folder = await open_run()
    async with app.run_test(size=SIZE) as pilot:
        await caught_up(pilot)
        await pilot.press("space")
        await until(pilot, lambda: desk.verbs == ["pause"] and "done: pause" in toasts(app))
        last = app.shown.ops
        write_on(folder, Op(last, "invoke", "operator", "pause", 48.6),
                 Op(last + 1, "ok", "operator", "pause", 48.6, last))
        await until(pilot, lambda: app.shown.runbook.pause_asked)
        await pilot.press("space")
        await until(pilot, lambda: desk.verbs == ["pause", "resume"])


async def test_new_lines_appear_by_themselves(open_run: Callable[..., Any]) -> None:
    app, _, folder = await open_run()
    async with app.run_test(size=SIZE) as pilot:
        await caught_up(pilot)
        write_on(folder, Op(app.shown.ops, "info", "harness", "note", 48.9, value={"text": "hello there", "who": "li"}))
        await until(pilot, lambda: "li: hello there" in screen_text(app))


@pytest.mark.parametrize(("key", "verb"), [("a", "approve"), ("p", "postpone"), ("x", "nogo")])
async def test_a_gate_brings_its_sheet_and_the_decision_has_name_and_reason(
        open_run: Callable[..., Any], key: str, verb: str) -> None:
    app, desk, _ = await open_run(until_s=54.62, gate=True)
    async with app.run_test(size=(100, 30)) as pilot:
        await until(pilot, lambda: isinstance(app.screen, GateSheet) and "MUST BE SO" in screen_text(app))
        text = screen_text(app)
        for said in ("GO OR NO-GO", "Cut over to 2.3.0?", "WHERE", "SAFE?", "LOST IF WE CUT NOW", "WAY BACK",
                     "green is ready", "write_loss.grants", "of 200", "● GATE"):
            assert said in text, said
        await pilot.press(key, *"all well", "enter")
        await until(pilot, lambda: desk.verbs == [verb])
        assert desk.came[0][1]["reason"] == "all well"
        assert desk.came[0][1].get("for_s") == (60.0 if verb == "postpone" else None)


async def test_a_reason_typed_at_once_is_a_reason(open_run: Callable[..., Any]) -> None:
    """What comes before its line has the focus is not lost, and its `p` and `x` decide nothing."""
    app, desk, _ = await open_run(until_s=54.62, gate=True)
    async with app.run_test(size=(100, 30)) as pilot:
        await until(pilot, lambda: isinstance(app.screen, GateSheet) and "MUST BE SO" in screen_text(app))
        sheet = app.screen
        for character in "axp well":
            sheet.post_message(Key("space" if character == " " else character, character))
        sheet.post_message(Key("enter", "\r"))
        await until(pilot, lambda: desk.verbs == ["approve"])
        assert desk.came[0][1]["reason"] == "xp well"


async def test_a_gates_sheet_can_be_put_away_and_its_keys_still_decide(open_run: Callable[..., Any]) -> None:
    app, desk, _ = await open_run(until_s=54.62, gate=True)
    async with app.run_test(size=SIZE) as pilot:
        await until(pilot, lambda: isinstance(app.screen, GateSheet))
        await pilot.press("escape")
        await until(pilot, lambda: "a GO   p postpone 60 s   x NO-GO, roll back" in screen_text(app))
        assert isinstance(app.screen, Overview) and desk.came == []
        await pilot.press("a")
        await until(pilot, lambda: desk.verbs == ["approve"])


async def test_abort_asks_once(open_run: Callable[..., Any]) -> None:
    app, desk, _ = await open_run()
    async with app.run_test(size=SIZE) as pilot:
        await caught_up(pilot)
        await pilot.press("x")
        await until(pilot, lambda: isinstance(app.screen, Question))
        assert "Abort and roll back to blue?" in screen_text(app)
        await pilot.press("escape")
        await until(pilot, lambda: isinstance(app.screen, Overview))
        assert desk.came == [], "nothing was sent before the answer, nor after a no"
        await pilot.press("x", "x")
        await until(pilot, lambda: desk.verbs == ["abort"])


async def test_a_note_is_sent_and_keys_typed_in_it_are_text(open_run: Callable[..., Any]) -> None:
    app, desk, _ = await open_run()
    async with app.run_test(size=SIZE) as pilot:
        await caught_up(pilot)
        await pilot.press("n")
        await until(pilot, lambda: isinstance(app.screen, NoteSheet))
        await pilot.press(*"qax 1", "enter")
        await until(pilot, lambda: desk.came == [("note", {"text": "qax 1"})])


async def test_a_refused_command_says_why(open_run: Callable[..., Any]) -> None:
    app, desk, _ = await open_run()
    desk.refuse = "no gate waits for a decision"
    async with app.run_test(size=SIZE) as pilot:
        await caught_up(pilot)
        await pilot.press("a")
        await until(pilot, lambda: "no gate waits for a decision" in toasts(app) and "refused" in toasts(app))


async def test_a_run_that_is_gone_says_so(tmp_path: Path) -> None:
    app = RehearsalApp(run_folder(tmp_path), refresh_s=0.05)
    async with app.run_test(size=SIZE) as pilot:
        await caught_up(pilot)
        await pilot.press("space")
        await until(pilot, lambda: "takes no commands" in toasts(app))


@pytest.mark.parametrize(("key", "sent", "leaves"), [("l", [], True), ("x", ["abort"], False), ("escape", [], False)])
async def test_q_asks_while_the_run_lives(open_run: Callable[..., Any], key: str, sent: list[str],
                                          leaves: bool) -> None:
    app, desk, _ = await open_run()
    async with app.run_test(size=SIZE) as pilot:
        await caught_up(pilot)
        await pilot.press("q")
        await until(pilot, lambda: isinstance(app.screen, Question))
        for said in ("leave it running", "abort it", "stay here"):
            assert said in screen_text(app)
        await pilot.press(key)
        await until(pilot, lambda: desk.verbs == sent and app._exit == leaves)


async def test_ctrl_q_asks_what_q_asks(open_run: Callable[..., Any]) -> None:
    app, desk, _ = await open_run()
    async with app.run_test(size=SIZE) as pilot:
        await caught_up(pilot)
        await pilot.press("ctrl+q")
        await until(pilot, lambda: isinstance(app.screen, Question) and "leave it running" in screen_text(app))
        await pilot.press("escape", "n", "ctrl+q")  # from under a sheet with a line to type in too
        await until(pilot, lambda: isinstance(app.screen, Question) and "leave it running" in screen_text(app))
        assert not app._exit and desk.came == []
        await pilot.press("l")
        await until(pilot, lambda: app._exit)


@pytest.mark.parametrize(("answer", "sent", "leaves"), [
    ("x", ["abort"], False), ("enter", ["abort"], False), ("ctrl+c", ["stop"], False), ("l", [], True),
    ("escape", [], False)])
async def test_ctrl_c_asks_to_roll_back_and_twice_stops_at_once(
        open_run: Callable[..., Any], answer: str, sent: list[str], leaves: bool) -> None:
    app, desk, _ = await open_run()
    async with app.run_test(size=SIZE) as pilot:
        await caught_up(pilot)
        await pilot.press("ctrl+c")
        await until(pilot, lambda: isinstance(app.screen, Interrupted))
        for said in ("Abort and roll back to blue?", "ctrl+c  stop and clean up now", "Way back now"):
            assert said in screen_text(app), said
        assert desk.came == []
        await pilot.press(answer)
        await until(pilot, lambda: desk.verbs == sent and app._exit == leaves)
        assert leaves or isinstance(app.screen, Overview)


async def test_ctrl_c_is_heard_under_every_sheet_and_while_it_is_rolled_back(open_run: Callable[..., Any]) -> None:
    app, desk, folder = await open_run()
    async with app.run_test(size=SIZE) as pilot:
        await caught_up(pilot)
        await pilot.press("n", *"half a note", "ctrl+c")
        await until(pilot, lambda: isinstance(app.screen, Interrupted))
        await pilot.press("escape")
        await until(pilot, lambda: isinstance(app.screen, NoteSheet))
        write_on(folder, Op(app.shown.ops, "info", "runbook", "state", 48.6, value={"state": "ABORTING", "why": ""}))
        await until(pilot, lambda: app.shown.state == "ABORTING")
        await pilot.press("ctrl+c")
        await until(pilot, lambda: "being rolled back" in screen_text(app))
        assert "Abort and roll back to blue?" not in screen_text(app)
        await pilot.press("ctrl+c")
        await until(pilot, lambda: desk.verbs == ["stop"])


async def test_ctrl_c_copies_what_is_marked_in_a_line_instead(open_run: Callable[..., Any]) -> None:
    app, desk, _ = await open_run()
    async with app.run_test(size=SIZE) as pilot:
        await caught_up(pilot)
        await pilot.press("n", *"abc", "shift+home", "ctrl+c")
        await until(pilot, lambda: app.clipboard == "abc")
        assert isinstance(app.screen, NoteSheet) and desk.came == []


@pytest.mark.parametrize("options", [{"replay": True}, {"read_only": True}])
async def test_where_nothing_can_be_commanded_ctrl_c_leaves(tmp_path: Path, options: dict[str, Any]) -> None:
    app = RehearsalApp(run_folder(tmp_path), refresh_s=0.05, **options)
    async with app.run_test(size=SIZE) as pilot:
        await caught_up(pilot)
        await pilot.press("ctrl+c")
        await until(pilot, lambda: app._exit)


@pytest.fixture
def sleeper() -> Iterator[subprocess.Popen[bytes]]:
    child = subprocess.Popen(["sleep", "60"])
    yield child
    child.kill()
    child.wait()


@pytest.mark.parametrize("keys", [("ctrl+c", "ctrl+c"), ("q", "x")])
async def test_a_run_that_still_starts_is_stopped_by_a_signal(
        tmp_path: Path, sleeper: subprocess.Popen[bytes], keys: tuple[str, ...]) -> None:
    folder = run_folder(tmp_path)
    (folder / "history.jsonl").unlink()
    app = RehearsalApp(folder, refresh_s=0.05, child=sleeper.pid)
    async with app.run_test(size=SIZE) as pilot:
        await until(pilot, lambda: "STARTING" in screen_text(app))
        await pilot.press(keys[0])
        await until(pilot, lambda: isinstance(app.screen, Question))
        assert sleeper.poll() is None
        await pilot.press(keys[1])
        await until(pilot, lambda: sleeper.poll() == -signal.SIGTERM)


async def test_a_finished_run_shows_its_verdict_by_itself_and_just_quits(tmp_path: Path) -> None:
    app = RehearsalApp(run_folder(tmp_path, until_s=1e9, judged=True, loses=True), refresh_s=0.05)
    async with app.run_test(size=SIZE) as pilot:
        await until(pilot, lambda: isinstance(app.screen, VerdictScreen) and app.shown.is_final)
        await until(pilot, lambda: "BROKEN, not expected" in screen_text(app))
        await pilot.press("1")
        await until(pilot, lambda: isinstance(app.screen, Overview))
        await pilot.press("7")
        await until(pilot, lambda: isinstance(app.screen, VerdictScreen))
        await pilot.press("q")
        await until(pilot, lambda: app._exit)


async def test_the_verdict_screen_selects_explains_and_reports(tmp_path: Path) -> None:
    folder = run_folder(tmp_path, until_s=1e9, judged=True, loses=True)
    app = RehearsalApp(folder, refresh_s=0.05)
    async with app.run_test(size=SIZE) as pilot:
        await until(pilot, lambda: isinstance(app.screen, VerdictScreen) and app.shown.is_final
                    and bool(app.screen.query(CheckRows)))
        rows, pane = app.screen.query_one(CheckRows), app.screen.query_one(Evidence)
        broken = [c.name for c in app.shown.verdict.checks].index("replay_queue")  # type: ignore[union-attr]
        await until(pilot, lambda: "CHECK" in screen_text(app))
        await until(pilot, lambda: rows.chosen == broken)  # what broke is chosen by itself
        await pilot.press("up", "up", "down")
        await until(pilot, lambda: rows.chosen == broken - 1)
        await pilot.press("down")
        await until(pilot, lambda: rows.chosen == broken)
        await until(pilot, lambda: bool(pane.witnesses))
        assert pane.check is not None and pane.check.name == "replay_queue"
        assert pane.witnesses[0].f == "step"  # type: ignore[index]
        assert "3 revocations are lost" in screen_text(app)
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(app.screen, EvidenceScreen) and "runbook step" in screen_text(app))
        await pilot.press("escape", "e")
        await until(pilot, lambda: isinstance(app.screen, TextSheet) and "replay_queue.captured" in screen_text(app))
        await pilot.press("escape", "r")
        await until(pilot, lambda: isinstance(app.screen, TextSheet) and "PRICE" in screen_text(app))
        await pilot.press("escape", "end")
        await until(pilot, lambda: rows.chosen == 14 and "fault_proof" in screen_text(app))


async def test_a_replay_holds_hurries_and_commands_nothing(open_run: Callable[..., Any]) -> None:
    _, desk, folder = await open_run(until_s=1e9, judged=True)
    app = RehearsalApp(folder, replay=True, speed=4.0, refresh_s=0.05)
    async with app.run_test(size=SIZE) as pilot:
        await until(pilot, lambda: "REPLAY 4×" in screen_text(app))
        await pilot.press("space")
        await until(pilot, lambda: "REPLAY paused" in screen_text(app))
        at = app.shown.now_s
        await pilot.press("right", "right")
        await until(pilot, lambda: app.shown.now_s > at + 15)
        await pilot.press("left", "left", "left")
        await until(pilot, lambda: not app.shown.reading and app.shown.now_s <= at)
        await pilot.press("space", "plus")
        await until(pilot, lambda: "REPLAY 8×" in screen_text(app))
        await pilot.press("a", "x", "n", "p")
        await until(pilot, lambda: "this is a replay" in toasts(app))
        assert desk.came == [] and isinstance(app.screen, Overview)
        await pilot.press("end")
        await until(pilot, lambda: isinstance(app.screen, VerdictScreen) and app.shown.is_final)
        await pilot.press("q")
        await until(pilot, lambda: app._exit)


async def test_help_and_palette_open(open_run: Callable[..., Any]) -> None:
    app, _, _ = await open_run()
    async with app.run_test(size=SIZE) as pilot:
        await caught_up(pilot)
        await pilot.press("question_mark")
        await until(pilot, lambda: isinstance(app.screen, TextSheet) and "NO-GO at a gate" in screen_text(app))
        await pilot.press("escape", "ctrl+p")
        await until(pilot, lambda: "Search for commands" in screen_text(app))
        await pilot.press(*"roll back")
        await until(pilot, lambda: "Abort" in screen_text(app))


async def test_a_starting_run_shows_what_it_waits_for(tmp_path: Path) -> None:
    folder = run_folder(tmp_path)
    (folder / "history.jsonl").unlink()
    (folder / "logs").mkdir()
    (folder / "logs" / "rehearsal.log").write_text("engine process: no daemon\nbuilding hydra 2.3.0: 65 s\n")
    app = RehearsalApp(folder, refresh_s=0.05)
    async with app.run_test(size=SIZE) as pilot:
        await until(pilot, lambda: "building hydra 2.3.0: 65 s" in screen_text(app))
